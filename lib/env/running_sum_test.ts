import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { mean, populationVariance } from "../numeric/sums.ts";
import { RunningSumEnvironment, type RunningSumState } from "./running_sum.ts";
import { estimateSuccessRate, sampleStates } from "./sampling.ts";

const environment = new RunningSumEnvironment();
const actor = { epsilon: 0.5 };
const sample = (count: number, env = environment) =>
  sampleStates(env, { seed: 1, purpose: "running-sum-test" }, count, { actor, split: "train" });

/** 7+3=0, 0+6=6, 6+3=9, 9+9=8: the first and the last addition are hard. */
const byHand = (written: number[] = []) => environment.state(7, [3, 6, 3, 9], written);

/** The probability of a right end over all ways to go on, by enumeration. */
function enumerated({ start, addends, written }: RunningSumState, epsilon: number): number {
  const total = addends.reduce((a, b) => a + b, start);
  const from = (digit: number, i: number): number => {
    if (i === addends.length) return digit === total % 10 ? 1 : 0;
    const right = from((digit + addends[i]!) % 10, i + 1);
    if (digit < 7) return right;
    return (1 - epsilon) * right + epsilon * from((digit + addends[i]! + 1) % 10, i + 1);
  };
  return from(written.at(-1) ?? start, written.length);
}

Deno.test("by hand: a sum with two hard additions", () => {
  const value = (written: number[]) => environment.exactValue(byHand(written), { epsilon: 0.25 });
  assert.equal(value([]), 0.75 ** 2);
  assert.equal(value([0, 6]), 0.75);
  assert.equal(value([0, 6, 9, 8]), 1);
  assert.equal(value([1]), 0);
  assert.equal(environment.verify(byHand([0, 6, 9, 8])), 1);
  assert.equal(environment.verify(byHand([0, 6, 9, 9])), 0);
  const { vocabulary } = environment;
  const trace = (written: number[]) =>
    vocabulary.render(environment.reasoningTrace(byHand(written)));
  assert.equal(trace([0, 6]), "=0 =6 =9 =8 CHECK same same easy hard hard1");
  assert.equal(trace([]), "=0 =6 =9 =8 CHECK hard easy easy hard hard2");
  assert.equal(trace([1, 7]), "=0 =6 =9 =8 CHECK differs differs easy hard wrong");
  assert.equal(
    vocabulary.render(environment.criticPrompt(byHand([0, 6]), { successRate: 0.5 })),
    "R5 L2 =7 +3 +6 +3 +9 SEP =0 =6 =? =? Q",
  );
});

Deno.test("by hand: the same in words", () => {
  assert.equal(environment.actorPromptText(byHand([0])), "Start 7: +3 +6 +3 +9\nSteps:");
  assert.equal(environment.responseText(byHand([0, 6])), " 7+3=0 0+6=6");
  assert.equal(
    environment.criticPromptText(byHand([1]), { successRate: 0.446 }),
    "Success rate: 45%\nStart 7: +3 +6 +3 +9\nSteps: 7+3=1\nCritic:",
  );
  const chain = (written: number[], context = {}) =>
    environment.traceText(byHand(written), context);
  assert.equal(chain([0, 6]), " 7+3=0 ok 0+6=6 ok 6+3=9 easy 9+9=8 hard so hard 1");
  assert.equal(chain([1, 7]), " 7+3=0 bad so wrong");
  assert.equal(chain([0, 7]), " 7+3=0 ok 0+6=6 bad so wrong");
  assert.equal(chain([0, 6, 9, 8]), " 7+3=0 ok 0+6=6 ok 6+3=9 ok 9+9=8 ok so hard 0");
  // An error that a later one undoes.
  assert.equal(chain([1, 6]), " 7+3=0 bad 0+6=6 ok 6+3=9 easy 9+9=8 hard so hard 1");
  assert.match(chain([0], { successRate: 0.446 }), / hard so hard 1 rate 45$/);
  assert.match(chain([1], { successRate: 1 }), / so wrong rate 100$/);
});

