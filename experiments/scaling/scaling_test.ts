import assert from "node:assert/strict";
import { UsageError } from "../../lib/errors.ts";
import {
  cellContext,
  cellsTest,
  fakeReport,
  finished,
  interruptionTest,
  verdictsOf,
} from "../shared/testing.ts";
import { runCell, type ScalingMetrics } from "./cell.ts";
import { scalingCells } from "./cells.ts";
import { scalingClaims } from "./claims.ts";
import { type ScalingConfig, scalingConfig } from "./config.ts";
import scaling from "./mod.ts";
import { type ScalingSummary, summarizeScaling } from "./summary.ts";

const size = { dModel: 16, layers: 1, learningRate: 1e-2 };

function config(change: Partial<ScalingConfig> = {}): ScalingConfig {
  return {
    ...scalingConfig.parse({
      seeds: [1],
      runs: [{ critic: "discriminative-mse", sizes: [size] }],
      environment: { group: "S3" },
      steps: 120,
      batchSize: 16,
      testStates: 50,
    }),
    ...change,
  };
}

cellsTest(scaling);

Deno.test("tuning seeds may not be reported", () => {
  const runs = [{ critic: "cot", sizes: [size] }];
  const sweep = { seeds: [1], runs, factors: [1, 2] };
  assert.throws(() => scalingCells(config({ sweep })), UsageError);
});

interruptionTest(
  scaling,
  () =>
    ["discriminative-mse", "cot"].map((critic) =>
      scalingCells(config({ runs: [{ critic, sizes: [size] }] }))[0]!
    ),
  2,
);

Deno.test("training lowers the loss", async () => {
  const [cell] = scalingCells(config());
  const { metrics: { curve } } = await runCell(cell!, cellContext());
  assert.ok(curve.at(-1)! < 0.8 * curve[0]!, curve.join(" "));
});

/** A summary with the given RMSE per size and seed: four sizes, tenfold apart, for both critics. */
function summary(discriminative: number[][], generative: number[][]): ScalingSummary {
  const full = config({
    seeds: discriminative[0]!.map((_, i) => i + 1),
    runs: ["discriminative-mse", "cot"].map((critic) => ({
      critic,
      sizes: discriminative.map((_, i) => ({ ...size, layers: i + 1 })),
    })),
  });
  const cells = finished(
    scalingCells(full),
    ({ seed, config: { critic, size } }): ScalingMetrics => {
      const scores = critic === "cot" ? generative : discriminative;
      const rmse = scores[size.layers - 1]![seed - 1]!;
      const report = fakeReport(rmse * rmse, { rankingAccuracy: 1 - rmse });
      return {
        parameters: 10 ** (size.layers + 2),
        trainingFlops: 1,
        tests: Object.fromEntries(full.difficulties.map(({ name }) => [name, report])),
        curve: [],
      };
    },
  );
  return summarizeScaling(full, cells);
}

function verdicts(s: ScalingSummary): Record<string, string> {
  return verdictsOf(scalingClaims, s);
}

Deno.test("the verdicts of what the paper says", () => {
  const flat = [[0.24, 0.23, 0.25], [0.23, 0.25, 0.24], [0.25, 0.24, 0.23], [0.24, 0.23, 0.25]];
  const falling = [[0.20, 0.19, 0.21], [0.1, 0.11, 0.1], [0.05, 0.04, 0.05], [0.03, 0.03, 0.02]];
  assert.deepEqual(verdicts(summary(flat, falling)), {
    "C1": "supported",
    "C1-longer": "supported",
    "C2-error": "supported",
    "C2-ranking": "supported",
    "C2-scale": "supported",
  });
});

Deno.test("the verdicts where the opposite is true", () => {
  const falling = [[0.20, 0.19, 0.21], [0.1, 0.11, 0.1], [0.05, 0.04, 0.05], [0.03, 0.03, 0.02]];
  const rising = [[0.3, 0.31, 0.3], [0.4, 0.41, 0.4], [0.5, 0.51, 0.5], [0.6, 0.61, 0.6]];
  assert.deepEqual(verdicts(summary(falling, rising)), {
    "C1": "not supported",
    "C1-longer": "not supported",
    "C2-error": "not supported",
    "C2-ranking": "not supported",
    "C2-scale": "not supported",
  });
});

Deno.test("with one seed, or where the runs overlap, nothing is decided", () => {
  const one = summary([[0.2], [0.19]], [[0.1], [0.05]]);
  for (const verdict of Object.values(verdicts(one))) assert.equal(verdict, "inconclusive");
  const overlapping = [[0.2, 0.3, 0.1], [0.1, 0.2, 0.3]];
  const { "C2-error": error, "C2-scale": scale } = verdicts(summary(overlapping, overlapping));
  assert.deepEqual([error, scale], ["inconclusive", "inconclusive"]);
});
