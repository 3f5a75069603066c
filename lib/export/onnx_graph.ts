/** The transformer of lib/nn/transformer.ts in ONNX's operators. */
import { UsageError } from "../errors.ts";
import type { NamedTensor } from "../nn/model.ts";
import { rotaryTable, type TransformerConfig } from "../nn/transformer.ts";
import { sliceColumns, transpose } from "./matrices.ts";
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from "./onnx_writer.ts";
import { layHeads, rotaryLayout } from "./rotary_layout.ts";

/** The first with RMSNormalization, RotaryEmbedding and Attention. */
const OPSET = 23;

/** What a graph holds. */
export type OnnxGraph = Pick<
  OnnxModel,
  "nodes" | "initializers" | "inputs" | "outputs" | "opset"
>;

/** How a graph is made. */
export interface OnnxGraphOptions {
  /**
   * Whether keys and values of earlier tokens go in (`past_key_values.L.key`) and those of all come out
   * (`present.L.key`), (batch, heads, tokens, headDim); L counts layers, and those of a looped transformer anew in each
   * loop. All rows of a batch have as many earlier tokens. Default: false.
   */
  readonly cache?: boolean;
}

/**
 * Its inputs are `input_ids` and `position_ids`, int64 (batch, length); its outputs `logits` (batch, length, vocabulary) and
 * `values` (batch, length, outputs), as far as the model has the heads. A token sees those before it, so that shorter rows
 * may be filled up at their ends with any.
 *
 * @throws UsageError for a cache of a GRU, which has none.
 */
export function onnxGraph(
  c: TransformerConfig,
  weights: Readonly<Record<string, NamedTensor>>,
  { cache = false }: OnnxGraphOptions = {},
): OnnxGraph {
  if (cache && c.mixer === "gru") {
    throw new UsageError("cache", cache, "a GRU has no keys and values: export it without");
  }
  const graph = new GraphBuilder(weights);
  const heads = c.dModel / c.headDim;
  graph.input("input_ids", { type: "int64", shape: ["batch", "length"] });
  graph.input("position_ids", { type: "int64", shape: ["batch", "length"] });
  if (c.mixer !== "gru") addRotaryTables(graph, c);
  if (cache) addCausalMask(graph);
  let x = graph.add("Gather", [graph.weight("embedding"), "input_ids"]);
  for (let i = 0; i < (c.loops ?? 1) * c.layers; i++) {
    const name = `layers.${i % c.layers}.`;
    const normed = graph.rmsNorm(x, `${name}norm1`);
    const mixed = c.mixer === "gru"
      ? gru(graph, normed, name, c.dModel)
      : attention(graph, normed, name, c, cache ? i : undefined);
    x = graph.add("Add", [x, graph.linear(mixed, `${name}out`)]);
    const up = graph.linear(graph.rmsNorm(x, `${name}norm2`), `${name}up`);
    const active = graph.add("Gelu", [up], { approximate: { string: "tanh" } });
    x = graph.add("Add", [x, graph.linear(active, `${name}down`)]);
  }
  const last = graph.rmsNorm(x, "norm");
  const output = (name: string, head: string, width: number) => {
    graph.add("MatMul", [last, graph.weight(head)], {}, [name]);
    graph.output(name, { type: "float32", shape: ["batch", "length", width] });
  };
  if (c.languageHead) output("logits", "head", c.vocabularySize);
  if (c.valueHead) output("values", "value_head", c.valueHead.outputs);
  if (cache) {
    for (let i = 0; i < (c.loops ?? 1) * c.layers; i++) {
      for (const part of ["key", "value"]) {
        const shape = (tokens: string) => ["batch", heads, tokens, c.headDim];
        graph.input(`past_key_values.${i}.${part}`, { type: "float32", shape: shape("past") });
        graph.output(`present.${i}.${part}`, { type: "float32", shape: shape("total") });
      }
    }
  }
  return { ...graph.parts, opset: OPSET };
}

/** Collects nodes; every value gets a name of its own. */
class GraphBuilder {
  readonly parts = {
    nodes: [] as OnnxNode[],
    initializers: {} as Record<string, OnnxTensor>,
    inputs: {} as Record<string, OnnxValue>,
    outputs: {} as Record<string, OnnxValue>,
  };

  constructor(readonly weights: Readonly<Record<string, NamedTensor>>) {}

  input(name: string, value: OnnxValue): void {
    this.parts.inputs[name] = value;
  }

  output(name: string, value: OnnxValue): void {
    this.parts.outputs[name] = value;
  }

  constant(name: string, tensor: OnnxTensor): string {
    this.parts.initializers[name] = tensor;
    return name;
  }

  /** Whole numbers: a list, or one of no dimensions. */
  integers(name: string, values: readonly number[] | number): string {
    const shape = typeof values === "number" ? [] : [values.length];
    return this.constant(name, { shape, data: BigInt64Array.from([values].flat(), BigInt) });
  }

  /** The name of a weight: as the model has it, or made of its weights. A looped transformer asks for it again. */
  weight(name: string, make: () => OnnxTensor = () => this.weights[name]!): string {
    return Object.hasOwn(this.parts.initializers, name) ? name : this.constant(name, make());
  }

