/** One iteration of each algorithm: that it runs, that it depends on seed and iteration alone, and that it learns. */
import assert from "node:assert/strict";
import { NeuralActor } from "../actor/neural_actor.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { CircuitEnvironment, type CircuitState } from "../env/circuit.ts";
import { UsageError } from "../errors.ts";
import { mean } from "../numeric/sums.ts";
import { copyModel } from "../nn/copy_model.ts";
import { adamW } from "../nn/optimizer.ts";
import { rlAlgorithm, rlAlgorithms } from "./algorithms.ts";
import { type ActorTraining, actorTrainingConfig, criticContext } from "./actor_training.ts";
import type { IterationReport } from "./iteration_report.ts";
import { policyGradient, trainActorStep } from "./train_actor.ts";
import { findTrainingFailures } from "./training_failures.ts";
import { prepareCriticStep, RolloutStates } from "../critic_learning/prepare.ts";

const environment = new CircuitEnvironment({ modulus: 5, minGates: 2, maxGates: 3 });
const size = { dModel: 16, layers: 1 };
const teacher = { kind: "slips", epsilon: 0.4 } as const;

/** A fresh run: an actor after some fine-tuning, and critics that have seen a few states. */
async function start(
  engine: WasmEngine,
  name: string,
  critic?: "discriminative-mse" | "cot",
  config: Record<string, unknown> = {},
): Promise<ActorTraining<CircuitState>> {
  const make = () => new NeuralActor<CircuitState>(engine, environment, size, 1);
  const actor = make(), reference = make();
  for (let i = 0; i < 30; i++) {
    await actor.supervisedStep(
      { seed: 1, purpose: "rl-test/sft", batchSize: 16 },
      teacher,
      adamW(1e-2, 30),
    );
  }
  await copyModel(actor.model, reference.model);
  await copyModel(reference.model, actor.model);
  const run: ActorTraining<CircuitState> = {
    actor,
    reference,
    algorithm: rlAlgorithm(name),
    config: actorTrainingConfig.parse({ problems: 4, responses: 4, iterations: 20, ...config }),
    seed: 1,
  };
  if (!critic) return run;
  const own = () =>
    new NeuralCritic<CircuitState>(engine, criticDefinition(critic), environment, size, 2);
  const trained = own(), frozen = own();
  const judged = [{ actor: reference, successRate: 0.3 }];
  const states = new RolloutStates(judged, teacher, 1);
  for (let i = 0; i < 5; i++) {
    await prepareCriticStep(trained, states, 8, adamW(1e-2, 5), "equal");
  }
  await copyModel(trained.model, frozen.model);
  return { ...run, critic: trained, criticReference: frozen };
}

async function withEngine(
  test: (engine: WasmEngine) => Promise<void>,
  threads = 1,
): Promise<void> {
  const engine = await WasmEngine.create({ threads });
  try {
    await test(engine);
  } finally {
    engine.close();
  }
}

Deno.test("what the critic's prompt states: the smoothed rate, that before RL, or nothing", () =>
  withEngine(async (engine) => {
    const stated = async (conditioning: "current" | "initial" | "none") => {
      const run = await start(engine, "ppo", "discriminative-mse", { conditioning });
      run.successRate = 1;
      const contexts = [];
      for (let i = 0; i < 3; i++) {
        await trainActorStep(run, i);
        contexts.push(criticContext(run, run.successRate!).successRate);
      }
      return contexts;
    };
    const current = await stated("current");
    assert.ok(current[0]! < 1 && current[2]! < current[0]!, String(current));
    assert.deepEqual(await stated("initial"), [1, 1, 1]);
    assert.deepEqual(await stated("none"), [undefined, undefined, undefined]);
  }));

