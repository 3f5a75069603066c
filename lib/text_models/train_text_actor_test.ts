import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { RunningSumEnvironment, type RunningSumState } from "../env/running_sum.ts";
import type { PretrainedWeights } from "../language_model/pretrained_weights.ts";
import { batchLength } from "../nn/batch.ts";
import { adamW } from "../nn/optimizer.ts";
import { byteWeights } from "./byte_weights.ts";
import { rightContinuationValues } from "./right_continuation.ts";
import { byteModel } from "./testing.ts";
import { TextActor } from "./text_actor.ts";
import { criticHeads, TextCritic } from "./text_critic.ts";
import { ByteTokenizer } from "./text_tokenizer.ts";
import {
  sampleTextResponses,
  TEXT_METHODS,
  type TextActorTraining,
  type TextMethod,
  textMethods,
  textPolicyGradient,
  textRlConfig,
  trainTextActorStep,
} from "./train_text_actor.ts";

const start: RunningSumState = { start: 7, addends: [5, 1], written: [] };

/** A task of one problem, so that a tiny actor can learn it. */
class OneSum extends RunningSumEnvironment {
  override problem(): RunningSumState {
    return start;
  }
}

const task = new OneSum({ minLength: 2, maxLength: 2 });
const tokenizer = new ByteTokenizer();

/** An actor that is right in about half of its responses, and what it takes to train it. */
async function newRun(
  weights: PretrainedWeights,
  method: TextMethod,
  config: Partial<TextActorTraining<RunningSumState>["config"]> = {},
): Promise<TextActorTraining<RunningSumState>> {
  const newActor = () =>
    new TextActor(byteModel(weights, { languageHead: true }), tokenizer, task, 24);
  const actor = newActor(), reference = newActor();
  const sequences = [[2, 3], [3, 4]].map((written) => actor.demonstration({ ...start, written }));
  for (let step = 0; step < 60; step++) {
    await actor.model.train(sequences, batchLength(sequences), adamW(1e-2, 60));
  }
  reference.model.setTensors(await actor.model.tensors());
  actor.model.step = 0;
  const name = textMethods[method].critic;
  return {
    ...{ method, actor, reference, seed: 1, conditioning: false },
    config: textRlConfig.parse({
      ...{ problems: 2, responses: 4, iterations: 8, learningRate: 3e-3, klCoefficient: 0 },
      ...{ criticStates: 3, criticResponses: 2, criticLearningRate: 1e-3, ...config },
    }),
    ...name !== null && {
      critic: new TextCritic(name, byteModel(weights, criticHeads(name)), tokenizer, task, {
        maxTokens: 70,
      }),
    },
  };
}

async function inEngine(test: (weights: PretrainedWeights) => Promise<void>): Promise<void> {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    await test(byteWeights(engine, "float32"));
  } finally {
    engine.close();
  }
}

Deno.test("every method trains the actor, the same way for the same seed", () =>
  inEngine(async (weights) => {
    for (const method of TEXT_METHODS) {
      const digests: string[] = [];
      for (let again = 0; again < 2; again++) {
        const run = { ...await newRun(weights, method), conditioning: true };
        const before = await run.critic?.model.digest();
        const { successRate, parseRate, ...report } = await trainTextActorStep(run, 0);
        assert.ok(successRate > 0 && successRate < 1 && parseRate >= successRate, method);
        assert.equal(run.successRate, successRate);
        assert.equal(report.criticParseRate === null, textMethods[method].critic === null);
        assert.equal(report.valueSeparation === null, textMethods[method].values === null);
        assert.ok(report.gradientNorm > 0 && report.tokensTrained > report.tokensWritten / 2);
        if (method === "ppo") assert.notEqual(await run.critic!.model.digest(), before);
        digests.push(await run.actor.model.digest());
      }
      assert.equal(digests[0], digests[1], method);
    }
  }));

