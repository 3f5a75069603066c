import assert from "node:assert/strict";
import type * as z from "zod";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { type CriticResponse, responsePrompt } from "../critic/responses.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { supervisedStep } from "../critic/supervised.ts";
import type { PermutationState } from "../env/permutation.ts";
import { createEnvironment } from "../env/registry.ts";
import { UsageError } from "../errors.ts";
import { batchLength } from "../nn/batch.ts";
import type { Model } from "../nn/model.ts";
import { adamW } from "../nn/optimizer.ts";
import { referenceForward, type Weights, weightsOf } from "../nn/reference.ts";
import { RandomStream } from "../numeric/random.ts";
import { loadTraining, saveTraining } from "../run/training_checkpoint.ts";
import { sampleOutcomes, type StateOutcomes } from "./samples.ts";
import { monteCarloStep } from "./regression.ts";
import {
  klTerms,
  reinforceBatch,
  reinforceConfig,
  reinforceStep,
  type ResponseGroup,
} from "./reinforce.ts";

const environment = createEnvironment("permutation", { group: "S3", minLength: 2, maxLength: 3 });
const { vocabulary } = environment;
const actor = { epsilon: 0.5 };
const data = { seed: 5, purpose: "test", actor };
const cot = criticDefinition("cot");
const size = { dModel: 16, layers: 1 };

/** Leave-one-out without KL penalty, all tokens credited, or other choices. */
function configOf(choices: z.input<typeof reinforceConfig> = {}) {
  return reinforceConfig.parse({
    baseline: "leave-one-out",
    klCoefficient: 0,
    klTokens: "all",
    credit: "all",
    ...choices,
  });
}

function critic(engine: WasmEngine, seed = 1) {
  return new NeuralCritic(engine, cot, environment, size, seed);
}

/** Groups of responses with outcomes and k1 terms, sampled from the critic's untrained model. */
async function sampled(engine: WasmEngine) {
  const policy = critic(engine), reference = critic(engine, 2).model;
  const states = sampleOutcomes(environment, data, 0, { prompts: 3, rollouts: 4 });
  const responses = await policy.respond(states, { ...data, firstRow: 0 }, { count: 4 });
  // An untrained critic hardly ever gives a value: have two of each state end in one.
  const ended = responses.map((group) =>
    group.map((r, i): CriticResponse =>
      i < 2
        ? {
          ...r,
          tokens: [...r.tokens.slice(0, 2), vocabulary.valueToken(i / 4)],
          value: i / 4,
        }
        : r
    )
  );
  const kl = await klTerms(policy.model, reference, ended);
  const groups = states.map(({ outcomes }, b): ResponseGroup => ({
    outcomes,
    responses: ended[b]!,
    kl: kl[b]!,
  }));
  return { policy, reference, groups };
}

/** log pi of every token of a response in float64 plain loops. */
function logProbabilities(model: Model, weights: Weights, r: CriticResponse): number[] {
  const tokens = [...r.prompt.tokens, ...r.tokens];
  const positions = tokens.map((_, i) => r.prompt.position(i));
  const { logits } = referenceForward(model.config, weights, { tokens, positions });
  return r.tokens.map((token, t) => {
    const row = logits![r.prompt.tokens.length - 1 + t]!;
    return row[token]! - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
  });
}

Deno.test("k1 is log pi - log ref of each token", async () => {
  const engine = await WasmEngine.create();
  const { policy, reference, groups } = await sampled(engine);
  const [own, other] = [
    weightsOf(await policy.model.tensors()),
    weightsOf(await reference.tensors()),
  ];
  for (const { responses, kl } of groups) {
    responses.forEach((r, i) => {
      const p = logProbabilities(policy.model, own, r);
      const q = logProbabilities(reference, other, r);
      p.forEach((x, t) => assert.ok(Math.abs(kl![i]![t]! - (x - q[t]!)) < 1e-5, `${i} ${t}`));
    });
  }
  const self = await klTerms(policy.model, policy.model, groups.map((g) => g.responses));
  assert.ok(self.flat(2).every((x) => x === 0));
  engine.close();
});

