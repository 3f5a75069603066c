/**
 * What every registered environment promises, by its entry in the registry alone. A new environment needs no line here;
 * `task_test.ts` has what a `TaskEnvironment` promises besides.
 */
import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { canonicalJson, sha256 } from "../numeric/digest.ts";
import { RandomStream } from "../numeric/random.ts";
import { describeTrace } from "./describe_trace.ts";
import {
  type Environment,
  type IntegerRange,
  positionCount,
  positionId,
  type SampleOptions,
} from "./environment.ts";
import { createEnvironment, environments, parseActor } from "./registry.ts";
import { sampleStates } from "./sampling.ts";
import { LEVELS } from "./vocabulary.ts";

type AnyEnvironment = Environment<unknown, unknown>;

/** SHA-256 of 64 states of either split with prompts, traces and values, of environments that results depend on. */
const PINS: Readonly<Record<string, string>> = {
  permutation: "13691796913d0eb42ee357eb13a455d96a2f93521a47c03b273ba12517729ee8",
  circuit: "4f0e49c402b695ddf0cf3c29da7acaadbccc7dc768eb554ebe7d1b83b1cc16a3",
  sat: "74fc473d8c7d32d8aa94de2ff408ae123514ba51d76ed9c2f8d31ec797d932dd",
  "running-sum": "6cfa585a4c85e0781d85a59ec3569419e1a24c252a0e80feb8c70822b23df3bc",
  "local-check": "52752a372fdc87184ba7e43b56f183df0e295e6ae1d70bcc9569ad93a44d2323",
};

/** The two smallest sizes whose prompts are longer than those of the configured ones; none if there is no room. */
function largerDifficulty(environment: AnyEnvironment): IntegerRange[] {
  const { prompt } = environment.maxLengths();
  const longer = (size: number) => {
    try {
      return environment.maxLengths({ min: size, max: size }).prompt > prompt;
    } catch (error) {
      if (error instanceof UsageError) return false;
      throw error;
    }
  };
  const min = Array.from({ length: environment.traceOffset }, (_, i) => i + 1).find(longer);
  return min === undefined ? [] : [{ min, max: longer(min + 1) ? min + 1 : min }];
}