Deno.test("every method finds the right response, GenAC's critic in words that can be read", () =>
  inEngine(async (weights) => {
    for (const method of TEXT_METHODS) {
      const run = await newRun(weights, method, { iterations: 12 });
      if (run.critic) {
        const { model } = run.critic;
        const sequences = [[[], 0.5], [[2], 1], [[3], 0]].map(([written, value]) =>
          run.critic!.encode({
            state: { ...start, written: written as number[] },
            context: {},
            value: value as number,
          })
        );
        for (let step = 0; step < 120; step++) {
          await model.train(sequences, batchLength(sequences), adamW(1e-2, 120));
        }
        model.step = 0;
      }
      const [before] = await rightContinuationValues(run.actor, [start]);
      assert.ok(before! > 0.2 && before! < 0.7, `${before}`);
      const first = await trainTextActorStep(run, 0);
      if (method === "genac") assert.equal(first.criticParseRate, 1);
      if (run.critic) assert.ok(first.valueSeparation! > 0.1, `${first.valueSeparation}`);
      let best = 0;
      for (let i = 1; i < 12; i++) {
        await trainTextActorStep(run, i);
        best = Math.max(best, (await rightContinuationValues(run.actor, [start]))[0]!);
      }
      assert.ok(best > 0.8, `${method}: ${before} to ${best}`);
    }
  }));

Deno.test("the policy gradient is that of advantages times log-probabilities, and changes nothing", () =>
  inEngine(async (weights) => {
    const run = await newRun(weights, "grpo"), { actor } = run;
    const before = await actor.model.digest();
    const responses = await sampleTextResponses(run, 3);
    const gradient = await textPolicyGradient(run, responses);
    assert.equal(await actor.model.digest(), before);
    // GRPO by hand: groups of four, standard deviation with K - 1.
    const credit = responses.map(({ reward }, i) => {
      const group: number[] = responses.slice(4 * Math.floor(i / 4)).slice(0, 4).map(({ reward }) =>
        reward
      );
      const centre = group.reduce((a, b) => a + b) / 4;
      const variance = group.reduce((a, b) => a + (b - centre) ** 2, 0) / 3;
      return variance === 0 ? 0 : (reward - centre) / (Math.sqrt(variance) + 1e-6);
    });
    assert.ok(credit.some((advantage) => advantage !== 0), "a group with successes and failures");
    const objective = async () => {
      const rows = await actor.logProbabilities(responses);
      const terms = rows.map((row, i) => credit[i]! * row.reduce((a, b) => a + b, 0));
      return terms.reduce((a, b) => a + b) / terms.length;
    };
    const start = await actor.model.tensors();
    const norm = Math.sqrt(gradient.reduce((a, g) => a + g * g, 0));
    const moved = async (by: number) => {
      let at = 0;
      actor.model.setTensors(Object.fromEntries(
        Object.entries(start).map(([name, { data, shape }]) => [name, {
          shape,
          data: data.map((x) => x + by * gradient[at++]! / norm),
        }]),
      ));
      return await objective();
    };
    const h = 1e-2, slope = (await moved(h) - await moved(-h)) / (2 * h);
    // Models descend: the gradient is that of minus the objective.
    assert.ok(Math.abs(slope + norm) < 0.01 * norm, `${slope}, ${norm}`);
  }));

Deno.test("a frozen critic stays as it is; a critic of another kind is refused by name", () =>
  inEngine(async (weights) => {
    const run = await newRun(weights, "ppo", { criticLearningRate: 0 });
    const before = await run.critic!.model.digest();
    await trainTextActorStep(run, 0);
    assert.equal(await run.critic!.model.digest(), before);
    const message = /^critic: "head": genac needs chain/;
    await assert.rejects(() => trainTextActorStep({ ...run, method: "genac" }, 0), {
      name: "UsageError",
      message,
    });
    const { critic: _, ...without } = run;
    await assert.rejects(() => trainTextActorStep(without, 0), {
      name: "UsageError",
      message: /^critic: undefined: ppo needs head/,
    });
  }));
