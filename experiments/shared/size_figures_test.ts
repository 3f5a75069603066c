import assert from "node:assert/strict";
import type { Series } from "../../lib/report/figure.ts";
import { type CriticRow, scoresOf, type TestScores } from "./scores.ts";
import { criticsOf, linesOverSizes, overSeeds } from "./size_figures.ts";

function row(critic: string, size: string, parameters: number, rmse: number[]) {
  const test = { rmse: scoresOf(rmse), traceAccuracy: critic === "cot" ? scoresOf([1, 1]) : null };
  const facts: CriticRow = { critic, title: critic, size, parameters, trainingFlops: 1e9 };
  return { ...facts, tests: { test: test as unknown as TestScores } };
}

function pointsOf(series: Series) {
  assert.ok(series.kind === "line");
  return series.points;
}

const rows = [
  row("cot", "d16-L1", 4000, [0.2, 0.4]),
  row("cot", "d32-L2", 25_000, [0.1, 0.1]),
  row("discriminative-mse", "d16-L1", 3900, [0.3, 0.3]),
];

Deno.test("a critic's sizes are a line of means with their intervals", () => {
  const lines = linesOverSizes(rows, ["test"], "rmse");
  assert.deepEqual(lines.map(({ critic, panel }) => [critic, panel]), [
    ["cot", "test"],
    ["discriminative-mse", "test"],
  ]);
  const [small, large] = pointsOf(lines[0]!);
  // By hand: sd 0.1414, t of 1 degree of freedom 12.706, so 0.3 -+ 1.2706.
  assert.ok(Math.abs(small!.y! - 0.3) < 1e-12);
  assert.ok(Math.abs(small!.low! + 0.9706) < 1e-4 && Math.abs(small!.high! - 1.5706) < 1e-4);
  assert.deepEqual([large!.x, large!.y, large!.low, large!.high], [25_000, 0.1, 0.1, 0.1]);
  const [overFlops] = linesOverSizes(rows, ["test"], "rmse", "trainingFlops");
  assert.equal(pointsOf(overFlops!)[0]!.x, 1e9);
});

Deno.test("a critic without a score has no line", () => {
  assert.deepEqual(criticsOf(rows), ["cot", "discriminative-mse"]);
  assert.deepEqual(linesOverSizes(rows, ["test"], "traceAccuracy").map(({ critic }) => critic), [
    "cot",
  ]);
});

Deno.test("a figure says over how many seeds, and which intervals", () => {
  assert.equal(
    overSeeds({ seeds: 5 }, "bars"),
    "Mean over 5 seeds; bars are 95% intervals (Student's t).",
  );
  assert.match(overSeeds({ seeds: 1 }), /^Mean over 1 seed; bands/);
});
