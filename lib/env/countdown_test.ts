import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { CountdownEnvironment, type CountdownState } from "./countdown.ts";
import { MOVES } from "./countdown_rules.ts";
import { sampleStates } from "./sampling.ts";

const environment = new CountdownEnvironment();
const actor = { epsilon: 0.5 };
const sample = (count: number, env = environment) =>
  sampleStates(env, { seed: 1, purpose: "countdown-test" }, count, { actor, split: "train" });

/**
 * What the numbers can make, in the rules' bounds: a set of numbers makes what any two halves of it make, combined. Another way than
 * by moves, which take two numbers at a time.
 */
function reachable(numbers: readonly number[], limit: number): Set<number> {
  if (numbers.length === 1) return new Set(numbers);
  const made = new Set<number>();
  for (let half = 1; half < 2 ** numbers.length - 1; half++) {
    const [one, other] = [1, 0].map((side) =>
      reachable(numbers.filter((_, i) => (half >> i & 1) === side), limit)
    );
    for (const a of one!) {
      for (const b of other!) {
        for (const result of [a + b, a - b, a * b, b === 0 ? NaN : a / b]) {
          if (Number.isInteger(result) && result >= 0 && result <= limit) made.add(result);
        }
      }
    }
  }
  return made;
}

/** The numbers that are left by the text of a state's steps. */
function left(state: CountdownState): number[] {
  const numbers = [...state.numbers];
  for (const step of environment.responseText(state).split(" ").filter(Boolean)) {
    const [a, b, result] = step.match(/\d+/g)!.map(Number);
    for (const used of [a!, b!]) numbers.splice(numbers.indexOf(used), 1);
    numbers.push(result!);
  }
  return numbers;
}

Deno.test("by hand: three numbers", () => {
  const three = new CountdownEnvironment({ minNumbers: 3, maxNumbers: 3 });
  const { vocabulary } = three;
  // 5, 3, 1: 5*3=15, 15*1=15, 15/1=15; 5*1=5, 5/1=5, then 5*3=15; 3*1=3, 3/1=3, then 5*3=15.
  const start = three.state([1, 5, 3], 15);
  assert.deepEqual(start.numbers, [5, 3, 1]);
  // Legal: 5 and 3 by +, -, *; 5 and 1, 3 and 1 by all four. Good: 5*3, 5*1, 5/1, 3*1, 3/1.
  assert.equal(vocabulary.names[three.reasoningTrace(start).at(-1)!], "good5");
  assert.deepEqual(three.features(start), [1, 5 / 11, 2]);
  // After 5*3=15 two of 15+1, 15-1, 15*1, 15/1 are right; after the others, 5 and 3 are left, where 5*3 is one of three.
  const after = (epsilon: number, share: number) => 1 - epsilon + epsilon * share;
  const sum = (epsilon: number) => after(epsilon, 1 / 2) + 4 * after(epsilon, 1 / 3);
  const expected = 0.75 * sum(0.25) / 5 + 0.25 * sum(0.25) / 11;
  assert.ok(Math.abs(three.exactValue(start, { epsilon: 0.25 }) - expected) < 1e-12);

  const state = three.state([5, 3, 1], 15, "5*3=15");
  assert.equal(vocabulary.render(three.reasoningTrace(state)), "CHECK =15 ? good2");
  assert.equal(
    vocabulary.render(three.criticPrompt(state, { successRate: 0.5 })),
    "R5 L1 =15 =5 =3 =1 SEP =5 * =3 ? ? ? Q",
  );
  assert.equal(
    three.criticPromptText(state, { successRate: 0.446 }),
    "Success rate: 45%\nNumbers: 5 3 1\nTarget: 15\nSteps: 5*3=15\nCritic:",
  );
  assert.equal(three.traceText(state), " left 15 1: 15*1=15 so 2 of 4");
  assert.equal(
    three.traceText(start, { successRate: 0.446 }),
    " left 5 3 1: 5*3=15 15*1=15 so 5 of 11 rate 45",
  );
  const chain = (steps: string) => three.traceText(three.state([5, 3, 1], 15, steps));
  assert.equal(chain("5-3=2"), " left 2 1 so lost");
  assert.equal(chain("5*3=15 15/1=15"), " left 15 so reached");
  assert.equal(chain("5*3=15 15+1=16"), " left 16 so lost");
});

