import assert from "node:assert/strict";
import { methods } from "../../lib/rl/methods.ts";
import { scoresOf } from "../shared/scores.ts";
import { cellContext, cellsTest, finished, verdictsOf } from "../shared/testing.ts";
import { type CostMetrics, runCell } from "./cell.ts";
import { costCells } from "./cells.ts";
import { costClaims } from "./claims.ts";
import { costConfig } from "./config.ts";
import { crossovers } from "./crossover.ts";
import {
  crossoverFigure,
  crossoverTable,
  flopsTable,
  lengthFigure,
  partsFigure,
  ratioFigure,
  settingsTable,
} from "./figures.ts";
import { costMethods, methodOf } from "./methods.ts";
import cost from "./mod.ts";
import { profiles } from "./profiles.ts";
import { type CostRow, type CostSummary, costTable, summarizeCost } from "./summary.ts";

const smoke = costConfig.parse(profiles.smoke);

cellsTest(cost);

Deno.test("GenAC has no more segments than tokens, and no method stands twice", () => {
  const ids = costMethods([1, 2, 4, 8], 4).map(({ id }) => id);
  assert.deepEqual(ids, [
    ...["grpo", "ppo", "ppo-one-pass", "vineppo"],
    ...["genac/1", "genac/2", "genac/4"],
  ]);
});

Deno.test("GenAC is asked at as many states as it has segments, and counts follow from counting", async () => {
  const config = { ...smoke, gates: [4], seeds: [1] };
  const [cell] = costCells(config);
  const { metrics: { work } } = await runCell(cell!, cellContext());
  const { problems, responses, continuations } = config.training;
  const episodes = problems * responses;
  for (const { id, segments } of cell!.config.methods) {
    const { questions, tokens } = work[id]!;
    assert.ok(tokens.rollout > 0.9 * 4 * episodes && tokens.rollout <= 4 * episodes, id);
    if (segments === null) continue;
    // The responses to a problem share their first state, and some later ones.
    assert.ok(questions >= problems && questions <= problems + episodes * (segments - 1), id);
    if (segments === 1) assert.equal(questions, problems);
    assert.ok(tokens.criticInference > 0 && tokens.criticTraining > 0);
  }
  // K continuations of 3, 2 and 1 tokens from every later state, and of 4 from each problem's first, which its responses
  // share; a few end early, with a token that is no action.
  const whole = continuations * (6 * episodes + 4 * problems),
    continued = work.vineppo!.tokens.criticInference;
  assert.ok(continued > 0.9 * whole && continued <= whole, String(continued));
  assert.deepEqual(work["ppo-one-pass"]!.flops.rollout, work.ppo!.flops.rollout);
  assert.ok(work["ppo-one-pass"]!.flops.criticInference < work.ppo!.flops.criticInference);
  assert.equal(work.grpo!.flops.criticInference + work.grpo!.flops.criticTraining, 0);
});

Deno.test("the number of segments is the algorithm's", () => {
  const genac = costMethods([3], 8).at(-1)!;
  assert.equal(methodOf(genac).algorithm.advantage.options!.maxSegments, 3);
  assert.equal(methodOf(costMethods([3], 8)[0]!).algorithm.name, "grpo");
});

Deno.test("critics learn as the library's methods say, but GenAC's from as many responses as PPO's from states", () => {
  for (const method of ["grpo", "ppo", "vineppo"] as const) {
    assert.deepEqual(methodOf({ method, segments: null }), methods[method]);
  }
  const { changes, training } = methodOf({ method: "genac", segments: 4 });
  assert.deepEqual(training, { ...methods.genac.training, batch: 64 });
  assert.equal(training!.batch, methods.ppo.training.batch);
  assert.equal(changes, methods.genac.changes);
});

/** What an iteration of GenAC takes where the others take 1 and VinePPO 4, given its segments. */
interface Made {
  readonly rollout: (segments: number) => number;
  readonly criticTraining?: number;
}

