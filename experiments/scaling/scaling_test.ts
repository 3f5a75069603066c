import assert from "node:assert/strict";
import { UsageError } from "../../lib/errors.ts";
import type { Figure } from "../../lib/report/figure.ts";
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
import { outcomesFigure, samplesFigure } from "./figures.ts";
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

Deno.test("only sizes of the generative critic can be sampled", () => {
  const samples = { sizes: ["d16-L1"], states: 4, counts: [1, 2] };
  assert.throws(() => scalingCells(config({ samples })), UsageError);
});

interruptionTest(
  scaling,
  () => {
    const runs = [{ critic: "cot", sizes: [size] }];
    return [
      ...scalingCells(config()),
      ...scalingCells(config({
        runs,
        outcomes: runs,
        samples: { sizes: ["d16-L1"], states: 10, counts: [1, 4] },
      })),
    ];
  },
  2,
);

Deno.test("a critic that emits value tokens is read by their mean too, and sampled where asked", async () => {
  const runs = [{ critic: "cot", sizes: [size] }];
  const samples = { sizes: ["d16-L1"], states: 10, counts: [1, 4] };
  const difficulties = [{ name: "short", min: 3, max: 3 }];
  const [cell] = scalingCells(config({ difficulties, runs, samples }));
  const { metrics } = await runCell(cell!, cellContext());
  assert.deepEqual(metrics.samples!.short!.sampled.map(({ count }) => count), [1, 4]);
  assert.equal(metrics.expectations!.short!.rmse, metrics.tests.short!.expectation!.rmse);
  assert.notEqual(metrics.expectations!.short!.rmse, metrics.tests.short!.rmse);
  const [scalar] = scalingCells(config({ difficulties }));
  const plain = (await runCell(scalar!, cellContext())).metrics;
  assert.deepEqual([plain.expectations, plain.samples], [undefined, undefined]);
});

Deno.test("training lowers the loss", async () => {
  const [cell] = scalingCells(config());
  const { metrics: { curve } } = await runCell(cell!, cellContext());
  assert.ok(curve.at(-1)! < 0.8 * curve[0]!, curve.join(" "));
});

/** Made-up RMSE of a kind of critic by size, then seed; sizes are tenfold apart, from 1,000 parameters. */
type Errors = readonly (readonly number[])[];

interface Made {
  readonly discriminative: Errors;
  readonly generative: Errors;
  /** Share of right chains by size; default: all. */
  readonly chains?: readonly number[];
  /** Errors of critics that learned outcomes; default: the same. The generative one's are read by the expectation. */
  readonly outcomes?: Pick<Made, "discriminative" | "generative">;
  /** RMSE of one sampled chain less that of 16, by seed; default: 0. */
  readonly gains?: readonly number[];
}

/** The mean predictor's RMSE in made-up reports is sqrt(0.06) = 0.245, of which 5% are 0.0122. */
function summary(made: Made): ScalingSummary {
  const sizes = made.discriminative.map((_, i) => ({ ...size, layers: i + 1 }));
  const runs = ["discriminative-mse", "cot"].map((critic) => ({ critic, sizes }));
  const full = config({
    seeds: made.discriminative[0]!.map((_, i) => i + 1),
    runs,
    outcomes: runs,
    samples: { sizes: ["d16-L1"], states: 1, counts: [1, 16] },
  });
  const cells = finished(
    scalingCells(full),
    ({ seed, config: { critic, labels, samples, size } }): ScalingMetrics => {
      const isGenerative = critic === "cot";
      const { discriminative, generative } = labels === "exact" ? made : made.outcomes ?? made;
      const rmse = (isGenerative ? generative : discriminative)[size.layers - 1]![seed - 1]!;
      const traceAccuracy = isGenerative ? made.chains?.[size.layers - 1] ?? 1 : null;
      const report = fakeReport(rmse * rmse, { rankingAccuracy: 1 - rmse, traceAccuracy });
      // Taught outcomes, the emitted integer says nothing.
      const emitted = isGenerative && labels === "outcomes"
        ? fakeReport(1, { traceAccuracy })
        : report;
      const answer = { rmse, rankingAccuracy: 0.5, parseRate: 1 };
      const one = { ...answer, rmse: rmse + (made.gains?.[seed - 1] ?? 0), count: 1 };
      const everywhere = <T>(x: T) =>
        Object.fromEntries(full.difficulties.map(({ name }) => [name, x]));
      return {
        parameters: 10 ** (size.layers + 2),
        trainingFlops: 1,
        tests: everywhere(emitted),
        ...isGenerative ? { expectations: everywhere(report) } : {},
        ...samples
          ? { samples: everywhere({ greedy: answer, sampled: [one, { ...answer, count: 16 }] }) }
          : {},
        curve: [],
      };
    },
  );
  return summarizeScaling(full, cells);
}

function verdicts(made: Made): Record<string, string> {
  return verdictsOf(scalingClaims, summary(made));
}

/** Errors about the given ones, a little apart from seed to seed. */
function around(errors: readonly number[]): Errors {
  return errors.map((error, size) =>
    [0, 1, 2, 3, 4].map((seed) => error + 0.0005 * ((seed + size) % 3))
  );
}

const flat = around([0.24, 0.24, 0.24, 0.24]);
const falling = around([0.2, 0.15, 0.1, 0.05]);

