import assert from "node:assert/strict";
import { methods } from "../../lib/rl/methods.ts";
import { cellContext, cellsTest, finished, verdictsOf } from "../shared/testing.ts";
import { type CostMetrics, runCell } from "./cell.ts";
import { costCells } from "./cells.ts";
import { costClaims } from "./claims.ts";
import { costConfig } from "./config.ts";
import { flopsTable, lengthFigure, partsFigure, ratioFigure, settingsTable } from "./figures.ts";
import { costMethods, methodOf } from "./methods.ts";
import cost from "./mod.ts";
import { profiles } from "./profiles.ts";
import { costTable, summarizeCost } from "./summary.ts";

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
  // K continuations of 3, 2 and 1 tokens from every state but the first; a few end early, with a token that is no action.
  const whole = episodes * continuations * 6, continued = work.vineppo!.tokens.criticInference;
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

Deno.test("critics learn as in the credit experiment, but GenAC's from as many responses as PPO's from states", () => {
  for (const method of ["grpo", "ppo", "vineppo"] as const) {
    assert.deepEqual(methodOf({ method, segments: null }), methods[method]);
  }
  const { training } = methodOf({ method: "genac", segments: 4 }), credit = methods.genac.training;
  assert.deepEqual(training, {
    ...credit,
    learningRate: 1e-3,
    batch: 64,
    reinforce: { ...credit.reinforce, responses: 8 },
  });
  assert.equal(training!.batch, methods.ppo.training.batch);
});

/** Verdicts where an iteration of GenAC takes `genac` units, VinePPO's 4, and the others 1. */
function verdicts(genac: number, criticTraining = 0.01) {
  const cells = finished(costCells(smoke), ({ config }): CostMetrics => {
    const work = config.methods.map(({ id, method }) => {
      const flops = method === "genac" ? genac : method === "vineppo" ? 4 : 1;
      const rest = { criticInference: 0.01, criticTraining: 0.01, actorTraining: 0.01 };
      const parts = { rollout: flops, ...rest };
      return [id, {
        tokens: { ...parts, rollout: 1, criticInference: 2 },
        flops: method === "genac" ? { ...parts, criticTraining } : parts,
        questions: 1,
      }];
    });
    return { work: Object.fromEntries(work) };
  });
  const summary = summarizeCost(smoke, cells);
  for (const figure of [partsFigure, ratioFigure, lengthFigure]) assert.ok(figure(summary));
  assert.ok(flopsTable(summary) && settingsTable(smoke));
  assert.equal(costTable(summary).length, summary.rows.length);
  return verdictsOf(costClaims, summary);
}

Deno.test("the verdicts follow the ratios", () => {
  const yes = "supported", no = "not supported";
  assert.deepEqual(verdicts(2), { C6: yes, "C6-frozen": yes, "C6-monte-carlo": yes });
  assert.deepEqual(verdicts(5), { C6: no, "C6-frozen": no, "C6-monte-carlo": no });
  assert.deepEqual(verdicts(2, 10), { C6: no, "C6-frozen": yes, "C6-monte-carlo": no });
});
