import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { Model, type NamedTensor } from "./model.ts";
import { adamW, type OptimizerConfig } from "./optimizer.ts";
import { randomSequences, smallConfig } from "./testing.ts";

const engine = await WasmEngine.create();
const config = smallConfig({ valueHead: { loss: "squared_error", outputs: 2 } });
const optimizer = adamW(0.01, 10);
const batch = (seed: number) => randomSequences(config, { count: 6, length: 12, seed });

function train(model: Model, from: number, to: number) {
  return Promise.all(Array.from(
    { length: to - from },
    (_, i) => model.train(batch(from + i), 12, optimizer),
  ));
}

Deno.test("a resumed run ends in the digest of the uninterrupted one", async () => {
  const whole = new Model(engine, config).initialize(1);
  const reports = await train(whole, 0, 10);

  const first = new Model(engine, config).initialize(1);
  await train(first, 0, 4);
  const saved = {
    weights: await first.tensors(),
    m: await first.tensors("m"),
    v: await first.tensors("v"),
    step: first.step,
  };
  const elsewhere = await WasmEngine.create({ threads: 2 });
  try {
    const resumed = new Model(elsewhere, config);
    for (const state of ["weights", "m", "v"] as const) resumed.setTensors(saved[state], state);
    resumed.step = saved.step;
    assert.equal(await resumed.digest(), await first.digest());
    assert.deepEqual(await train(resumed, 4, 10), reports.slice(4));
    assert.equal(await resumed.digest(), await whole.digest());
    assert.deepEqual(await resumed.tensors("v"), await whole.tensors("v"));
  } finally {
    elsewhere.close();
  }
});

Deno.test("models on one engine, and passes between steps, do not disturb a run", async () => {
  const alone = new Model(engine, config).initialize(1);
  await train(alone, 0, 5);
  const a = new Model(engine, config).initialize(1),
    b = new Model(engine, smallConfig({ dModel: 64 })).initialize(2);
  for (let step = 0; step < 5; step++) {
    await train(a, step, step + 1);
    await b.train(randomSequences(b.config, { count: 20, length: 20, seed: step }), 20, optimizer);
    await a.forward(batch(50), [{ sequence: 0, token: 0 }]);
    await a.gradients(batch(51), 12);
    await a.generate([{ tokens: [1], row: 0, position: (i) => i }], {
      maxTokens: 4,
      temperature: 1,
      stop: [],
      seed: 1,
      purpose: "between",
    });
  }
  assert.equal(await a.digest(), await alone.digest());
});

Deno.test("the loss falls, and a batch that comes again is learnt", async () => {
  const model = new Model(engine, config).initialize(1), o = adamW(0.01, 60);
  const [first, ...rest] = await Promise.all(
    Array.from({ length: 60 }, () => model.train(batch(0), 12, o)),
  );
  const last = rest.at(-1)!;
  assert.ok(last.loss < 0.1 * first!.loss, `loss ${first!.loss} -> ${last.loss}`);
  assert.ok(
    last.valueLoss < 0.1 * first!.valueLoss,
    `value loss ${first!.valueLoss} -> ${last.valueLoss}`,
  );
});

Deno.test("gradients do not depend on how far the batch is padded", async () => {
  const model = new Model(engine, config).initialize(1);
  const short = await model.gradients(batch(0), 12), long = await model.gradients(batch(0), 36);
  assert.equal(long.loss, short.loss);
  // -0 and 0 are told apart by nothing that follows.
  const plain = (g: Record<string, Float32Array>) =>
    Object.values(g).map((x) => x.map((v) => v + 0));
  assert.deepEqual(plain(long.gradients), plain(short.gradients));
});