const CASES: z.input<typeof reinforceConfig>[] = [
  {},
  { credit: "value" },
  { credit: "value", klTokens: "trace", normalization: "seq-mean-token-sum" },
  { klTokens: "trace", normalization: "seq-mean-token-mean" },
];
for (const choices of CASES) {
  const name = JSON.stringify(choices);
  Deno.test(`the gradient is that of the mean of A log pi, by finite differences: ${name}`, async () => {
    const engine = await WasmEngine.create();
    const { policy, groups } = await sampled(engine);
    const config = configOf({ klCoefficient: 0.05, ...choices });
    const { credit, klTokens, normalization } = config;
    const { sequences, normalizer } = reinforceBatch(groups, config);
    const length = batchLength(sequences);
    const { gradients } = await policy.model.gradients(sequences, length, normalizer);

    // The objective, written anew.
    const all = groups.flatMap((g) => g.responses), tokens = all.flatMap((r) => r.tokens).length;
    const terms = groups.flatMap(({ outcomes, responses, kl }) =>
      responses.map((response, i) => {
        const reward = responses.map((r, j) =>
          r.value === null ? 0 : 1 - (outcomes[j]! - r.value) ** 2
        );
        const others = (x: readonly number[]) =>
          (x.reduce((a, b) => a + b) - x[i]!) / (x.length - 1);
        const advantage = reward[i]! - others(reward);
        const last = response.tokens.length - 1;
        return {
          response,
          weights: response.tokens.map((_, t) => {
            const toGo = kl!.map((k) =>
              k.slice(0, klTokens === "all" ? k.length : -1).slice(t).reduce((a, b) => a + b, 0)
            );
            const credited = credit === "all" || t === last;
            const a = (credited ? advantage : 0) - 0.05 * (toGo[i]! - others(toGo));
            return normalization === "token-mean"
              ? a / tokens
              : normalization === "seq-mean-token-sum"
              ? a / all.length
              : a / all.length / response.tokens.length;
          }),
        };
      })
    );
    const objective = (weights: Weights) =>
      terms.reduce(
        (sum, { response, weights: a }) =>
          logProbabilities(policy.model, weights, response)
            .reduce((s, x, t) => s + a[t]! * x, sum),
        0,
      );

    const weights = weightsOf(await policy.model.tensors());
    const random = new RandomStream({ seed: 5, purpose: "entries" });
    for (const [tensor, gradient] of Object.entries(gradients)) {
      const largest = gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      assert.ok(largest > 0, tensor);
      const entries = [
        gradient.findIndex((g) => Math.abs(g) === largest),
        random.integer(gradient.length),
      ];
      for (const i of entries) {
        const moved = (by: number) => {
          const w = Float64Array.from(weights[tensor]!);
          w[i]! += by;
          return objective({ ...weights, [tensor]: w });
        };
        // The loss is minus the objective.
        const expected = -(moved(1e-4) - moved(-1e-4)) / 2e-4;
        assert.ok(
          Math.abs(gradient[i]! - expected) < 1e-6 + 1e-4 * Math.abs(expected),
          `${tensor}[${i}]: ${gradient[i]}, not ${expected}`,
        );
      }
    }
    engine.close();
  });
}

Deno.test("a step on all answers, each weighted by its probability, raises the expected reward of a one-token bandit", async () => {
  const engine = await WasmEngine.create();
  const policy = critic(engine), { model } = policy;
  const [question] = sampleOutcomes(environment, data, 0, { prompts: 1, rollouts: 1 });
  const prompt = { ...responsePrompt(environment, question!), limit: 1 };
  const p = 0.7;
  const rewardOf = (v: number | undefined) =>
    v === undefined ? 0 : p * (1 - (1 - v) ** 2) + (1 - p) * (1 - v * v);
  const rewards = Array.from(
    { length: vocabulary.size },
    (_, y) => rewardOf(vocabulary.valueOf(y)),
  );
  const policyOf = async () => {
    const sequence = {
      tokens: prompt.tokens,
      positions: prompt.tokens.map((_, i) => prompt.position(i)),
    };
    const row = { sequence: 0, token: prompt.tokens.length - 1 };
    const { logits } = await model.forward([sequence], [row]);
    const e = Array.from(logits!, Math.exp), sum = e.reduce((a, b) => a + b);
    return e.map((x) => x / sum);
  };
  const expected = (pi: number[]) => pi.reduce((sum, q, y) => sum + q * rewards[y]!, 0);
  const before = await policyOf();
  let last = expected(before);
  const optimizer = { ...adamW(3e-3, 40), finalFraction: 1 };
  for (let step = 0; step < 40; step++) {
    const pi = await policyOf();
    // pi(y) R(y) as raw weight of answer y: the expectation of Algorithm 1's gradient.
    const sequences = pi.map((q, y) => {
      const tokens = [...prompt.tokens];
      const at = (x: number) => tokens.map((_, i) => i === tokens.length - 1 ? x : 0);
      const positions = tokens.map((_, i) => prompt.position(i));
      return { tokens, positions, targets: at(y), weights: at(q * rewards[y]!) };
    });
    await policy.train(sequences, optimizer, 1);
    const now = expected(await policyOf());
    if (step < 20) assert.ok(now > last, `step ${step}: ${now} after ${last}`);
    last = now;
  }
  assert.ok(last > expected(before) + 0.5, `${expected(before)} to ${last}`);
  engine.close();
});

Deno.test("unparsed responses have reward 0 in report and batch", async () => {
  const engine = await WasmEngine.create();
  const { groups } = await sampled(engine);
  const unparsed = groups.map((g) => ({
    ...g,
    responses: g.responses.map((r) => ({ ...r, value: null })),
  }));
  const batch = reinforceBatch(unparsed, configOf({ baseline: "raw" }));
  assert.equal(batch.reward, 0);
  assert.equal(batch.parseRate, 0);
  assert.ok(batch.sequences.every((s) => s.weights!.every((w) => w === 0)));
  engine.close();
});

