import assert from "node:assert/strict";
import grade, { areEqualAnswers } from "./math_answer.ts";

const EQUAL: [string, string][] = [
  ["\\frac{1}{2}", "0.5"],
  ["\\frac12", "1/2"],
  ["\\dfrac{3}{4}", "\\tfrac{6}{8}"],
  ["-\\frac{1}{2}", "\\frac{-1}{2}"],
  ["3\\frac{1}{2}", "3.5"],
  ["2\\sqrt{2}", "\\sqrt{8}"],
  ["2\\sqrt2", "\\sqrt{8}"],
  ["\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt{3}}"],
  ["\\pi/2", "\\frac{\\pi}{2}"],
  ["2^{10}", "1024"],
  ["1,000", "1000"],
  ["1{,}234{,}567", "1234567"],
  ["1{,}234.5", "1234.50"],
  ["\\$18.90", "18.9"],
  ["$42$", "42"],
  ["\\(42\\)", "42"],
  ["42.", "42"],
  ["\\left(1, 2\\right)", "(1,2)"],
  ["(\\frac12, 3)", "(0.5,3)"],
  ["[0, \\infty)", "[0,\\infty)"],
  ["(-\\infty, 2)\\cup(3,\\infty)", "(3, \\infty) \\cup (-\\infty,2)"],
  ["\\{1, 2, 3\\}", "\\{3,2,1\\}"],
  ["\\left\\{1,2\\right\\}", "\\{2, 1\\}"],
  ["2, -2", "-2,2"],
  ["\\pm 2", "2, -2"],
  ["1 \\pm \\sqrt{5}", "1-\\sqrt{5}, 1+\\sqrt{5}"],
  ["1 \\text{ and } 3", "3, 1"],
  ["1 or 3", "1,3"],
  ["x = 5", "5"],
  ["f(x) = 2x + 1", "1+2x"],
  ["x^2+2x+1", "(x+1)^2"],
  ["\\frac{x^2-1}{x-1}", "x+1"],
  ["\\sin^2(x) + \\cos^2(x)", "1"],
  ["2ab", "2ba"],
  ["50\\%", "0.5"],
  ["50%", "50"],
  ["50\\%", "50\\%"],
  ["3\\text{ cm}", "3"],
  ["12\\,\\mathrm{cm}^2", "12"],
  ["7 dollars", "7"],
  ["16 square units", "16"],
  ["5\\text{ cm}", "5 cm"],
  ["\\frac{1}{2} bh", "\\frac{hb}{2}"],
  ["90^\\circ", "90"],
  ["90^{\\circ}", "90°"],
  ["\\text{(A)}", "A"],
  ["(B)", "\\textbf{(B)}"],
  ["Yes", "\\text{yes}"],
  ["\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"],
  ["\\begin{pmatrix} 1/2 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix}0.5\\\\2\\end{pmatrix}"],
  ["−3", "-3"],
  ["10^{10^{10}}", "10^{10^{10}}"],
];

const DIFFERENT: [string, string][] = [
  ["\\frac{1}{3}", "0.333"],
  ["[0,1)", "(0,1)"],
  ["(1,2)", "(2,1)"],
  ["(1,2)", "1,2"],
  ["1,2", "1,2,3"],
  ["1,1,2", "1,2,2"],
  ["\\{1,2\\}", "\\{1,3\\}"],
  ["\\infty", "-\\infty"],
  ["\\pm 2", "2"],
  ["x^2+2x+1", "(x+1)^3"],
  ["5", "-5"],
  ["A", "B"],
  ["(A)", "(B)"],
  ["yes", "no"],
  ["50\\%", "5"],
  ["50\\%", "0.5\\%"],
  ["\\frac{", "1"],
  ["", ""],
  ["5", ""],
  ["\\text{cm}", "\\text{kg}"],
  ["5 \\text{cm}", "5 \\text{kg}"],
  ["\\frac{1}{2} bh", "\\frac{1}{2} ab"],
  ["a \\ne b", "c"],
  ["f(x)", "g(x)"],
  ["7", "\\text{seven}"],
  ["\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}2\\\\1\\end{pmatrix}"],
];

for (const [pairs, expected] of [[EQUAL, true], [DIFFERENT, false]] as const) {
  for (const [a, b] of pairs) {
    Deno.test(`${a} is ${expected ? "" : "not "}${b}`, () => {
      assert.equal(areEqualAnswers(a, b), expected);
      assert.equal(areEqualAnswers(b, a), expected, "the other way round");
    });
  }
}

Deno.test("the answer is the last box, else what is behind ####, else the last line", () => {
  const truth = { prompt: "", groundTruth: "\\boxed{\\frac{1}{2}}" };
  assert.equal(grade("So \\boxed{3}, no: $\\boxed{0.5}$.", truth), 1);
  assert.equal(grade("7\n#### 1/2\nmore", truth), 1);
  assert.equal(grade("First 3.\n\\frac{2}{4}\n", truth), 1);
  assert.equal(grade("\\boxed{0.5} or \\boxed{3}", truth), 0);
  assert.equal(grade("Hence the final answer is $\\frac12$.", truth), 1);
  assert.equal(grade("Answer: 0.5", truth), 1);
  assert.equal(grade("", truth), 0);
  const long = "(1+".repeat(50_000);
  assert.equal(grade(`\\boxed{${long}}`, truth), 0, "not even read");
  assert.equal(grade(`\\boxed{${long}}`, { prompt: "", groundTruth: `\\boxed{${long}}` }), 1);
});
