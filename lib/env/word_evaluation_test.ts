import assert from "node:assert/strict";
import { mean } from "../numeric/sums.ts";
import { RandomStream } from "../numeric/random.ts";
import { describeTrace } from "./describe_trace.ts";
import { positionId } from "./environment.ts";
import { sampleStates } from "./sampling.ts";
import {
  type WordEvaluationConfigInput,
  WordEvaluationEnvironment,
  type WordState,
} from "./word_evaluation.ts";
import { WordTable, type WordTeacher, wordTeacher } from "./word_evaluation_teacher.ts";

const environment = new WordEvaluationEnvironment();
const teacher = wordTeacher.parse({});
const words = (n: number, config: WordEvaluationConfigInput = {}) =>
  new WordEvaluationEnvironment({ minLength: n, maxLength: n, ...config });
const stream = (purpose: string, row = 0) =>
  new RandomStream({ seed: 1, purpose: `word-evaluation-test/${purpose}`, row });

const sample = (count: number, env = environment, actor: WordTeacher = teacher) =>
  sampleStates(env, { seed: 1, purpose: "word-evaluation-test" }, count, { actor, split: "train" });

/** The images of the points under the first generators of a word, by composing the generators' own. */
function images({ group }: WordEvaluationEnvironment, word: readonly number[]): number[] {
  const points = group.permutation(0).map((_, x) => x);
  return points.map((x) =>
    word.reduce((x, g) => group.permutation(group.generators[g]!.element)[x]!, x)
  );
}

/** S3 as permutations of 0, 1, 2: rot is 0 -> 1 -> 2 -> 0. */
const s3 = words(3, { group: "S3" });
/** rot, (01), rot: the products are rot = (012), (012)(01) = (12), (12)(012) = (01). */
const byHand = (written: string[] = []) => s3.state(["rot", "(01)", "rot"], written);

Deno.test("by hand: three products in S3", () => {
  const { vocabulary } = s3;
  assert.match(
    vocabulary.render(s3.reasoningTrace(byHand())),
    /^=\(012\) =\(12\) =\(01\) CHECK open open open ok3$/,
  );
  assert.equal(s3.verify(byHand(["e", "e", "(01)"])), 1);
  assert.equal(s3.verify(byHand(["(012)", "(12)", "e"])), 0);
});

Deno.test("the chain's products are those of the permutations, in every kind of group", () => {
  const environments = [
    environment,
    words(9, { group: "S4", generators: ["(0123)", "(01)"] }),
    words(5, { group: "Z7", generators: [3] }),
    words(4, { group: "Z2" }),
    words(40, { group: "S5", traceOffset: 84 }),
  ];
  for (const env of environments) {
    const { group, vocabulary } = env;
    for (const state of sample(20, env)) {
      const { word, written } = state;
      const trace = env.reasoningTrace(state).map((token) => vocabulary.names[token]!);
      const n = word.length;
      assert.equal(trace.length, 2 * n + 2);
      const right = word.map((_, i) => images(env, word.slice(0, i + 1)).join());
      for (let i = 0; i < n; i++) {
        const named = group.elementNames.indexOf(trace[i]!.slice(1));
        assert.equal(group.permutation(named).join(), right[i]);
        const as = i < written.length ? group.permutation(written[i]!).join() : undefined;
        const expected = as === undefined ? "open" : as === right[i] ? "same" : "differs";
        assert.equal(trace[n + 1 + i], expected);
      }
      const last = trace[n + written.length]!;
      const ok = written.length === 0 || last === "same";
      assert.equal(trace.at(-1), `${ok ? "ok" : "bad"}${n - written.length}`);
    }
  }
});

Deno.test("the exact value is that of all responses, weighted by their probability", () => {
  const teachers = [
    {},
    { epsilon: 0.2, hardFraction: 0.3 },
    { hardFraction: 1, likely: 0.1, unlikely: 0.6, seed: 3 },
    { epsilon: 1 },
  ].map((input) => wordTeacher.parse(input));
  const configs = [{ group: "S3" }, { group: "Z4" }, { group: "Z3", generators: [1] }];
  for (const config of configs) {
    const env = new WordEvaluationEnvironment({ ...config, minLength: 1, maxLength: 4 });
    const { group } = env, width = group.generators.length;
    for (const t of teachers) {
      const table = new WordTable(group, t);
      const tree = ({ word, written }: WordState): number => {
        const i = written.length, before = written.at(-1) ?? 0;
        if (i === word.length) {
          const right = images(env, word).join();
          return group.permutation(before).join() === right ? 1 : 0;
        }
        return table.distribution(before * width + word[i]!).reduce(
          (sum, p, e) => p === 0 ? sum : sum + p * tree({ word, written: [...written, e] }),
          0,
        );
      };
      for (const state of sample(40, env, t)) {
        assert.ok(Math.abs(env.exactValue(state, t) - tree(state)) < 1e-12);
      }
    }
  }
});