Deno.test("pooled outcomes reward with the mean over all rollouts of the state", async () => {
  const engine = await WasmEngine.create();
  const { groups: [group] } = await sampled(engine);
  const { value } = group!.responses[1]!;
  assert.equal(value, 0.25);
  const only: ResponseGroup = { responses: [group!.responses[1]!], outcomes: [1, 0, 0, 1] };
  const config = configOf({ outcomes: "pooled", baseline: "raw" });
  assert.ok(Math.abs(reinforceBatch([only], config).reward - (1 - (0.5625 + 0.0625) / 2)) < 1e-12);
  engine.close();
});

Deno.test("choices that do not go together are refused", async () => {
  const engine = await WasmEngine.create();
  const optimizer = adamW(1e-3, 10);
  const step = (choices: z.input<typeof reinforceConfig>, name = "cot") =>
    reinforceStep(
      new NeuralCritic(engine, criticDefinition(name), environment, size, 1),
      data,
      configOf(choices),
      optimizer,
    );
  await assert.rejects(step({ responses: 1 }), UsageError);
  await assert.rejects(step({ klCoefficient: 0.1 }), UsageError);
  await assert.rejects(
    step({ outcomes: "pooled", baseline: "leave-one-out-by-outcome" }),
    UsageError,
  );
  await assert.rejects(step({}, "one-shot"), UsageError);
  engine.close();
});

/** Two SFT steps, then RL steps `from`..`to`; the state after step `from` comes from `saved`. */
async function run(threads: number, to: number, saved?: Uint8Array) {
  const engine = await WasmEngine.create({ threads });
  try {
    const policy = critic(engine), reference = critic(engine);
    const optimizer = adamW(1e-3, 10);
    for (const { model } of [policy, reference]) {
      const sft = new NeuralCritic(engine, cot, environment, size, 1);
      for (let i = 0; i < 2; i++) await supervisedStep(sft, { ...data, batchSize: 8 }, optimizer);
      model.setTensors(await sft.model.tensors());
    }
    if (saved) loadTraining(policy.model, saved);
    const config = configOf({ prompts: 4, responses: 4, klCoefficient: 0.1 });
    const reports: unknown[] = [];
    while (policy.model.step < to) {
      reports.push(await reinforceStep(policy, data, config, optimizer, reference));
      reports.push(
        await monteCarloStep(
          policy,
          data,
          { prompts: 4, responses: 2, target: "mean", trace: "own" },
          optimizer,
        ),
      );
    }
    return {
      digest: await policy.model.digest(),
      reports,
      saved: await saveTraining(policy.model, {}),
    };
  } finally {
    engine.close();
  }
}

Deno.test("1 thread, 2 threads and a run taken up half way end in the same bits", async () => {
  const whole = await run(1, 8);
  const two = await run(2, 8);
  assert.equal(two.digest, whole.digest);
  assert.deepEqual(two.reports, whole.reports);
  const half = await run(1, 4);
  const resumed = await run(1, 8, half.saved);
  assert.equal(resumed.digest, whole.digest);
  assert.deepEqual([...half.reports, ...resumed.reports], whole.reports);
});

Deno.test("any number of responses to a state", () => {
  const [{ state }] = sampleOutcomes(environment, data, 0, { prompts: 1, rollouts: 1 }) as [
    StateOutcomes<PermutationState>,
  ];
  const prompt = responsePrompt(environment, { state, context: {} });
  const response = { prompt, tokens: [vocabulary.valueToken(1)], value: 1 };
  const report = (count: number) =>
    reinforceBatch(
      [{ responses: new Array(count).fill(response), outcomes: new Array(count).fill(1) }],
      configOf({ baseline: "raw" }),
    );
  const { sequences, reward, absoluteAdvantage } = report(130_000);
  assert.equal(sequences.length, 130_000);
  assert.deepEqual({ reward, absoluteAdvantage }, { reward: 1, absoluteAdvantage: 1 });
});

Deno.test("an outcome outside 0..1 and a k1 that is not finite are refused by name", () => {
  const [{ state }] = sampleOutcomes(environment, data, 0, { prompts: 1, rollouts: 1 }) as [
    StateOutcomes<PermutationState>,
  ];
  const prompt = responsePrompt(environment, { state, context: {} });
  const response = { prompt, tokens: [vocabulary.valueToken(1)], value: 1 };
  const responses = [response, response];
  const config = configOf({ baseline: "raw" });
  for (const bad of [-1, 2, NaN]) {
    assert.throws(
      () => reinforceBatch([{ responses, outcomes: [0, bad] }], config),
      (e: Error) =>
        e instanceof UsageError && e.message.startsWith(`groups[0].outcomes[1]: ${bad}:`),
    );
  }
  assert.throws(
    () => reinforceBatch([{ responses, outcomes: [0, 1], kl: [[0], [Infinity]] }], config),
    (e: Error) => e instanceof UsageError && e.message.startsWith("groups[0].kl[1][0]: Infinity:"),
  );
});