Deno.test("steps are read strictly", () => {
  const results = (text: string) => environment.parseResponse(byHand(), text)?.written;
  assert.deepEqual(results(""), []);
  assert.deepEqual(results("  7+3=0   0+6=6 "), [0, 6]);
  assert.deepEqual(results("7+3=1 1+6=7"), [1, 7], "a wrong result is a result");
  for (
    const text of [
      "7+3=1 0+6=6",
      "7+6=3",
      "7+3=10",
      "7+3=",
      "7+3=NaN",
      "7+3=-1",
      "=0",
      "so 7+3=0",
      "7+3=0 0+6=6 6+3=9 9+9=8 8+1=9",
    ]
  ) {
    assert.equal(results(text), undefined, text);
  }
});

Deno.test("exact values are those of all ways to go on, tens of errors included", () => {
  for (const epsilon of [0, 0.2, 0.5, 1]) {
    for (const state of sample(100)) {
      const expected = enumerated(state, epsilon);
      assert.ok(Math.abs(environment.exactValue(state, { epsilon }) - expected) < 1e-12);
    }
  }
  // 7+9 with an error is 7: with epsilon 1 the tenth error cancels the other nine.
  const long = new RunningSumEnvironment({ minLength: 10, maxLength: 10 });
  const nines = (n: number) => long.state(7, new Array(n).fill(9));
  assert.equal(long.exactValue(nines(9), { epsilon: 1 }), 0);
  assert.equal(long.exactValue(nines(10), { epsilon: 1 }), 1);
  assert.equal(long.exactValue(nines(10), { epsilon: 0.5 }), enumerated(nines(10), 0.5));
});

Deno.test("the value is a power of 1 - epsilon: features and trace hold all that decides it", () => {
  const { vocabulary } = environment;
  for (const state of sample(300)) {
    const verdict = vocabulary.names[environment.reasoningTrace(state).at(-1)!]!;
    const expected = verdict === "wrong" ? 0 : 0.5 ** Number(verdict.slice("hard".length));
    assert.equal(environment.exactValue(state, actor), expected);
    const [right, left, both] = environment.features(state);
    assert.equal(right === 1, verdict !== "wrong");
    assert.equal(left, state.addends.length - state.written.length);
    assert.equal(both, right! * left!);
  }
});

Deno.test("with the defaults, values are what the environment's description says", () => {
  const values = sample(4000).map((state) => environment.exactValue(state, actor));
  assert.ok(Math.abs(mean(values) - 0.44) < 0.015, `${mean(values)}`);
  assert.ok(Math.abs(populationVariance(values) - 0.13) < 0.01, `${populationVariance(values)}`);
  // Values are a martingale: their mean is the success rate.
  const key = { seed: 1, purpose: "running-sum-test/rate" };
  const rate = estimateSuccessRate(environment, key, 4000, { actor, split: "train" });
  assert.ok(Math.abs(rate - 0.44) < 0.025, `${rate}`);
});

Deno.test("a teacher's chain has the teacher's own results, errors included", () => {
  const random = new RandomStream({ seed: 1, purpose: "running-sum-test/teacher" });
  const trace = environment.teacherTrace(random, byHand([0, 6]), { epsilon: 1 });
  // 7+3 becomes 1: from there on the teacher agrees with nothing that is written.
  assert.equal(
    environment.vocabulary.render(trace),
    "=1 =7 =1 =0 CHECK differs differs hard easy wrong",
  );
});

Deno.test("states that do not exist are refused by the field's name", () => {
  const refused = (act: () => unknown, message: RegExp) =>
    assert.throws(act, { name: "UsageError", message });
  refused(() => environment.state(10, [1]), /^start: 10: must be a digit in 0\.\.9/);
  refused(() => environment.state(1, [0]), /^addends: 0: must be a digit in 1\.\.9/);
  refused(() => environment.state(1, [1], [0.5]), /^written: 0\.5: must be a digit/);
  refused(() => environment.state(1, [1], [1, 2]), /^written: 2: there are 1 addends/);
  refused(() => environment.state(1, []), /^difficulty: /);
  refused(() => environment.state(1, new Array(40).fill(1)), /^environment\.traceOffset: 48: /);
});
