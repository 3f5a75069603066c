/** What every registered environment must keep to. A new one needs a line in `actors`. */
import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { describeTrace } from "./describe_trace.ts";
import { LEVELS } from "./vocabulary.ts";
import { createEnvironment, environments, parseActor } from "./registry.ts";
import { sampleStates } from "./sampling.ts";

/** Actors of each environment, and problem sizes besides the configured ones. */
const actors: Record<string, { actors: unknown[]; difficulty: { min: number; max: number } }> = {
  permutation: {
    actors: [{ epsilon: 0.3 }, { epsilon: 0.7 }],
    difficulty: { min: 12, max: 15 },
  },
  circuit: { actors: [{ epsilon: 0.2 }, { epsilon: 0.6 }], difficulty: { min: 9, max: 12 } },
  sat: { actors: [{ epsilon: 0.3 }, { epsilon: 0.7 }], difficulty: { min: 8, max: 9 } },
  "local-check": {
    actors: [{ epsilon: 0.3 }, { epsilon: 0.7 }],
    difficulty: { min: 12, max: 15 },
  },
};

Deno.test("every environment is covered here", () => {
  assert.deepEqual(Object.keys(actors), Object.keys(environments));
});

for (const [name, { actors: inputs, difficulty }] of Object.entries(actors)) {
  const environment = createEnvironment(name, {});
  const [first, second] = inputs.map((input) => parseActor(name, input));
  const sample = (count: number, options = {}, purpose = "contract") =>
    sampleStates(environment, { seed: 5, purpose }, count, {
      actor: first,
      split: "train",
      ...options,
    });

  Deno.test(`${name}: token names are unique and ids are their places`, () => {
    const { names, size } = environment.vocabulary;
    assert.equal(new Set(names).size, size);
    names.forEach((text, token) => assert.equal(environment.vocabulary.id(text), token));
  });

  Deno.test(`${name}: prompts end with Q, fit, and hold no token of a response`, () => {
    const { vocabulary, traceOffset } = environment;
    const { pad, query, think, filler, values, rates, noRate } = vocabulary;
    for (const size of [undefined, difficulty]) {
      const lengths = size
        ? environment.maxLengths(size)
        : { prompt: environment.maxLengths().prompt, trace: environment.maxLengths().trace };
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
    assert.deepEqual(
      sampleStates(createEnvironment(name, {}), { seed: 5, purpose: "contract" }, 20, {
        actor: first,
        split: "train",
      }),
      states,
    );
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
}
