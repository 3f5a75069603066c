import assert from "node:assert/strict";
import { gradeExact } from "./exact.ts";
import { extractAnswer } from "./extract_answer.ts";
import { gradeNumeric, lastNumber } from "./numeric.ts";

Deno.test("a stated answer is the last box, else what is behind the last ####", () => {
  for (
    const [text, answer] of [
      ["so $\\boxed{7}$.", "7"],
      ["\\boxed{3} no, \\boxed{ \\frac{1}{2} }", "\\frac{1}{2}"],
      ["\\boxed{\\text{a \\} b}}", "\\text{a \\} b}"],
      ["\\boxed{\\{1,2\\}}", "\\{1,2\\}"],
      ["\\fbox {x}", "x"],
      ["\\boxed{\\boxed{5}}", "5"],
      ["} { \\boxed{5}", "5"],
      ["\\boxed{4} and \\boxed{5", "4"], // the last is cut off
      ["3+4 = 7\n#### 7\n", "7"],
      ["#### 3\n#### 1,234 \nmore", "1,234"],
      ["#### 3 \\boxed{4}", "4"],
      ["####", ""],
      ["\\boxed{}", ""],
      ["the answer is 7", null],
      ["\\boxed 7", null],
      ["", null],
    ] as const
  ) assert.equal(extractAnswer(text), answer, text);
});

Deno.test("loops of a model, a hundred thousand characters long, are read in a moment", () => {
  const began = performance.now();
  for (const unit of ["\\boxed{", "{", "111,", "####", "\\", "-1", "1,"]) {
    const text = unit.repeat(100_000);
    extractAnswer(text);
    lastNumber(text);
  }
  assert.ok(performance.now() - began < 3000);
});

Deno.test("exact: the stated answer or the whole response, to the character", () => {
  assert.equal(gradeExact(" positive\n", "positive"), 1);
  assert.equal(gradeExact("it is positive", "positive"), 0);
  assert.equal(gradeExact("Positive", "positive"), 0);
  assert.equal(gradeExact("thus \\boxed{7}", "3+4=7\n#### 7"), 1);
  assert.equal(gradeExact("thus \\boxed{7.0}", "7"), 0);
});

Deno.test("the last number is found in prose, LaTeX and money", () => {
  for (
    const [text, number] of [
      ["The answer is 7.", "7"],
      ["12 + 5 = 17 apples", "17"],
      ["costs $1,234.50.", "1234.50"],
      ["1{,}000{,}000", "1000000"],
      ["-3", "-3"],
      ["= −3", "-3"],
      ["10-5", "5"],
      ["x-5", "5"],
      ["(-5)", "-5"],
      ["1,2,3", "3"],
      ["12,", "12"],
      ["1,23,456", "456"],
      [".5", ".5"],
      ["1.5e-3 m", "1.5e-3"],
      ["50%", "50"],
      ["first 9, then #### 4", "4"],
      ["12 \\boxed{x}", null],
      ["none", null],
    ] as const
  ) assert.equal(lastNumber(text), number, text);
});

Deno.test("numeric: whole numbers are equal or not, fractions within 1e-6", () => {
  const right: [string, string][] = [
    ["so 7", "7"],
    ["7.0", "7"],
    ["1,000", "#### 1000"],
    ["0.33333333", "0.3333333333"],
    ["2e3", "2000"],
    ["123456789012345678901", "123456789012345678901"],
    ["-0", "0"],
  ];
  const wrong: [string, string][] = [
    ["7", "-7"],
    ["1000001", "1000000"],
    ["0.333", "0.33333"],
    ["123456789012345678901", "123456789012345678902"],
    ["0.0000001", "0"],
    ["seven", "7"],
    ["", "7"],
    ["7", "seven"],
    ["1e999", "2e999"],
    ["#### 8, not 7", "#### 8 7 6"],
  ];
  for (const [response, truth] of right) assert.equal(gradeNumeric(response, truth), 1, response);
  for (const [response, truth] of wrong) assert.equal(gradeNumeric(response, truth), 0, response);
});
