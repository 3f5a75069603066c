import assert from "node:assert/strict";
import { gradeNumeric } from "../../rollouts/verifiers/numeric.ts";
import { SUM_STOP, sumProblem } from "./sums.ts";

const ALL = Array.from({ length: 162 }, (_, row) => sumProblem(row));

Deno.test("a sum's ground truth is the sum of its terms, which are two or three digits", () => {
  for (const [row, { problem, groundTruth, prompt }] of ALL.entries()) {
    assert.match(problem, row % 2 === 0 ? /^[1-9] \+ [1-9]$/ : /^[1-9] \+ [1-9] \+ [1-9]$/);
    const terms = problem.split(" + ").map(Number);
    assert.equal(Number(groundTruth), terms.reduce((a, b) => a + b));
    assert(prompt.endsWith(`\n\nQ: ${problem}\nA:`), prompt);
  }
});

Deno.test("no two sums are alike", () => {
  assert.equal(new Set(ALL.map(({ problem }) => problem)).size, ALL.length);
  assert.deepEqual(sumProblem(7), ALL[7]);
});

Deno.test("the worked examples are right, and end where a response does", () => {
  for (const { prompt } of ALL.slice(0, 2)) {
    const examples = prompt.split("\n\n").slice(0, -1);
    assert.equal(examples.length, 6);
    for (const example of examples) {
      const [, terms, solution] = /^Q: (.+)\nA:(.+)$/.exec(example)!;
      const sum = terms!.split(" + ").map(Number).reduce((a, b) => a + b);
      assert.equal(gradeNumeric(solution!, `${sum}`), 1, example);
      for (const [, a, b, c] of solution!.matchAll(/(\d+) \+ (\d+) = (\d+)/g)) {
        assert.equal(Number(a) + Number(b), Number(c), example);
      }
      assert(!SUM_STOP.some((stop) => solution!.includes(stop)));
    }
  }
});
