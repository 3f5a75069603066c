/**
 * Writes ONNX models: the part of onnx.proto (https://github.com/onnx/onnx) that a graph of nodes and float32 or int64
 * tensors needs, in protobuf's wire format. Equal models give equal bytes.
 */
import { Buffer } from "node:buffer";

/** IR version 11, that of opset 23's release, ONNX 1.18. */
const IR_VERSION = 11;

/** An attribute of a node. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] };

/** An operator with the names of what it reads and writes; an input that is left out is "". */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** A constant, row-major; [] is one scalar. */
export interface OnnxTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** An input or output of the graph. */
export interface OnnxValue {
  readonly type: "float32" | "int64";
  /** Lengths, or names of lengths that are known only when it runs. */
  readonly shape: readonly (number | string)[];
}

/** A model. */
export interface OnnxModel {
  readonly name: string;
  /** In an order in which each finds its inputs made. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: Readonly<Record<string, OnnxTensor>>;
  readonly inputs: Readonly<Record<string, OnnxValue>>;
  readonly outputs: Readonly<Record<string, OnnxValue>>;
  /** Version of the operators. */
  readonly opset: number;
  readonly producer: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The model's bytes. */
export function writeOnnx(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const graph = message(
    ...model.nodes.map((node, i) => field(1, nodeBytes(node, `${node.op}_${i}`))),
    text(2, model.name),
    ...Object.entries(model.initializers).map(([name, t]) => field(5, tensorBytes(name, t))),
    ...Object.entries(model.inputs).map(([name, v]) => field(11, valueBytes(name, v))),
    ...Object.entries(model.outputs).map(([name, v]) => field(12, valueBytes(name, v))),
  );
  const parts = message(
    integer(1, IR_VERSION),
    text(2, model.producer),
    field(7, graph),
    // The domain of the standard's own operators has no name.
    field(8, message(text(1, ""), integer(2, model.opset))),
    ...Object.entries(model.metadata).map(([key, value]) =>
      field(14, message(text(1, key), text(2, value)))
    ),
  );
  return new Uint8Array(Buffer.concat(parts));
}

/** ElementType of TensorProto. */
const ELEMENT = { float32: 1, int64: 7 } as const;

function nodeBytes({ op, inputs, outputs, attributes = {} }: OnnxNode, name: string): Part[] {
  return message(
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    text(3, name),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => field(5, attributeBytes(name, value))),
  );
}

function attributeBytes(name: string, value: OnnxAttribute): Part[] {
  const [content, type] = "float" in value
    ? [[float(2, value.float)], 1]
    : "int" in value
    ? [[integer(3, value.int)], 2]
    : "string" in value
    ? [[text(4, value.string)], 3]
    : [value.ints.map((x) => integer(8, x)), 7];
  return message(text(1, name), ...content, integer(20, type));
}

function tensorBytes(name: string, { shape, data }: OnnxTensor): Part[] {
  const type = data instanceof Float32Array ? "float32" : "int64";
  return message(
    ...shape.map((length) => integer(1, length)),
    integer(2, ELEMENT[type]),
    text(8, name),
    field(9, [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]),
  );
}

function valueBytes(name: string, { type, shape }: OnnxValue): Part[] {
  const dimensions = shape.map((length) =>
    field(1, message(typeof length === "number" ? integer(1, length) : text(2, length)))
  );
  const tensor = message(integer(1, ELEMENT[type]), field(2, message(...dimensions)));
  return message(text(1, name), field(2, message(field(1, tensor))));
}

/** Bytes to be joined at the end. */
type Part = Uint8Array;

const VARINT = 0, LENGTH = 2, FIXED32 = 5;

function message(...fields: readonly Part[][]): Part[] {
  return fields.flat();
}

function field(number: number, content: readonly Part[]): Part[] {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return [tag(number, LENGTH), varint(length), ...content];
}

function text(number: number, value: string): Part[] {
  return field(number, [new TextEncoder().encode(value)]);
}

function integer(number: number, value: number): Part[] {
  return [tag(number, VARINT), varint(value)];
}

function float(number: number, value: number): Part[] {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [tag(number, FIXED32), bytes];
}

function tag(number: number, wire: number): Part {
  return varint(8 * number + wire);
}

/** Base 128, the lowest digit first; a negative number as its 64-bit two's complement. */
function varint(value: number): Part {
  const digits: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const digit = Number(rest & 0x7fn);
    rest >>= 7n;
    digits.push(rest > 0n ? digit | 0x80 : digit);
  } while (rest > 0n);
  return Uint8Array.from(digits);
}
