import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { UsageError } from "../errors.ts";
import { Model, type NamedTensor } from "./model.ts";
import { smallConfig } from "./testing.ts";
import { type TransformerConfig, transformerParameters } from "./transformer.ts";

const engine = await WasmEngine.create();

Deno.test("a config that the kernels cannot run is a UsageError that names the field", () => {
  const cases: [Partial<TransformerConfig>, RegExp][] = [
    [{ vocabularySize: 0 }, /^vocabularySize: 0: give a positive integer/],
    [{ dModel: 24 }, /^dModel: 24: give a multiple of 16/],
    [{ dModel: -16 }, /^dModel: -16/],
    [{ layers: 1.5 }, /^layers: 1.5/],
    [{ headDim: 8 }, /^headDim: 8: give a multiple of 16/],
    [{ dModel: 64, headDim: 48 }, /^headDim: 48: give a divisor of dModel \(64\)/],
    [{ rotaryDim: 4 }, /^rotaryDim: 4: give a multiple of 16/],
    [{ rotaryDim: 24, headDim: 32 }, /^rotaryDim: 24/],
    [{ rotaryDim: 32 }, /^rotaryDim: 32: give at most headDim \(16\)/],
    [{ ropeBase: 0 }, /^ropeBase: 0: give a positive number/],
    [{ maxPosition: 0 }, /^maxPosition: 0/],
    [{ mlpRatio: 0 }, /^mlpRatio: 0/],
    [{ loops: 0 }, /^loops: 0: give a positive integer/],
    [{ loops: 1.5 }, /^loops: 1.5/],
    [{ mixer: "lstm" as "gru" }, /^mixer: "lstm": give "attention" or "gru"/],
    [{ languageHead: false }, /^languageHead: false: give the model this head or a value head/],
    [{ valueHead: { loss: "squared_error", outputs: 0 } }, /^valueHead.outputs: 0/],
  ];
  for (const [change, message] of cases) {
    const make = () => new Model(engine, smallConfig(change));
    assert.throws(
      make,
      (e: Error) => e instanceof UsageError && message.test(e.message),
      JSON.stringify(change),
    );
  }
});

Deno.test("initial weights have their standard deviations, and streams of their own", async () => {
  const config = smallConfig({ dModel: 64, valueHead: { loss: "squared_error", outputs: 20 } });
  const model = new Model(engine, config).initialize(1), tensors = await model.tensors();
  const again = new Model(engine, config).initialize(1);
  assert.equal(await again.digest(), await model.digest());
  assert.notEqual(await again.initialize(2).digest(), await model.digest());
  for (const { name, rows, cols, init } of transformerParameters(config)) {
    const { data, shape } = tensors[name]!;
    assert.deepEqual(shape, rows === 1 ? [cols] : [rows, cols], name);
    if (init === "ones") {
      assert.ok(data.every((x) => x === 1), name);
      continue;
    }
    const n = data.length, mean = data.reduce((a, b) => a + b, 0) / n;
    const std = Math.sqrt(data.reduce((s, x) => s + x * x, 0) / n);
    // Four standard errors.
    assert.ok(Math.abs(mean) < 4 * init / Math.sqrt(n), `${name}: mean ${mean}`);
    assert.ok(
      Math.abs(std / init - 1) < 4 / Math.sqrt(2 * n),
      `${name}: standard deviation ${std}, not ${init}`,
    );
  }
  const first = Object.values(tensors).map((t) => t.data[0]).filter((x) => x !== 1);
  assert.equal(new Set(first).size, first.length, "two tensors share a stream");
});

Deno.test("tensors come back as they were set", async () => {
  const config = smallConfig({ valueHead: { loss: "soft_cross_entropy", outputs: 19 } });
  const a = new Model(engine, config).initialize(1), b = new Model(engine, config);
  for (const state of ["weights", "m", "v"] as const) {
    b.setTensors(await a.tensors(), state);
    assert.deepEqual(await b.tensors(state), await a.tensors());
  }
  assert.equal(await b.digest(), await a.digest());
  assert.deepEqual(
    Object.keys(await a.tensors()),
    transformerParameters(config).map((p) => p.name),
  );
});

