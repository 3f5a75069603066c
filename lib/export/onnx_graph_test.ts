/** Exported graphs in ONNX Runtime. Skipped, with the reason, where its native library cannot be loaded. */
import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { UsageError } from "../errors.ts";
import { onnxTests } from "../llm/onnx/testing.ts";
import type { Sequence } from "../nn/batch.ts";
import { referenceForward, weightsOf } from "../nn/reference.ts";
import type { TransformerConfig } from "../nn/transformer.ts";
import { onnxGraph } from "./onnx_graph.ts";
import { writeOnnx } from "./onnx_writer.ts";
import {
  architectures,
  formulaModel,
  jumpingSequences,
  outputsOf,
  relativeError,
} from "./testing.ts";

type OnnxRuntime = typeof import("onnxruntime-node");
type Session = Awaited<ReturnType<OnnxRuntime["InferenceSession"]["create"]>>;
type Feeds = Parameters<Session["run"]>[0];

const onnxTest = await onnxTests();

/** A test with ONNX Runtime and an engine. */
function test(name: string, body: (ort: OnnxRuntime, engine: WasmEngine) => Promise<void>): void {
  onnxTest(name, async () => {
    const engine = await WasmEngine.create({ threads: 1 });
    try {
      await body(await import("onnxruntime-node"), engine);
    } finally {
      engine.close();
    }
  });
}

async function sessionOf(
  ort: OnnxRuntime,
  engine: WasmEngine,
  config: TransformerConfig,
  cache: boolean,
): Promise<Session> {
  const weights = await formulaModel(engine, config).tensors();
  const bytes = writeOnnx({
    ...onnxGraph(config, weights, { cache }),
    ...{ name: "test", producer: "test", metadata: {} },
  });
  return await ort.InferenceSession.create(bytes);
}

/** Texts side by side, the shorter ones filled up. */
function feeds({ Tensor }: OnnxRuntime, rows: readonly Sequence[]): Feeds {
  const length = Math.max(...rows.map(({ tokens }) => tokens.length));
  const ids = (of: (row: Sequence) => readonly number[]) => {
    const data = new BigInt64Array(rows.length * length);
    rows.forEach((row, i) => of(row).forEach((id, t) => data[i * length + t] = BigInt(id)));
    return new Tensor("int64", data, [rows.length, length]);
  };
  return { input_ids: ids(({ tokens }) => tokens), position_ids: ids((row) => row.positions!) };
}

/** Outputs of the texts' own tokens, in turn. */
function own(
  output: { readonly data: unknown; readonly dims: readonly number[] },
  rows: readonly Sequence[],
): number[] {
  const [, length, width] = output.dims as [number, number, number];
  const data = output.data as Float32Array;
  return rows.flatMap(({ tokens }, i) =>
    Array.from(data.subarray(i * length * width, (i * length + tokens.length) * width))
  );
}

for (const [name, config] of Object.entries(architectures)) {
  test(`${name}: a batch of ragged texts has the kit's outputs`, async (ort, engine) => {
    const texts = jumpingSequences(config), model = formulaModel(engine, config);
    const session = await sessionOf(ort, engine, config, false);
    const out = await session.run(feeds(ort, texts));
    const kit = await outputsOf(model, texts), weights = weightsOf(await model.tensors());
    assert.deepEqual(Object.keys(out).sort(), Object.keys(kit).sort());
    for (const head of Object.keys(kit) as ("logits" | "values")[]) {
      const found = own(out[head]!, texts);
      assert.ok(relativeError(found, kit[head]!) < 1e-6, `${head}: ${found}`);
      // What rounding there is, is the kit's as well: in float64 it is less.
      const exact = texts.flatMap((text) => referenceForward(config, weights, text)[head]!.flat());
      assert.ok(relativeError(found, exact) < 1e-6, head);
    }
    await session.release();
  });
}

for (const [name, config] of Object.entries(architectures)) {
  if (config.mixer === "gru") continue;
  test(`${name}: step by step with a cache gives what one pass gives`, async (ort, engine) => {
    const heads = config.dModel / config.headDim, caches = (config.loops ?? 1) * config.layers;
    // Of one length, side by side.
    const shortest = Math.min(...jumpingSequences(config).map(({ tokens }) => tokens.length));
    const texts = jumpingSequences(config).map(({ tokens, positions }) => ({
      tokens: tokens.slice(0, shortest),
      positions: positions!.slice(0, shortest),
    }));
    const whole = await sessionOf(ort, engine, config, false);
    const expected = await whole.run(feeds(ort, texts));
    const session = await sessionOf(ort, engine, config, true);
    let past: Feeds = Object.fromEntries(
      Array.from({ length: caches }, (_, i) =>
        ["key", "value"].map((part) => [
          `past_key_values.${i}.${part}`,
          new ort.Tensor("float32", new Float32Array(0), [texts.length, heads, 0, config.headDim]),
        ])).flat(),
    );
    for (let start = 0, end = 4; start < shortest; start = end++) {
      const part = texts.map(({ tokens, positions }) => ({
        tokens: tokens.slice(start, end),
        positions: positions.slice(start, end),
      }));
      const out = await session.run({ ...feeds(ort, part), ...past });
      for (const head of Object.keys(expected)) {
        const { data, dims } = expected[head]!, width = dims.at(-1)!;
        const rows = texts.flatMap((_, i) =>
          Array.from((data as Float32Array).subarray(
            (i * shortest + start) * width,
            (i * shortest + end) * width,
          ))
        );
        assert.ok(relativeError(own(out[head]!, part), rows) < 1e-6, `${head}, token ${start}`);
      }
      past = Object.fromEntries(
        Object.entries(out).filter(([name]) => name.startsWith("present")).map(([name, value]) => {
          assert.equal(value.dims[2], end, "keys and values of all tokens so far");
          return [name.replace("present", "past_key_values"), value];
        }),
      );
      assert.equal(Object.keys(past).length, 2 * caches);
    }
    await Promise.all([whole.release(), session.release()]);
  });
}

test("position ids are read: others give other outputs", async (ort, engine) => {
  const config = architectures.language!, [text] = jumpingSequences(config);
  const session = await sessionOf(ort, engine, config, false);
  const moved = { ...text!, positions: text!.tokens.map((_, t) => 4 * t) };
  const [given, other] = await Promise.all(
    [text!, moved].map(async (one) => own((await session.run(feeds(ort, [one]))).logits!, [one])),
  );
  assert.ok(relativeError(given!, other!) > 0.01);
  await session.release();
});

Deno.test("a GRU has no cache to export", async () => {
  const engine = await WasmEngine.create({ threads: 1 }), config = architectures.gru!;
  const weights = await formulaModel(engine, config).tensors();
  assert.throws(() => onnxGraph(config, weights, { cache: true }), UsageError);
  engine.close();
});