Deno.test("by hand: an error in the group of two elements is undone by a second one", () => {
  const z2 = words(2, { group: "Z2" });
  const t = wordTeacher.parse({ hardFraction: 1, likely: 0.85, unlikely: 0.35 });
  const [zero, one] = new WordTable(z2.group, t).right;
  assert.deepEqual(new Set([zero, one]), new Set([0.85, 0.35]));
  const near = (written: string[], expected: number) =>
    assert.ok(Math.abs(z2.exactValue(z2.state(["+1", "+1"], written), t) - expected) < 1e-12);
  near([], zero! * one! + (1 - zero!) * (1 - zero!));
  near(["1"], one!);
  near(["0"], 1 - zero!);
  near(["0", "0"], 1);
  near(["1", "1"], 0);
});

Deno.test("nothing masks an error: who makes no other cannot succeed after one", () => {
  for (const state of sample(300)) {
    const { word, written } = state;
    const at = environment.group.permutation(written.at(-1) ?? 0).join();
    const right = at === images(environment, word.slice(0, written.length)).join();
    assert.equal(environment.exactValue(state, environment.expert), right ? 1 : 0);
  }
});

Deno.test("the teacher succeeds as often as its values say, with the defaults about 4 times in 100", () => {
  const n = 4000, values: number[] = [];
  let successes = 0;
  for (let row = 0; row < n; row++) {
    const random = stream("teacher", row);
    const problem = environment.problem(random, { split: "train" });
    values.push(environment.exactValue(problem, teacher));
    const tokens = environment.demonstration(random, problem, teacher);
    successes += environment.verify(tokens.reduce((s, t) => environment.act(s, t), problem));
  }
  const expected = mean(values);
  const bound = 4 * Math.sqrt(expected * (1 - expected) / n);
  assert.ok(Math.abs(successes / n - expected) < bound, `${successes / n}, ${expected}`);
  const bySeed = [2, 3, 4, 5].map((seed) =>
    mean(Array.from({ length: 400 }, (_, row) => {
      const problem = environment.problem(stream("start", row), { split: "train" });
      return environment.exactValue(problem, { ...teacher, seed });
    }))
  );
  for (const start of [expected, ...bySeed]) assert.ok(start > 0.025 && start < 0.06, `${start}`);
});

Deno.test("the teacher's chain is its own: it takes its error for right", () => {
  // Every entry is always wrong.
  const wrong = wordTeacher.parse({ hardFraction: 1, likely: 0, unlikely: 0 });
  const problem = environment.problem(stream("chain"), { split: "train" });
  const tokens = environment.demonstration(stream("unused"), problem, wrong);
  const state = tokens.slice(0, 5).reduce((s, token) => environment.act(s, token), problem);
  const chain = environment.teacherTrace(stream("unused"), state, wrong);
  const names = chain.map((token) => environment.vocabulary.names[token]!);
  const written = environment.vocabulary.render(tokens);
  assert.equal(names.slice(0, 16).join(" "), written);
  assert.deepEqual(names.slice(16), [
    "CHECK",
    ...Array(5).fill("same"),
    ...Array(11).fill("open"),
    "ok11",
  ]);
  // And what is right it takes for wrong.
  const right = environment.demonstration(stream("unused"), problem, environment.expertTeacher);
  const other = environment.act(problem, right[0]!);
  const end = environment.teacherTrace(stream("unused"), other, wrong);
  assert.equal(environment.vocabulary.names[end.at(-1)!], "bad15");
});

Deno.test("an unsure teacher's chain is as unsure as its demonstrations", () => {
  const one = words(1, { group: "S3" }), n = 3000;
  const unsure = wordTeacher.parse({ hardFraction: 1, likely: 0.4, unlikely: 0.4 });
  const problem = one.state(["rot"]);
  let right = 0;
  for (let row = 0; row < n; row++) {
    const chain = one.teacherTrace(stream("unsure", row), problem, unsure);
    if (one.vocabulary.names[chain[0]!] === "=(012)") right++;
  }
  assert.ok(Math.abs(right / n - 0.4) < 4 * Math.sqrt(0.4 * 0.6 / n), `${right} of ${n}`);
});

Deno.test("the prompt is header, word, SEP, products as written, Q", () => {
  const read = (written: string[], context = {}) =>
    s3.vocabulary.render(s3.criticPrompt(byHand(written), context));
  assert.equal(read(["(012)", "e"]), "R? L1 rot (01) rot SEP =(012) =e =? Q");
  assert.equal(read([], { successRate: 0.32 }), "R3 L3 rot (01) rot SEP =? =? =? Q");
  const trace = s3.vocabulary.render(s3.reasoningTrace(byHand(["(012)", "e"])));
  assert.equal(trace, "=(012) =(12) =(01) CHECK same differs open bad1");
  const long = s3.state(["rot", "rot", "rot", "rot", "rot"], ["(012)"]);
  assert.match(s3.vocabulary.render(s3.criticPrompt(long, {})), /^R\? L3 /);
  assert.match(s3.vocabulary.render(s3.reasoningTrace(long)), / ok3$/);
});