Deno.test("every algorithm makes its iterations, and asks its critic just where it says", () =>
  withEngine(async (engine) => {
    for (const [name, { values, states }] of Object.entries(rlAlgorithms)) {
      const critic = values === "critic"
        ? states === "segments" ? "cot" as const : "discriminative-mse" as const
        : undefined;
      const run = await start(engine, name, critic, { epochs: 2 });
      const before = await run.actor.model.digest();
      for (let i = 0; i < 2; i++) {
        const report = await trainActorStep(run, i);
        assert.ok(report.successRate >= 0 && report.successRate <= 1, name);
        for (const x of [report.entropy, report.gradientNorm, report.referenceKl]) {
          assert.ok(Number.isFinite(x), name);
        }
        assert.equal(report.questions > 0, values === "critic", name);
        assert.equal(
          report.flops.criticInference > 0,
          values === "critic" || values === "continuations",
          name,
        );
        if (i === 0) assert.ok(Math.abs(report.referenceKl) < 1, name);
      }
      assert.notEqual(await run.actor.model.digest(), before, name);
    }
  }));

Deno.test("with one epoch no clip ever acts, whatever the learning rate", () =>
  withEngine(async (engine) => {
    for (const epochs of [1, 2]) {
      const run = await start(engine, "grpo", undefined, { epochs, learningRate: 5e-2 });
      const held: number[] = [];
      for (let i = 0; i < 3; i++) held.push((await trainActorStep(run, i)).clipFraction);
      assert.equal(held.some((x) => x > 0), epochs > 1, String(held));
    }
  }));

Deno.test("an algorithm that needs a critic says so", () =>
  withEngine(async (engine) => {
    const run = await start(engine, "ppo");
    await assert.rejects(() => trainActorStep(run, 0), UsageError);
  }));

Deno.test("iterations are the same bits again, for any number of threads", async () => {
  for (
    const [name, critic, method] of [
      ["grpo", undefined, "frozen"],
      ["ppo", "discriminative-mse", "regression"],
      ["genac", "cot", "reinforce"],
      ["genac", "cot", "regression"],
    ] as const
  ) {
    const digests: string[] = [];
    for (const threads of [1, 2]) {
      await withEngine(async (engine) => {
        const run = await start(engine, name, critic, { critic: { method, batch: 16 } });
        for (let i = 0; i < 3; i++) await trainActorStep(run, i);
        digests.push(
          await run.actor.model.digest() + (run.critic ? await run.critic.model.digest() : ""),
        );
      }, threads);
    }
    assert.equal(digests[0], digests[1], `${name}, ${method}`);
  }
});

Deno.test("the options beside the defaults reach estimator, objective and critic", () =>
  withEngine(async (engine) => {
    const trained = async (
      options: Record<string, unknown>,
      objective: Record<string, unknown>,
      critic: Record<string, unknown> = {},
      epochs = 1,
    ) => {
      const run = await start(engine, "ppo", "discriminative-mse", {
        ...{ epochs, learningRate: 5e-2 },
        critic: { batch: 16, ...critic },
      });
      const algorithm = {
        ...run.algorithm,
        advantage: { ...run.algorithm.advantage, options: { lambda: 0.95, ...options } },
        objective: { ...run.algorithm.objective, ...objective },
      };
      for (let i = 0; i < 2; i++) await trainActorStep({ ...run, algorithm }, i);
      return [await run.actor.model.digest(), await run.critic!.model.digest()];
    };
    // No response of the environment is cut, so that bits are equal; the names must be known all the same.
    assert.deepEqual(
      await trained({ truncation: "bootstrap" }, { maskTruncated: true }),
      await trained({}, {}),
    );
    await assert.rejects(() => trained({ truncate: true }, {}), UsageError);
    const clipped = await trained({}, { dualClip: 1.01, klClamp: 0.01 }, {}, 4);
    assert.notEqual(clipped[0], (await trained({}, {}, {}, 4))[0]);
    const epochs = await trained({}, {}, { epochs: 8, learningRate: 1e-1 });
    const held = await trained({}, {}, { epochs: 8, learningRate: 1e-1, valueClip: 1e-3 });
    assert.notEqual(held[1], epochs[1]);
  }));

Deno.test("a frozen critic stays as it was, a trained one does not", () =>
  withEngine(async (engine) => {
    for (const method of ["frozen", "regression"] as const) {
      const run = await start(engine, "ppo", "discriminative-mse", { critic: { method } });
      const before = await run.critic!.model.digest();
      await trainActorStep(run, 0);
      assert.equal(await run.critic!.model.digest() === before, method === "frozen");
    }
  }));