Deno.test("tensors that are not the model's are refused by name, and then none is set", async () => {
  const config = smallConfig({ valueHead: { loss: "squared_error", outputs: 1 } });
  const model = new Model(engine, config).initialize(1), before = await model.digest();
  const tensors = await new Model(engine, config).initialize(2).tensors();
  const changed = (name: string, change: Partial<NamedTensor>) => ({
    ...tensors,
    [name]: { ...tensors[name]!, ...change },
  });
  const { norm: _, ...missing } = tensors;
  const { data } = tensors["layers.1.norm2"]!, { embedding } = tensors;
  const cases: [Readonly<Record<string, NamedTensor>>, string][] = [
    [missing, 'checkpoint: "norm": this tensor is missing: is it another model\'s?'],
    [{ ...tensors, "layers.2.up": embedding! }, 'checkpoint: "layers.2.up": the model has no such'],
    [{ ...tensors, ["__proto__"]: embedding! }, 'checkpoint: "__proto__": the model has no such'],
    [
      changed("embedding", { shape: [32, 21] }),
      'checkpoint embedding: "[32, 21]": the model needs [21, 32]',
    ],
    [
      changed("embedding", { shape: [672] }),
      'checkpoint embedding: "[672]": the model needs [21, 32]',
    ],
    [
      changed("embedding", { shape: [1, 21, 32] }),
      'checkpoint embedding: "[1, 21, 32]": the model needs',
    ],
    [
      changed("layers.1.norm2", { shape: [1, 32] }),
      'checkpoint layers.1.norm2: "[1, 32]": the model needs [32]',
    ],
    [
      changed("value_head", { shape: [32] }),
      'checkpoint value_head: "[32]": the model needs [32, 1]',
    ],
    [changed("norm", { shape: [] }), 'checkpoint norm: "[]": the model needs [32]'],
    [
      changed("norm", { data: data.slice(1) }),
      'checkpoint norm: "Float32Array of 31": the model needs Float32Array of 32',
    ],
    [
      changed("norm", { data: new Int32Array(32) as unknown as Float32Array }),
      'checkpoint norm: "Int32Array of 32": the model needs Float32Array of 32',
    ],
    [
      changed("norm", { data: new Float64Array(32) as unknown as Float32Array }),
      'checkpoint norm: "Float64Array of 32": the model needs Float32Array of 32',
    ],
    [
      await new Model(engine, { ...config, dModel: 48 }).tensors(),
      'checkpoint embedding: "[21, 48]": the model needs [21, 32]',
    ],
    [
      await new Model(engine, { ...config, layers: 3 }).tensors(),
      'checkpoint: "layers.2.qkv": the model has no such',
    ],
    [
      await new Model(engine, { ...config, layers: 1 }).tensors(),
      'checkpoint: "layers.1.qkv": this tensor is missing',
    ],
  ];
  for (const [wrong, message] of cases) {
    for (const state of ["weights", "m", "v"] as const) {
      assert.throws(() => model.setTensors(wrong, state), (e) => {
        assert.ok(e instanceof UsageError);
        assert.ok(e.message.startsWith(message), `${e.message}, not ${message}`);
        return true;
      });
    }
  }
  assert.equal(await model.digest(), before);
  assert.ok(
    Object.values(await model.tensors("m")).every(({ data }) => data.every((x) => x === 0)),
  );
});

Deno.test("parameters with weight decay come first: the optimizer's blocks rely on it", () => {
  const config = smallConfig({ layers: 3, valueHead: { loss: "squared_error", outputs: 1 } });
  const decay = transformerParameters(config).map((p) => p.decay);
  assert.deepEqual(decay, decay.toSorted((a, b) => Number(b) - Number(a)));
  for (const p of transformerParameters(config)) assert.equal(p.decay, p.rows > 1, p.name);
});