for (const [name, { config: schema, examples }] of Object.entries(environments)) {
  const environment = createEnvironment(name, {});
  const [first, second] = examples.map((example) => parseActor(name, example));
  const sample = (
    count: number,
    options: Partial<SampleOptions<unknown>> = {},
    purpose = "contract",
    from = environment,
  ) =>
    sampleStates(from, { seed: 5, purpose }, count, { actor: first, split: "train", ...options });

  Deno.test(`${name}: token names are unique and ids are their places`, () => {
    const { names, size } = environment.vocabulary;
    assert.equal(new Set(names).size, size);
    names.forEach((text, token) => assert.equal(environment.vocabulary.id(text), token));
  });

  Deno.test(`${name}: prompts end with Q, fit, and hold no token of a response`, () => {
    const { vocabulary, traceOffset } = environment;
    const { pad, query, think, filler, values, rates, noRate } = vocabulary;
    for (const size of [undefined, ...largerDifficulty(environment)]) {
      const lengths = environment.maxLengths(size);
      assert.ok(lengths.prompt <= traceOffset);
      let longest = { prompt: 0, trace: 0 };
      for (const state of sample(400, size ? { difficulty: size } : {})) {
        const prompt = environment.criticPrompt(state, { successRate: 0.5 });
        const trace = environment.reasoningTrace(state);
        assert.equal(prompt.indexOf(query), prompt.length - 1);
        for (const token of [...prompt, ...trace]) {
          assert.ok(Number.isInteger(token) && token >= 0 && token < vocabulary.size);
          assert.ok(![pad, think, filler, ...values].includes(token), vocabulary.names[token]);
        }
        assert.ok(!trace.includes(query));
        // The context changes the rate token and nothing else.
        const rate = (token: number) => rates.includes(token) || token === noRate;
        assert.equal(prompt.filter(rate).length, 1);
        assert.equal(prompt.find(rate), rates[LEVELS >> 1]);
        const other = environment.criticPrompt(state, {});
        assert.deepEqual(other, prompt.map((token) => rate(token) ? noRate : token));
        const end = prompt.length + 1 + trace.length;
        assert.ok(positionId(end, prompt.length, traceOffset) < positionCount(traceOffset));
        longest = {
          prompt: Math.max(longest.prompt, prompt.length),
          trace: Math.max(longest.trace, trace.length),
        };
      }
      assert.deepEqual(longest, lengths);
    }
  });

  Deno.test(`${name}: prompt labels are the trace, in order, a token at each place or none`, () => {
    for (const state of sample(100)) {
      const labels = environment.promptLabels(state);
      assert.equal(labels.length, environment.criticPrompt(state, {}).length);
      assert.deepEqual(labels.filter((label) => label >= 0), environment.reasoningTrace(state));
    }
  });

  Deno.test(`${name}: exact values agree with rollouts within four standard errors`, () => {
    const episodes = 2000;
    for (const [a, actor] of [first, second].entries()) {
      sample(6, { actor }, "values").forEach((state, i) => {
        const exact = environment.exactValue(state, actor);
        assert.ok(exact >= 0 && exact <= 1);
        let sum = 0;
        for (let row = 0; row < episodes; row++) {
          const step = 10 * a + i;
          const random = new RandomStream({ seed: 5, purpose: "contract/rollout", step, row });
          sum += environment.rollout(random, state, actor).reward;
        }
        // The constant covers values next to 0 or 1.
        const tolerance = 4 * Math.sqrt(exact * (1 - exact) / episodes) + 1 / episodes;
        const found = sum / episodes;
        assert.ok(Math.abs(found - exact) < tolerance, `${found}, exact ${exact}`);
      });
    }
  });

  Deno.test(`${name}: values do not depend on what was asked before`, () => {
    const states = sample(50);
    const alone = states.map((state) => createEnvironment(name, {}).exactValue(state, second));
    assert.deepEqual(states.map((state) => environment.exactValue(state, second)), alone);
    const backwards = states.toReversed().map((state) => environment.exactValue(state, second));
    assert.deepEqual(backwards.reverse(), alone);
  });

  Deno.test(`${name}: the value tells the outcome of an episode that has ended`, () => {
    sample(50).forEach((state, row) => {
      const random = new RandomStream({ seed: 5, purpose: "contract/end", row });
      const { reward, state: end } = environment.rollout(random, state, first);
      assert.equal(environment.exactValue(end, first), reward);
      assert.deepEqual(environment.rollout(random, end, first), { reward, state: end });
    });
  });

  Deno.test(`${name}: values and progress lie in 0..1, and episodes begin at 0`, () => {
    for (const state of sample(300)) {
      const value = environment.exactValue(state, first);
      assert.ok(value >= 0 && value <= 1);
      const progress = environment.progress(state);
      assert.ok(progress >= 0 && progress <= 1);
    }
    for (let row = 0; row < 20; row++) {
      const random = new RandomStream({ seed: 5, purpose: "contract/initial", row });
      const state = environment.initialState(random, { actor: first, split: "test" });
      assert.equal(environment.progress(state), 0);
    }
  });

  Deno.test(`${name}: training and test problems are disjoint`, () => {
    // Without context a start's prompt is the problem.
    const problems = (split: "train" | "test") =>
      new Set(
        Array.from({ length: 1500 }, (_, row) => {
          const random = new RandomStream({ seed: 5, purpose: "contract/split", row });
          const state = environment.initialState(random, { actor: first, split });
          return environment.criticPrompt(state, {}).join(" ");
        }),
      );
    const [train, test] = [problems("train"), problems("test")];
    assert.ok(train.size > 1000 && test.size > 1000);
    assert.equal(train.intersection(test).size, 0);
  });

  Deno.test(`${name}: sampling is repeatable and depends on every part of the key`, () => {
    const states = sample(20);
    assert.deepEqual(sample(20), states);
    assert.notDeepEqual(sample(20, {}, "other"), states);
    assert.notDeepEqual(sample(20, { split: "test" }), states);
    // Another instance, and one that has been used, give the same.
    assert.deepEqual(sample(20, {}, "contract", createEnvironment(name, {})), states);
  });

  Deno.test(`${name}: readers get one line a token, and see a wrong one`, () => {
    const { names } = environment.vocabulary;
    for (const state of sample(20)) {
      assert.ok(environment.describe(state).split("\n").length > 2);
      const trace = environment.reasoningTrace(state);
      const lines = describeTrace(environment, state, trace).split("\n");
      assert.equal(lines.length, trace.length);
      lines.forEach((line, i) => {
        assert.ok(line.includes(names[trace[i]!]!) && line.endsWith("right"), line);
      });
      const wrong = [...trace];
      wrong[1] = environment.vocabulary.pad;
      const [before, at] = describeTrace(environment, state, wrong).split("\n");
      assert.match(before!, /right$/);
      assert.ok(at!.includes("PAD") && at!.endsWith(`wrong, should be ${names[trace[1]!]}`));
    }
  });

  Deno.test(`${name}: bad configurations are refused by the field's name`, () => {
    const fields = (schema as unknown as { shape: Record<string, unknown> }).shape;
    const refused = (config: Record<string, unknown>, message: RegExp) =>
      assert.throws(() => createEnvironment(name, config), { name: "UsageError", message });
    for (const field of Object.keys(fields)) {
      refused({ [field]: null }, new RegExp(`^environment\\.${field}: null: `));
    }
    refused({ nothing: 1 }, /^environment: "nothing": unknown field; choose from /);
    const config = environment.config as Record<string, number>;
    for (const low of Object.keys(fields).filter((field) => field.startsWith("min"))) {
      const high = low.replace("min", "max");
      if (!(high in fields)) continue;
      const message = `^environment\\.${low}: .* must not exceed ${high}, which is ${config[high]}`;
      refused({ [low]: config[high]! + 1 }, new RegExp(message));
    }
    if ("traceOffset" in fields) {
      const { prompt } = environment.maxLengths();
      const message =
        `^environment\\.traceOffset: .* prompts of ${prompt} tokens; raise it to ${prompt}`;
      refused({ traceOffset: prompt - 1 }, new RegExp(message));
      assert.equal(createEnvironment(name, { traceOffset: prompt }).traceOffset, prompt);
    }
    if ("heldOutFraction" in fields) {
      refused({ heldOutFraction: 1 }, /^environment\.heldOutFraction: 1: Too big/);
    }
  });

  Deno.test(`${name}: actors, sizes and splits that do not exist are refused`, () => {
    const refused = (act: () => unknown, message: RegExp) =>
      assert.throws(act, { name: "UsageError", message });
    refused(() => parseActor(name, { ...examples[0], nothing: 1 }), /^actor: "nothing": unknown/);
    refused(() => environment.maxLengths({ min: 9, max: 8 }), /^difficulty: "9\.\.8": /);
    refused(() => sample(1, { difficulty: { min: 9, max: 8 } }), /^difficulty: "9\.\.8": /);
    const huge = { min: 1e4, max: 1e4 };
    refused(() => environment.maxLengths(huge), /^(environment\.traceOffset|difficulty): /);
    refused(() => sample(1, { difficulty: huge }), /^(environment\.traceOffset|difficulty): /);
    if ("heldOutFraction" in (environment.config as object)) {
      const whole = createEnvironment(name, { heldOutFraction: 0 });
      const message = /^split: "test": found no .+ in 20000 draws \(heldOutFraction 0, .*\); relax/;
      refused(() => sample(1, { split: "test" }, "contract", whole), message);
    }
  });

  if (PINS[name] !== undefined) {
    Deno.test(`${name}: states, prompts, traces and values never change`, () => {
      const content = (["train", "test"] as const).map((split) =>
        sampleStates(environment, { seed: 1, purpose: "pin" }, 64, { actor: first, split })
          .map((state) => [
            state,
            environment.criticPrompt(state, { successRate: 0.4 }),
            environment.reasoningTrace(state),
            environment.exactValue(state, first),
          ])
      );
      assert.equal(sha256(new TextEncoder().encode(canonicalJson(content))), PINS[name]);
    });
  }
}

Deno.test("every pin is of a registered environment", () => {
  for (const name of Object.keys(PINS)) assert.ok(Object.hasOwn(environments, name), name);
});