Deno.test("with the oracle's advantages success rises", () =>
  withEngine(async (engine) => {
    const run = await start(engine, "oracle", undefined, {
      problems: 8,
      responses: 8,
      iterations: 200,
      learningRate: 3e-3,
      klCoefficient: 0,
    });
    const rates: number[] = [];
    for (let i = 0; i < 200; i++) rates.push((await trainActorStep(run, i)).successRate);
    const [first, last] = [mean(rates.slice(0, 20)), mean(rates.slice(-20))];
    assert.ok(last > first + 0.05, `${first} to ${last}`);
  }));

Deno.test("mean gradients of unbiased methods point where the oracle's does", () =>
  withEngine(async (engine) => {
    const total = async (name: string) => {
      const run = await start(engine, name, undefined, { problems: 8, responses: 8 });
      const plain = {
        ...run,
        algorithm: {
          ...run.algorithm,
          whiten: false,
          objective: { loss: "reinforce", normalization: "seq-mean-token-sum" } as const,
        },
        config: { ...run.config, klCoefficient: 0 },
      };
      let sum: Float64Array | undefined;
      for (let i = 0; i < 96; i++) {
        const g = await policyGradient(plain, i);
        sum = sum ? sum.map((x, k) => x + g[k]!) : Float64Array.from(g);
      }
      return sum!;
    };
    const dot = (a: Float64Array, b: Float64Array) => a.reduce((s, x, k) => s + x * b[k]!, 0);
    const truth = await total("oracle");
    for (const name of ["rloo", "vineppo"]) {
      const g = await total(name);
      const cosine = dot(g, truth) / Math.sqrt(dot(g, g) * dot(truth, truth));
      assert.ok(cosine > 0.8, `${name}: ${cosine}`);
    }
  }));

const healthy = {
  episodes: 16,
  successRate: 0.5,
  parseRate: 1,
  entropy: 0.5,
  approxKl: 0,
  clipFraction: 0,
  referenceKl: 0.1,
  gradientNorm: 1,
  advantageSpread: 0.4,
  criticParseRate: 1,
  valueSeparation: 0.2,
  valueSpread: 0.2,
  criticLoss: 0.1,
  criticReward: null,
  questions: 10,
};
const then = (later: Partial<IterationReport>, count = 20) => [
  ...new Array(10).fill(healthy),
  ...new Array(count).fill({ ...healthy, ...later }),
];

Deno.test("each failure is found where it begins to show, and none in a healthy run", () => {
  assert.deepEqual(findTrainingFailures(then({})), []);
  const names = (later: Partial<IterationReport>) =>
    findTrainingFailures(then(later)).map((f) => f.name);
  assert.deepEqual(names({ entropy: 0.01 }), ["entropy collapse"]);
  assert.deepEqual(names({ entropy: 0.01, successRate: 1 }), []);
  assert.deepEqual(names({ parseRate: 0.5 }), ["actor parse rate"]);
  assert.deepEqual(names({ criticParseRate: 0.2 }), ["critic parse rate"]);
  assert.deepEqual(names({ valueSpread: 0.001 }), ["critic collapse"]);
  assert.deepEqual(names({ valueSeparation: -0.1 }), ["reversed value separation"]);
  assert.deepEqual(names({ successRate: 0.1 }), ["success collapse"]);
  assert.deepEqual(names({ gradientNorm: NaN }), ["not a number"]);
  // Too rare to tell: 6 successes in the first 10 iterations; then a window of as many as have 50.
  const rare = (later: number, count: number) => [
    ...new Array<typeof healthy>(100).fill({ ...healthy, successRate: 1 / 16 }),
    ...new Array<typeof healthy>(count).fill({ ...healthy, successRate: later }),
  ];
  assert.deepEqual(findTrainingFailures(rare(0, 20)), []);
  assert.deepEqual(findTrainingFailures(rare(0, 50)), [{
    name: "success collapse",
    // 24 of 50 in the last 50 iterations.
    iteration: 126,
  }]);
  assert.deepEqual(findTrainingFailures(rare(0, 50).slice(60)), []);
  // The mean over 10 iterations falls below 0.9 with the third of parse rate 0.5.
  assert.equal(findTrainingFailures(then({ parseRate: 0.5 }))[0]!.iteration, 13);
});
