import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { createGroup } from "./group.ts";
import { WordTable, wordTeacher } from "./word_evaluation_teacher.ts";

const group = createGroup("A5");
const table = (input: Record<string, number> = {}, of = group) =>
  new WordTable(of, wordTeacher.parse(input));
/** The entries at which the right product is not certain. */
const hard = ({ right }: WordTable) => [...right.keys()].filter((entry) => right[entry]! < 1);

Deno.test("the stated fraction of entries is hard, and half of them have the wrong mode", () => {
  for (const [hardFraction, count] of [[0.5, 120], [0.4, 96], [0, 0], [1, 240]] as const) {
    const t = table({ hardFraction });
    assert.equal(t.right.length, 240);
    assert.equal(hard(t).length, count);
    let wrongModes = 0;
    group.moves.forEach((product, entry) => {
      const distribution = t.distribution(entry);
      assert.ok(Math.abs(distribution.reduce((a, b) => a + b) - 1) < 1e-12);
      const mode = distribution.indexOf(Math.max(...distribution));
      if (mode !== product) wrongModes++;
      const p = distribution[product];
      assert.ok([1, 0.85, 0.35].includes(p!));
      // What is not right is one wrong element.
      assert.equal(distribution.filter((q) => q > 0).length, p === 1 ? 1 : 2);
      assert.equal(mode === product, p !== 0.35);
      assert.notEqual(t.wrong[entry], product);
    });
    assert.equal(wrongModes, count / 2);
  }
});

Deno.test("by hand: the distribution at an entry, with and without slips", () => {
  const z3 = createGroup("Z3");
  const t = table({ hardFraction: 1, likely: 0.8, unlikely: 0.8 }, z3);
  const slips = table({ epsilon: 0.3, hardFraction: 1, likely: 0.8, unlikely: 0.8 }, z3);
  z3.moves.forEach((product, entry) => {
    const wrong = t.wrong[entry]!, third = 3 - product - wrong;
    const near = (values: number[], expected: Record<number, number>) =>
      values.forEach((p, e) => assert.ok(Math.abs(p - expected[e]!) < 1e-12));
    near(t.distribution(entry), { [product]: 0.8, [wrong]: 0.2, [third]: 0 });
    near(slips.distribution(entry), { [product]: 0.66, [wrong]: 0.24, [third]: 0.1 });
  });
});

Deno.test("a table depends on its seed, and a larger fraction makes more of the same entries hard", () => {
  const [few, many, other] = [
    table({ hardFraction: 0.2 }),
    table({ hardFraction: 0.6 }),
    table({ hardFraction: 0.6, seed: 2 }),
  ];
  assert.deepEqual(table({ hardFraction: 0.6 }), many);
  for (const entry of hard(few)) assert.equal(many.right[entry], few.right[entry]);
  assert.deepEqual(few.wrong, many.wrong);
  assert.notDeepEqual(other.wrong, many.wrong);
  assert.notDeepEqual(hard(other), hard(many));
  // Both generators and elements have hard entries of either kind.
  for (const p of [0.85, 0.35]) {
    const entries = [...many.right.keys()].filter((entry) => many.right[entry] === p);
    assert.equal(new Set(entries.map((entry) => entry % 4)).size, 4);
    assert.ok(new Set(entries.map((entry) => entry >> 2)).size > 30);
  }
});

Deno.test("wrong elements are any but the right one, each equally likely", () => {
  const z5 = createGroup("Z5"), counts = [0, 0, 0, 0, 0];
  for (let seed = 0; seed < 500; seed++) {
    const { wrong } = table({ seed }, z5);
    z5.moves.forEach((product, entry) => counts[(wrong[entry]! - product + 5) % 5]!++);
  }
  assert.equal(counts[0], 0);
  const bound = 4 * Math.sqrt(5000 * 0.25 * 0.75);
  for (const count of counts.slice(1)) assert.ok(Math.abs(count - 1250) < bound, `${counts}`);
});

Deno.test("drawn elements have the frequencies of their distribution", () => {
  const n = 4000;
  for (const epsilon of [0, 0.3]) {
    const t = table({ epsilon });
    for (const entry of [hard(t)[0]!, hard(t).at(-1)!, t.right.indexOf(1)]) {
      const counts = new Array<number>(60).fill(0);
      for (let row = 0; row < n; row++) {
        const random = new RandomStream({ seed: 1, purpose: "word-teacher-test", row });
        counts[t.draw(random, entry)]!++;
      }
      t.distribution(entry).forEach((p, e) => {
        const bound = 4.5 * Math.sqrt(p * (1 - p) / n) + 1e-12;
        assert.ok(Math.abs(counts[e]! / n - p) <= bound, `${counts[e]! / n}, ${p}`);
      });
    }
  }
});

Deno.test("a response goes on from what is written, each product looked up from the one before", () => {
  const t = table({ hardFraction: 1, likely: 0, unlikely: 0 });
  const random = new RandomStream({ seed: 1, purpose: "unused" });
  const word = [0, 3, 1, 2], first = t.wrong[0]!;
  const second = t.wrong[4 * first + 3]!;
  assert.deepEqual(t.complete(random, word, [], 2), [first, second]);
  const later = t.complete(random, word, [7, 9]);
  const third = t.wrong[4 * 9 + 1]!;
  assert.deepEqual(later, [7, 9, third, t.wrong[4 * third + 2]]);
  assert.deepEqual(t.complete(random, word, later), later);
});

Deno.test("bad teachers are refused by the field's name", () => {
  for (const field of ["epsilon", "hardFraction", "likely", "unlikely", "seed"]) {
    const { error } = wordTeacher.safeParse({ [field]: -1 });
    assert.deepEqual(error?.issues[0]?.path, [field]);
  }
  assert.ok(!wordTeacher.safeParse({ seed: 2 ** 32 }).success);
  assert.ok(!wordTeacher.safeParse({ kind: "slips" }).success);
});