/** The summary of such cells, each seed's GenAC a little dearer; the critic answers with a token per segment. */
function summaryOf({ rollout, criticTraining = 0.01 }: Made, config = fiveSeeds): CostSummary {
  const cells = finished(costCells(config), ({ config: { methods }, seed }): CostMetrics => {
    const work = methods.map(({ id, method, segments }) => {
      const flops = method === "vineppo" ? 4 : segments === null ? 1 : rollout(segments);
      const rest = { criticInference: 0.01, criticTraining: 0.01, actorTraining: 0.01 };
      const parts = { rollout: flops, ...rest };
      const dearer = { ...parts, rollout: flops * (1 + seed / 1000), criticTraining };
      return [id, {
        tokens: { ...parts, rollout: 1, criticInference: segments ?? 0 },
        flops: method === "genac" ? dearer : parts,
        questions: 1,
      }];
    });
    return { work: Object.fromEntries(work) };
  });
  return summarizeCost(config, cells);
}

const fiveSeeds = { ...smoke, seeds: [6, 7, 8, 9, 10] };
const yes = "supported", no = "contradicted";

Deno.test("C6 is about the settings with about one token per token, C6-lengths about all", () => {
  // Segments are 1, 2 and 4: 4 tokens are too many.
  const verdicts = (last: number) =>
    verdictsOf(costClaims, summaryOf({ rollout: (s) => s === 4 ? last : 2 }));
  assert.deepEqual(verdicts(2), {
    "C6": yes,
    "C6-lengths": yes,
    "C6-frozen": yes,
    "C6-monte-carlo": yes,
  });
  assert.deepEqual(verdicts(5), {
    "C6": yes,
    "C6-lengths": no,
    "C6-frozen": no,
    "C6-monte-carlo": no,
  });
  const wrong = (rollout: number) => verdictsOf(costClaims, summaryOf({ rollout: () => rollout }));
  assert.deepEqual([wrong(1)["C6"], wrong(4)["C6"]], [no, no]);
  const trained = verdictsOf(costClaims, summaryOf({ rollout: () => 2, criticTraining: 10 }));
  assert.deepEqual([trained["C6"], trained["C6-frozen"]], [no, yes]);
  const many = summaryOf({ rollout: () => 2 }, { ...fiveSeeds, segments: [4] });
  assert.equal(verdictsOf(costClaims, many)["C6"], "undecided");
});

Deno.test("a difference from VinePPO below a tenth is none", () => {
  const verdict = (rollout: number) =>
    verdictsOf(costClaims, summaryOf({ rollout: () => rollout }))["C6-monte-carlo"];
  assert.deepEqual([3, 3.9, 5].map(verdict), [yes, "no material difference", no]);
});

Deno.test("costs cross where powers of the length through the last two ratios do", () => {
  const row = (length: number, ratio: number, segments = 1) =>
    ({ method: "genac", segments, length, timesVinePpo: scoresOf([ratio]) }) as CostRow;
  // A straight line in logarithms: 4 at 4 tokens, 2 at 8, so 1 at 16; what came before does not matter.
  const [one] = crossovers([row(2, 9), row(4, 4), row(8, 2)]);
  assert.ok(Math.abs(one!.length! - 16) < 1e-9, `${one!.length}`);
  assert.deepEqual(one!.measured[0], { length: 2, timesVinePpo: 9 });
  // Between measured lengths, and shorter than those.
  const [between] = crossovers([row(4, 2), row(16, 0.5)]);
  assert.ok(Math.abs(between!.length! - 8) < 1e-9, `${between!.length}`);
  const rising = crossovers([row(4, 2), row(8, 3), row(8, 2, 2)]);
  assert.deepEqual(rising.map(({ segments, length }) => [segments, length]), [[1, null], [
    2,
    null,
  ]]);
});

Deno.test("the report's figures and tables are made of any summary", () => {
  const summary = summaryOf({ rollout: () => 2 });
  for (const figure of [partsFigure, ratioFigure, lengthFigure, crossoverFigure]) {
    assert.ok(figure(summary));
  }
  assert.ok(flopsTable(summary) && crossoverTable(summary) && settingsTable(smoke));
  assert.equal(costTable(summary).length, summary.rows.length);
});