Deno.test("the actor reads the word, then what it has written", () => {
  const state = byHand(["(012)", "(12)"]);
  const prompt = s3.actorPrompt(state, { successRate: 1 });
  assert.equal(s3.vocabulary.render(prompt), "R10 L3 rot (01) rot TH =(012) =(12)");
  const positions = prompt.map((_, i) => s3.actorPosition(i, state));
  assert.deepEqual(positions, [0, 1, 2, 3, 4, 72, 73, 74]);
  assert.equal(s3.maxActorLength, prompt.length + 1);
  const elements = s3.group.elementNames.map((name) => `=${name}`);
  assert.equal(s3.vocabulary.render(s3.actionTokens), elements.join(" "));
});

Deno.test("trace tokens stand at a constant distance from what they are about", () => {
  for (const state of sample(20)) {
    const prompt = environment.criticPrompt(state, {}), n = prompt.length;
    const trace = environment.reasoningTrace(state);
    assert.equal(n, 36);
    assert.deepEqual(environment.promptLabels(state), [-1, -1, ...trace]);
    // Trace token i is predicted at the place before it.
    trace.forEach((_, i) => assert.equal(positionId(n + i, n, 72) - (2 + i), 70));
  }
});

Deno.test("difficulty is the number of generators", () => {
  const options = { actor: teacher, split: "test" as const, difficulty: { min: 20, max: 22 } };
  const states = sampleStates(environment, { seed: 1, purpose: "long" }, 60, options);
  assert.deepEqual(new Set(states.map(({ word }) => word.length)), new Set([20, 21, 22]));
  for (const state of states) {
    const n = state.word.length;
    assert.equal(environment.criticPrompt(state, {}).length, 2 * n + 4);
    assert.equal(environment.maxLengths({ min: n, max: n }).prompt, 2 * n + 4);
  }
});

Deno.test("generators and the number of products written are uniform", () => {
  const n = 6000, states = sample(n, words(16, { heldOutFraction: 0 }));
  for (let k = 0; k < 16; k++) {
    const count = states.filter(({ written }) => written.length === k).length;
    assert.ok(Math.abs(count - n / 16) < 4.5 * Math.sqrt(n * 15 / 256), `${count}`);
    for (let g = 0; g < 4; g++) {
      const count = states.filter(({ word }) => word[k] === g).length;
      assert.ok(Math.abs(count - n / 4) < 4.5 * Math.sqrt(n * 3 / 16), `${count}`);
    }
  }
});

Deno.test("a tenth of the words is held out", () => {
  const all = sample(5000, words(16, { heldOutFraction: 0 }));
  const heldOut = all.filter(({ word }) => environment.splitOf(word) === "test").length;
  assert.ok(Math.abs(heldOut - 500) < 4 * Math.sqrt(450), `${heldOut} of 5000`);
});

Deno.test("describe and describeTrace are for readers", () => {
  assert.equal(
    s3.describe(byHand(["(012)", "e"])),
    [
      "group          S3, 6 elements, identity e",
      "word           rot (01) rot",
      "products       (012) (12) (01)",
      "written        (012) e",
      "last written   wrong",
      "products left  1 of 3",
    ].join("\n"),
  );
  assert.match(s3.describe(byHand()), /written {8}none\nlast written {3}none\n/);
  assert.match(s3.describe(byHand(["(012)"])), /last written {3}right\n/);
  const trace = [...s3.reasoningTrace(byHand(["(012)", "e"]))];
  trace[1] = s3.vocabulary.id("=e");
  assert.equal(
    describeTrace(s3, byHand(["(012)", "e"]), trace),
    [
      "product 1, rot   =(012)   right",
      "product 2, (01)  =e       wrong, should be =(12)",
      "product 3, rot   =(01)    right",
      "check            CHECK    right",
      "written 1        same     right",
      "written 2        differs  right",
      "written 3        open     right",
      "last written     bad1     right",
    ].join("\n"),
  );
});

Deno.test("bad configurations, states and actors name field, value and remedy", () => {
  const cases: [() => unknown, RegExp][] = [
    [() => words(0), /^environment\.minLength: 0: Too small/],
    [() => words(35), /^environment\.traceOffset: 72: words of 35 generators make prompts of 74 /],
    [() => words(3, { group: "S7" }), /^group: "S7": choose S3, S4, A5, S5 or Z<n>/],
    [() => words(3, { generators: ["(01)"] }), /^generators: "\(01\)": A5 holds only even perm/],
    [() => s3.state(["rot", "(02)"]), /^word: "\(02\)": choose from \(01\), \(12\), rot, rot\^-1$/],
    [() => byHand(["rot"]), /^written: "rot": choose from e, /],
    [() => byHand(["e", "e", "e", "e"]), /^written: 4: there are 3 generators/],
    [() => s3.state([]), /^difficulty: "0\.\.0": /],
    [() => s3.exactValue(byHand(), { ...teacher, epsilon: 2 }), /^actor\.epsilon: 2: /],
    [() => sample(1, s3, { ...teacher, likely: NaN }), /^actor\.likely: /],
    [
      () => s3.demonstration(stream("bad"), byHand(), { ...teacher, unlikely: -1 }),
      /^teacher\.unlikely: -1: /,
    ],
  ];
  for (const [act, message] of cases) assert.throws(act, { name: "UsageError", message });
});
