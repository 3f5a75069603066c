import assert from "node:assert/strict";
import { UsageError } from "../../lib/errors.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { pinsPath, readPins } from "../../lib/run/pins.ts";
import {
  cellContext,
  cellsTest,
  finished,
  interruptionTest,
  verdictsOf,
} from "../shared/testing.ts";
import { type CreditMetrics, type MethodResult, runCell } from "./cell.ts";
import { type CreditCell, creditCells } from "./cells.ts";
import { creditClaims } from "./claims.ts";
import { type CreditConfig, creditConfig } from "./config.ts";
import {
  costTable,
  creditTokens,
  failuresTable,
  flopsFigure,
  gainFigure,
  scoresTable,
  searchFigure,
  trainingFigure,
} from "./figures.ts";
import credit from "./mod.ts";
import { CRITICS, METHOD_NAMES, type MethodName, methodOf } from "./methods.ts";
import { profiles } from "./profiles.ts";
import { type CreditSummary, creditTable, failureText, summarizeCredit } from "./summary.ts";

const smoke = creditConfig.parse(profiles.smoke);
const task = smoke.tasks[0]!;

cellsTest(credit);

Deno.test("a tuning seed may not be reported; a method and a task stand once", () => {
  const search = {
    methods: ["grpo" as const],
    seeds: [2],
    rates: [1e-3, 2e-3],
    iterations: 5,
  };
  assert.throws(() => creditCells({ ...smoke, tasks: [{ ...task, search }] }), UsageError);
  const twice = { ...smoke, tasks: [{ ...task, methods: [task.methods[0]!, task.methods[0]!] }] };
  assert.match(creditConfig.safeParse(twice).error!.message, /a method stands twice/);
  const same = { ...smoke, tasks: [task, task] };
  assert.match(creditConfig.safeParse(same).error!.message, /two tasks have the same name/);
});

Deno.test("the rates of the standard profile are the best of its pinned search", () => {
  const pins = readPins(pinsPath(credit, "standard"));
  const { tasks } = pins!.summary as unknown as CreditSummary;
  let checked = 0;
  for (const { methods, search } of tasks) {
    for (const { method, learningRate } of methods) {
      const own = search.filter((row) => row.method === method);
      if (own.length === 0) continue;
      const best = own.reduce((a, b) => b.area > a.area ? b : a);
      assert.equal(learningRate, best.learningRate, method);
      checked++;
    }
  }
  assert.ok(checked > 0);
});

Deno.test("a teacher that the environment does not know is a usage error", async () => {
  const [cell] = creditCells({
    ...smoke,
    tasks: [{ ...task, teacher: { kind: "careless" } }],
  });
  await assert.rejects(() => runCell(cell!, cellContext()), UsageError);
});

interruptionTest(credit, () => {
  const config: CreditConfig = {
    ...smoke,
    tasks: [{
      ...task,
      methods: task.methods.filter(({ name }) => ["grpo", "genac"].includes(name)),
      sftSteps: 20,
      weakSteps: [10],
      lessons: 256,
      discriminative: { ...task.discriminative, steps: 5 },
      generative: {
        ...task.generative,
        traces: { steps: 3, difficulty: { min: 1, max: 2 } },
        steps: 5,
      },
    }],
    training: { ...smoke.training, iterations: 4 },
    evaluateEvery: 2,
    gradientBatches: 2,
  };
  return creditCells(config).slice(0, 1);
}, 3);

/** What a cell says in which each method has an area under the success curve and a bias of its own. */
function metrics(
  { config }: Cell<CreditCell>,
  of: (name: MethodName) => number,
  shift: number,
): CreditMetrics {
  const runs = Object.fromEntries(config.runs.map(({ id, method: name }) => {
    const critic = methodOf(name).critic !== undefined;
    const success = of(name) + shift;
    const point = (iteration: number): MethodResult["points"][number] => ({
      iteration,
      success: iteration === 0 ? 0.3 : success,
      criticRmse: critic ? 0.1 : null,
      criticBias: critic ? 0.5 - of(name) : null,
      criticRanking: critic ? 0.8 : null,
    });
    return [id, {
      points: [point(0), point(10), point(20)],
      training: [],
      failures: name === "ppo" ? [{ name: "critic collapse" as const, iteration: 12 }] : [],
      flops: {
        rollout: 1e9,
        criticInference: name === "genac" ? of("oracle") * 6e9 : 0,
        criticTraining: 0,
        actorTraining: 1e9,
      },
    }];
  }));
  const gradients = Object.fromEntries(
    METHOD_NAMES.map((name) => [name, {
      cosine: of(name) + shift,
      meanCosine: 0.5,
      relativeVariance: 2,
    }]),
  );
  const flops = {
    actor: 1,
    lessons: 1,
    ...Object.fromEntries(Object.keys(CRITICS).map((kind, i) => [kind, i + 2])),
  };
  const preparation = { actorLoss: 1, successRate: 0.3, criticLoss: {}, flops, episodes: 1 };
  const example = {
    problem: "a circuit",
    tokens: ["w1", "w2"],
    reward: 0 as const,
    probabilities: [0.9, 0.2],
    advantages: Object.fromEntries(METHOD_NAMES.map((name) => [name, [-0.5, 0.2]])),
  };
  return { preparation, gradients, example, runs };
}

function verdicts(of: (name: MethodName) => number): Record<string, string> {
  const cells = creditCells(smoke);
  const summary = summarizeCredit(
    smoke,
    finished(cells, (cell) => metrics(cell, of, cells.indexOf(cell) * 0.001)),
  );
  assert.equal(creditTable(summary).length, task.methods.length);
  for (const figure of [trainingFigure(summary, "success"), flopsFigure(summary)]) {
    assert.ok(figure.description.series.length === task.methods.length);
  }
  const [row] = summary.tasks;
  assert.equal(searchFigure(row!).description.series.length, task.search!.methods.length);
  const gains = gainFigure(summary, row!).description.series.flatMap((s) =>
    s.kind === "rows" ? s.rows.filter(({ x }) => x !== null) : []
  );
  assert.equal(gains.length, task.methods.length - 1);
  const ppo = summary.tasks[0]!.methods.find(({ method }) => method === "ppo")!;
  assert.equal(failureText(ppo), "2 of 2 (critic collapse)");
  assert.equal(creditTokens(summary.tasks[0]!).length, task.methods.length);
  assert.ok(costTable(summary.tasks[0]!));
  assert.ok(failuresTable(summary, smoke) && scoresTable(summary, summary.tasks[0]!));
  return verdictsOf(creditClaims, summary);
}

Deno.test("the verdicts where better critics train better actors, where worse ones do, and without difference", () => {
  const rank: MethodName[] = [
    "one-shot token lambda 0",
    "rloo",
    "grpo",
    "ppo",
    "cot token lambda 1",
    "cot token lambda 1 equal",
    "genac no ICC",
    "cot token lambda 0",
    "cot token lambda 0 equal",
    "cot token lambda 0 joint",
    "cot segment lambda 0",
    "genac",
    "genac equal",
    "oracle",
  ];
  const up = verdicts((name) => 0.1 + 0.04 * (rank.indexOf(name) + 1));
  const down = verdicts((name) => 0.5 - 0.04 * (rank.indexOf(name) + 1));
  const equal = verdicts(() => 0.4);
  for (const { id } of creditClaims) {
    assert.deepEqual([up[id], down[id], equal[id]], [
      "supported",
      "not supported",
      "inconclusive",
    ], id);
  }
});