/** The step by the book, in float64: clipped gradient, decay of matrices, AdamW. */
function expectedStep(
  { before, m, v, gradients, norm, step, o }: {
    before: Record<string, NamedTensor>;
    m: Record<string, NamedTensor>;
    v: Record<string, NamedTensor>;
    gradients: Record<string, Float32Array>;
    norm: number;
    step: number;
    o: OptimizerConfig;
  },
): Record<string, Float64Array> {
  const lr = o.learningRate, clip = Math.min(1, o.clip / norm);
  return Object.fromEntries(
    Object.entries(before).map(([name, { data }]) => {
      const decay = name.includes("norm") ? 1 : 1 - lr * o.weightDecay;
      return [
        name,
        Float64Array.from(data, (w, i) => {
          const g = gradients[name]![i]! * clip;
          const mt = (o.beta1 * m[name]!.data[i]! + (1 - o.beta1) * g) /
            (1 - o.beta1 ** (step + 1));
          const vt = (o.beta2 * v[name]!.data[i]! + (1 - o.beta2) * g * g) /
            (1 - o.beta2 ** (step + 1));
          return w * decay - lr * mt / (Math.sqrt(vt) + o.epsilon);
        }),
      ];
    }),
  );
}

Deno.test("a step is clipped AdamW with decay of the matrices, in float64", async () => {
  const o = {
    ...adamW(0.01, 1000),
    warmupSteps: 0,
    finalFraction: 1,
    weightDecay: 0.3,
    clip: 0.5,
    epsilon: 1e-6,
  };
  const model = new Model(engine, config).initialize(1);
  for (let step = 0; step < 3; step++) {
    const before = await model.tensors(),
      m = await model.tensors("m"),
      v = await model.tensors("v");
    const { gradients, gradientNorm } = await model.gradients(batch(step), 12);
    assert.ok(gradientNorm > o.clip, "nothing is clipped: a useless test");
    const expected = expectedStep({ before, m, v, gradients, norm: gradientNorm, step, o });
    const report = await model.train(batch(step), 12, o);
    assert.equal(report.gradientNorm, gradientNorm);
    assert.equal(model.step, step + 1);
    for (const [name, { data }] of Object.entries(await model.tensors())) {
      data.forEach((w, i) => {
        const e = expected[name]![i]!;
        // Where a gradient is next to nothing, its sign makes the step: a float32's worth of it.
        const tiny = Math.abs(gradients[name]![i]!) < 1e-5;
        const tolerance = tiny ? 2 * o.learningRate : 1e-6 * Math.abs(e) + 1e-6;
        assert.ok(Math.abs(w - e) < tolerance, `step ${step}, ${name}[${i}]: ${w}, not ${e}`);
      });
    }
  }
});

Deno.test("a gradient that is not finite stops the run and leaves the model as it was", async () => {
  const model = new Model(engine, config).initialize(1);
  const tensors = await model.tensors();
  tensors["layers.0.qkv"]!.data[0] = Infinity;
  model.setTensors(tensors);
  const before = await model.digest();
  assert.throws(() => train(model, 0, 1), /the gradient is NaN .*lower the learning rate/);
  assert.equal(await model.digest(), before);
  assert.equal(model.step, 0);
});

Deno.test("ids that the model has no row for are refused by name", () => {
  const model = new Model(engine, config).initialize(1);
  const step = (change: object) => () =>
    model.train(
      [{ tokens: [1, 2], targets: [2, 3], weights: [1, 1], ...change }],
      4,
      optimizer,
    );
  assert.throws(
    step({ tokens: [1, 21] }),
    /tokens: 21: the model has 0 to 20 \(vocabularySize 21\)/,
  );
  assert.throws(step({ targets: [1, -1] }), /targets: -1/);
  assert.throws(
    step({ positions: [0, 64] }),
    /positions: 64: the model has 0 to 63 \(maxPosition 64\)/,
  );
  assert.throws(
    step({ valueTargets: [1, 2], valueWeights: [1, 1] }),
    /valueTargets has 4 elements.*4 rows of 2/,
  );
  assert.throws(step({ targets: [1, 2, 3, 4] }), /targets has 8 elements/);
  step({ targets: [1, -1], weights: [1, 0] })();
  const { valueHead: _, ...actor } = config;
  assert.throws(
    () =>
      new Model(engine, actor).train(
        [{ tokens: [1], valueTargets: [1], valueWeights: [1] }],
        4,
        optimizer,
      ),
    /no use for valueTargets/,
  );
});
