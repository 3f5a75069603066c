import assert from "node:assert/strict";
import { UsageError } from "../../lib/errors.ts";
import type { CellContext } from "../../lib/run/experiment.ts";
import { runScalingCell } from "./cell.ts";
import { scalingCells } from "./cells.ts";
import { scalingClaims } from "./claims.ts";
import { profiles, type ScalingConfig, scalingConfig } from "./config.ts";
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

function context(checkpoint: CellContext["checkpoint"], threads = 1): CellContext {
  return { threads, checkpoint, progress: () => {} };
}

const none = { load: () => undefined, save: () => {} };

Deno.test("every profile gives cells with unique ids and positive costs", () => {
  for (const profile of Object.values(profiles)) {
    const cells = scalingCells(scalingConfig.parse(profile));
    assert.equal(new Set(cells.map((cell) => cell.id)).size, cells.length);
    for (const cell of cells) assert.ok(cell.cost > 0, cell.id);
  }
});

Deno.test("tuning seeds may not be reported", () => {
  const runs = [{ critic: "cot", sizes: [size] }];
  const sweep = { seeds: [1], runs, factors: [1, 2] };
  assert.throws(() => scalingCells(config({ sweep })), UsageError);
});

Deno.test("a cell interrupted at a checkpoint ends as one that was not, for any number of threads", async () => {
  for (const critic of ["discriminative-mse", "cot"]) {
    const [cell] = scalingCells(config({ runs: [{ critic, sizes: [size] }] }));
    const saved: Uint8Array[] = [];
    const whole = await runScalingCell(
      cell!,
      context({ load: () => undefined, save: (bytes) => saved.push(bytes) }),
      0,
    );
    assert.equal(saved.length, 2);
    for (const threads of [1, 2]) {
      const resumed = await runScalingCell(
        cell!,
        context({ load: () => saved[0], save: () => {} }, threads),
      );
      assert.deepEqual(resumed.digests, whole.digests);
      assert.deepEqual(resumed.metrics, whole.metrics);
    }
  }
});

Deno.test("training lowers the loss", async () => {
  const [cell] = scalingCells(config());
  const { metrics } = await runScalingCell(cell!, context(none));
  const curve = metrics.curve as number[];
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
  const results = new Map(
    scalingCells(full).map(({ id, seed, config: { critic, size } }) => {
      const scores = critic === "cot" ? generative : discriminative;
      const rmse = scores[size.layers - 1]![seed - 1]!;
      const report = {
        penalizedMse: rmse * rmse,
        varianceExact: 0.06,
        rankingAccuracy: 1 - rmse,
        parseRate: 1,
        expectation: null,
        traceAccuracy: null,
      };
      const tests = Object.fromEntries(full.difficulties.map(({ name }) => [name, report]));
      return [id, {
        metrics: { parameters: 10 ** (size.layers + 2), trainingFlops: 1, tests },
        digests: {},
      }];
    }),
  );
  return summarizeScaling(full, results);
}

function verdicts(s: ScalingSummary): Record<string, string> {
  return Object.fromEntries(scalingClaims.map((claim) => [claim.id, claim.evaluate(s).verdict]));
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