  /** A node with one output, whose name it returns, or with those `outputs`. */
  add(
    op: string,
    inputs: readonly string[],
    attributes: NonNullable<OnnxNode["attributes"]> = {},
    outputs: readonly string[] = [`${op}_${this.parts.nodes.length}`],
  ): string {
    this.parts.nodes.push({ op, inputs, outputs, attributes });
    return outputs[0]!;
  }

  linear(x: string, matrix: string): string {
    return this.add("MatMul", [x, this.weight(matrix)]);
  }

  rmsNorm(x: string, gain: string): string {
    const attributes = { axis: { int: -1 }, epsilon: { float: 1e-5 } };
    return this.add("RMSNormalization", [x, this.weight(gain)], attributes);
  }
}

/** The kit's own cosines and sines, so that positions are turned by the same numbers. */
function addRotaryTables(graph: GraphBuilder, c: TransformerConfig): void {
  const table = rotaryTable(c), shape = [c.maxPosition, c.rotaryDim / 2];
  const half = (which: 0 | 1) => table.filter((_, k) => k % 2 === which);
  graph.constant("rotary.cos", { shape, data: half(0) });
  graph.constant("rotary.sin", { shape, data: half(1) });
}

/** "mask" (length, past + length): whether a token sees a key, which no later token may have. */
function addCausalMask(graph: GraphBuilder): void {
  const length = (value: string, axis: number, name: string) => {
    const shape = graph.add("Shape", [value], { start: { int: axis }, end: { int: axis + 1 } });
    return graph.add("Squeeze", [shape], {}, [name]);
  };
  const past = length("past_key_values.0.key", 2, "past length");
  const total = graph.add("Add", [past, length("input_ids", 1, "new length")], {}, [
    "total length",
  ]);
  const zero = graph.integers("zero", 0), one = graph.integers("one", 1);
  const keys = graph.add("Range", [zero, total, one]);
  const queries = graph.add("Range", [past, total, one]);
  const column = graph.add("Unsqueeze", [queries, graph.integers("axis", [1])]);
  graph.add("LessOrEqual", [keys, column], {}, ["mask"]);
}

/** @param cached Number of the keys and values in the cache. */
function attention(
  graph: GraphBuilder,
  x: string,
  name: string,
  c: TransformerConfig,
  cached: number | undefined,
): string {
  const d = c.dModel, heads = { int: d / c.headDim }, layout = rotaryLayout(c, c.rotaryDim / 2);
  const project = (part: "q" | "k" | "v", index: number) => {
    const matrix = graph.weight(`${name}${part}`, () => {
      const { data } = graph.weights[`${name}qkv`]!;
      const own = sliceColumns(data, 3 * d, index * d, (index + 1) * d);
      return { shape: [d, d], data: part === "v" ? own : layHeads(own, d, layout) };
    });
    const projected = graph.add("MatMul", [x, matrix]);
    if (part === "v") return projected;
    return graph.add("RotaryEmbedding", [projected, "rotary.cos", "rotary.sin", "position_ids"], {
      num_heads: heads,
      rotary_embedding_dim: { int: c.rotaryDim },
    });
  };
  const qkv = [project("q", 0), project("k", 1), project("v", 2)];
  const shape = { q_num_heads: heads, kv_num_heads: heads };
  if (cached === undefined) return graph.add("Attention", qkv, { ...shape, is_causal: { int: 1 } });
  const parts = ["key", "value"];
  // Opset 23's own causal mask is aligned to the upper left: it would hide keys of the past.
  const inputs = [...qkv, "mask", ...parts.map((part) => `past_key_values.${cached}.${part}`)];
  const present = parts.map((part) => `present.${cached}.${part}`);
  return graph.add("Attention", inputs, shape, [`attention.${cached}`, ...present]);
}

/** A GRU as PyTorch has it: ONNX's with `linear_before_reset`. */
function gru(graph: GraphBuilder, x: string, name: string, d: number): string {
  // The kit's gates are reset, update, new; ONNX's update, reset, new, each matrix transposed.
  const matrix = (part: string) =>
    graph.weight(`${name}${part}`, () => {
      const { data } = graph.weights[`${name}${part}`]!;
      const gates = [1, 0, 2].map((gate) =>
        transpose(sliceColumns(data, 3 * d, gate * d, (gate + 1) * d), d)
      );
      const all = new Float32Array(3 * d * d);
      gates.forEach((gate, i) => all.set(gate, i * d * d));
      return { shape: [1, 3 * d, d], data: all };
    });
  const swap = { perm: { ints: [1, 0, 2] } };
  const byTime = graph.add("Transpose", [x], swap);
  const states = graph.add("GRU", [byTime, matrix("input"), matrix("recurrent")], {
    hidden_size: { int: d },
    linear_before_reset: { int: 1 },
  });
  const joined = graph.add("Squeeze", [states, graph.integers("directions", [1])]);
  return graph.add("Transpose", [joined], swap);
}