Deno.test("the verdicts where what the paper says is true", () => {
  const gains = [0.03, 0.04, 0.05, 0.04, 0.03];
  const found = verdicts({ discriminative: flat, generative: falling, gains });
  for (const [id, verdict] of Object.entries(found)) assert.equal(verdict, "supported", id);
});

Deno.test("the verdicts where the opposite is true", () => {
  const gains = [-0.03, -0.04, -0.05, -0.04, -0.03];
  const generative = around([0.3, 0.4, 0.5, 0.6]);
  const found = verdicts({ discriminative: falling, generative, gains });
  for (const [id, verdict] of Object.entries(found)) assert.equal(verdict, "contradicted", id);
});

Deno.test("a fall below 5% of the mean predictor's RMSE per tenfold size is none that matters", () => {
  const c1 = (slope: number) => {
    const discriminative = around([0, 1, 2, 3].map((decade) => 0.24 - slope * decade));
    return claim("C1").evaluate(summary({ discriminative, generative: flat }));
  };
  const { verdict, reading } = c1(0.01);
  assert.equal(verdict, "supported");
  assert.match(reading, /0\.012 would be material; statistically it improves/);
  assert.equal(c1(0.015).verdict, "contradicted");
  assert.match(c1(0).reading, /not shown to improve/);
});

Deno.test("sizes without right chains count among all sizes alone", () => {
  const generative = around([0.4, 0.1, 0.06, 0.03]);
  const made = { discriminative: flat, generative, chains: [0.2, 0.95, 1, 1] };
  const found = verdicts(made);
  assert.equal(found["C2-error"], "supported");
  assert.equal(found["C2-error-outcomes"], "supported");
  assert.equal(found["C2-error-sizes"], "contradicted");
  assert.equal(found["C2-ranking"], "contradicted");
  const { verdict, reading } = claim("C2-error")
    .evaluate(summary({ ...made, chains: [0.2, 0.3, 0.9, 0.9] }));
  assert.equal(verdict, "undecided");
  assert.match(reading, /too few right chains: d16-L1, d16-L2, d16-L3, d16-L4/);
});

Deno.test("critics that learned outcomes are judged by themselves", () => {
  const found = verdicts({
    discriminative: flat,
    generative: falling,
    outcomes: { discriminative: falling, generative: flat },
  });
  for (const id of ["C1", "C2-error", "C2-ranking"]) {
    assert.deepEqual([found[id], found[`${id}-outcomes`]], ["supported", "contradicted"], id);
  }
});

Deno.test("equal critics have no material difference", () => {
  const found = verdicts({ discriminative: flat, generative: flat });
  for (const id of ["C2-error", "C2-ranking", "C2-scale", "C2-samples"]) {
    assert.equal(found[id], "no material difference", id);
  }
});

Deno.test("with one seed, or where the runs overlap, nothing is decided", () => {
  const one = verdicts({ discriminative: [[0.2], [0.19]], generative: [[0.1], [0.05]] });
  for (const [id, verdict] of Object.entries(one)) assert.equal(verdict, "undecided", id);
  const found = verdicts({
    discriminative: [[0.2, 0.3, 0.1], [0.1, 0.2, 0.3]],
    generative: [[0.1, 0.2, 0.3], [0.3, 0.1, 0.2]],
  });
  for (const id of ["C1", "C2-error", "C2-scale"]) assert.equal(found[id], "undecided", id);
});

Deno.test("what a profile lacks leaves its claims undecided", () => {
  const exact = config();
  const cells = finished(scalingCells(exact), (): ScalingMetrics => ({
    parameters: 1,
    trainingFlops: 1,
    tests: Object.fromEntries(exact.difficulties.map(({ name }) => [name, fakeReport(0.1)])),
    curve: [],
  }));
  const found = verdictsOf(scalingClaims, summarizeScaling(exact, cells));
  for (const [id, verdict] of Object.entries(found)) assert.equal(verdict, "undecided", id);
});

Deno.test("figures have what the critics learned from, and greedy decoding beside the sampled chains", () => {
  const made = summary({
    discriminative: flat,
    generative: falling,
    outcomes: { discriminative: falling, generative: flat },
    gains: [0.05, 0.05, 0.05, 0.05, 0.05],
  });
  const lines = (figure: Figure, panel: string) =>
    Object.fromEntries(
      figure.description.series.filter((series) => series.panel === panel).map((series) => [
        series.name!.replace(/.*: /, series.critic === "cot" ? "G " : "D "),
        "points" in series ? series.points.map(({ y }) => y!.toFixed(2)) : [],
      ]),
    );
  const [same, down] = [["0.24", "0.24", "0.24", "0.24"], ["0.20", "0.15", "0.10", "0.05"]];
  assert.deepEqual(lines(outcomesFigure(made), "2x length"), {
    "D exact values": same,
    "D outcomes": down,
    "G exact values": down,
    "G outcomes, expectation": same,
    "G outcomes, integer": ["1.00", "1.00", "1.00", "1.00"],
    "Always predicting the mean": ["0.24", "0.24"],
  });
  assert.deepEqual(lines(samplesFigure(made), "exact values, 2x length"), {
    "d16-L1": ["0.25", "0.20"],
    "d16-L1, greedy": ["0.20", "0.20"],
  });
});

function claim(id: string): typeof scalingClaims[number] {
  return scalingClaims.find((claim) => claim.id === id)!;
}