Deno.test("a target is in reach just if some way to combine the numbers makes it", () => {
  const five = new CountdownEnvironment({ minNumbers: 5, maxNumbers: 5 });
  for (const env of [environment, five]) {
    for (const state of sample(25, env)) {
      const made = reachable(left(state), 99);
      for (const target of [state.target, 0, 7, 24, 60]) {
        const value = env.exactValue({ ...state, target }, actor);
        assert.equal(value > 0, made.has(target), env.describe(state));
        assert.equal(env.features({ ...state, target })[0], made.has(target) ? 1 : 0);
      }
    }
  }
});

Deno.test("a move that is not legal loses the puzzle, and the response goes on", () => {
  const act = (state: CountdownState, name: string) =>
    environment.act(state, environment.vocabulary.id(name));
  const start = environment.state([7, 5, 2, 1], 15);
  for (
    const [illegal, why] of [
      ["a/b", "7/5"],
      ["a+e", "no fifth number"],
      ["d/e", "no fifth number"],
    ] as const
  ) {
    const state = act(start, illegal);
    assert.equal(environment.exactValue(state, { epsilon: 0 }), 0, why);
    const end = act(act(state, "a+b"), "a+b");
    assert.equal(environment.verify(end), 0);
    const { vocabulary } = environment;
    assert.match(vocabulary.render(environment.criticPrompt(end, {})), /SEP( !){9} Q$/);
    assert.equal(vocabulary.render(environment.reasoningTrace(end)), "CHECK ! ! ! lost");
    assert.equal(environment.traceText(end), " illegal so lost");
    assert.equal(environment.parseResponse(start, environment.responseText(state)), undefined);
  }
  // 7-7=0, then 5/0.
  const zero = environment.state([7, 7, 5, 2], 15, "7-7=0");
  assert.equal(environment.exactValue(act(zero, "a/c"), actor), 0);
  // 12*12=144 is above the limit.
  const large = act(environment.state([12, 12, 5, 2], 15), "a*b");
  assert.equal(environment.exactValue(large, actor), 0);
});

Deno.test("steps are read strictly", () => {
  const start = environment.state([8, 5, 5, 3], 24);
  const moves = (text: string) =>
    environment.parseResponse(start, text)?.moves.map((move) => MOVES[move]);
  assert.deepEqual(moves(""), []);
  assert.deepEqual(moves("8+3=11 5/5=1")!.map((move) => move!.operation), ["+", "/"]);
  for (
    const text of [
      "8+3=12",
      "3+8=11",
      "3-8=-5",
      "8/3=2",
      "8*5=40 8+5=13",
      "08+3=11",
      "8+4=12",
      "8 + 3 = 11",
      "8*5=40 40*5=200",
      "5/5=1 8*3=24 24*1=24 24+0=24",
    ]
  ) {
    assert.equal(moves(text), undefined, text);
  }
});

Deno.test("equal numbers count once, and every drawn puzzle has a solution", () => {
  // 4 and 4 by +, -, *, / and nothing else: four moves, not one for each pair of places.
  const fours = environment.state([4, 4, 4, 4], 16);
  assert.equal(environment.vocabulary.names[environment.reasoningTrace(fours).at(-1)!], "good4");
  assert.match(environment.traceText(fours), / of 4$/);
  for (let row = 0; row < 100; row++) {
    const random = new RandomStream({ seed: 1, purpose: "countdown-test/problem", row });
    const { numbers, target } = environment.problem(random, { split: "train" });
    assert.ok(target >= 10 && reachable(numbers, 99).has(target));
    assert.deepEqual(numbers, numbers.toSorted((a, b) => b - a));
  }
});

Deno.test("puzzles that do not exist are refused by the field's name", () => {
  const refused = (act: () => unknown, message: RegExp) =>
    assert.throws(act, { name: "UsageError", message });
  refused(() => environment.state([1, 2, 3, 100], 9), /^numbers: 100: must be an integer in 0/);
  refused(() => environment.state([1, 2, 3, 4], -1), /^target: -1: must be an integer in 0\.\.99/);
  refused(() => environment.state([1, 2, 3, 4], 9, "2-1=0"), /^steps: "2-1=0": they cannot/);
  refused(() => environment.state([1, 2], 3), /^difficulty: "2\.\.2": /);
  refused(() => environment.state([1, 2, 3, 4, 5, 6], 3), /^difficulty: 6: no puzzle may have/);
  refused(() => new CountdownEnvironment({ largest: 60, limit: 50 }), /^environment\.largest: 60/);
  const none = new CountdownEnvironment({ largest: 4, limit: 999, minTarget: 999 });
  const random = new RandomStream({ seed: 1, purpose: "countdown-test/none" });
  refused(() => none.problem(random, { split: "train" }), /found no puzzle .*minTarget 999/);
});
