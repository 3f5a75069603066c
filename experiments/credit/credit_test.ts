import assert from "node:assert/strict";
import { UsageError } from "../../lib/errors.ts";
import type { Figure } from "../../lib/report/figure.ts";
import { DISPLAY } from "../../lib/report/mime.ts";
import { methodConfig } from "../../lib/rl/methods.ts";
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
import { type CreditCell, creditCells, searchRuns } from "./cells.ts";
import { creditClaims } from "./claims.ts";
import { type CreditConfig, creditConfig } from "./config.ts";
import { exchangeFigure, payText, priceFigure, rateText } from "./exchange_figures.ts";
import {
  batchFigure,
  centralFigure,
  criticBiasFigure,
  criticErrorFigure,
  curvePoints,
  flopsFigure,
  gainFigure,
  mechanismFigure,
  othersFigure,
  searchFigure,
} from "./figures.ts";
import { comparedMethods } from "./gradients.ts";
import { familyOf, seedsByTask } from "./looks.ts";
import { CRITICS, METHOD_NAMES, type MethodName, methodOf, trainingOf } from "./methods.ts";
import credit from "./mod.ts";
import { profiles } from "./profiles.ts";
import {
  type CreditSummary,
  creditTable,
  failureText,
  pairedGain,
  summarizeCredit,
  type TaskRow,
} from "./summary.ts";
import {
  bestRate,
  costTable,
  creditTokens,
  criticTable,
  failuresTable,
  gradientTable,
  samplingTable,
  scoresTable,
  searchTable,
  settingsTable,
} from "./tables.ts";

const smoke = creditConfig.parse(profiles.smoke);
const standard = creditConfig.parse(profiles.standard);
const task = smoke.tasks[0]!;
/** Of a run in batches of 4 x 4. */
const EPISODES = 16 * standard.training.iterations;

cellsTest(credit);

Deno.test("a tuning seed may not be reported; a method and a task stand once", () => {
  const search = { ...task.search!, seeds: [2] };
  assert.throws(() => creditCells({ ...smoke, tasks: [{ ...task, search }] }), UsageError);
  const twice = { ...smoke, tasks: [{ ...task, methods: [task.methods[0]!, task.methods[0]!] }] };
  assert.match(creditConfig.safeParse(twice).error!.message, /a method stands twice/);
  const same = { ...smoke, tasks: [task, task] };
  assert.match(creditConfig.safeParse(same).error!.message, /two tasks have the same name/);
  const odd = { ...smoke, evaluateEvery: 4 };
  assert.match(creditConfig.safeParse(odd).error!.message, /a multiple of evaluateEvery/);
});

Deno.test("a method runs on its first seeds; a cell prepares the critics that its runs need", () => {
  const cells = creditCells(smoke);
  const [one, two] = cells.map(({ config }) => config);
  const few = task.methods.filter(({ seeds }) => seeds === 1).map(({ name }) => name);
  assert.ok(few.length > 0);
  assert.deepEqual(one!.runs.map(({ id }) => id), task.methods.map(({ name }) => name));
  assert.deepEqual(
    two!.runs.map(({ id }) => id),
    task.methods.map(({ name }) => name).filter((name) => !few.includes(name)),
  );
  assert.deepEqual(one!.needs, Object.keys(CRITICS));
  assert.deepEqual(two!.needs, ["discriminative", "generative", "generative, REINFORCE"]);
  const search = cells.find(({ id }) => id.includes("/search/"))!;
  assert.deepEqual(search.config.runs, searchRuns(task.search!));
  assert.deepEqual(search.config.needs, []);
});

Deno.test("circuits have the first five seeds, and figures and settings say so", () => {
  const seedsOf = (name: string) =>
    creditCells(standard).filter(({ config, seed }) =>
      config.task.name === name && standard.seeds.includes(seed)
    ).map(({ seed }) => seed);
  assert.deepEqual(seedsOf("word evaluation"), standard.seeds);
  assert.deepEqual(seedsOf("circuit"), standard.seeds.slice(0, 5));

  const summary = summaryIn(BETTER);
  const seeds = "10 seeds on word evaluation, 5 on circuit";
  assert.equal(seedsByTask(summary), seeds);
  assert.ok(centralFigure(summary).description.subtitle!.includes(seeds));
  assert.equal(seedsByTask({ ...summary, tasks: summary.tasks.slice(1) }), "5 seeds");
  const settings = settingsTable(standard)[DISPLAY]()["text/plain"];
  assert.match(settings, /circuit .*; the first 5 seeds only/);
});

Deno.test("the rates of the standard profile are the best of its pinned search, none at the edge of what was tried", () => {
  const { tasks } = readPins(pinsPath(credit, "standard"))!.summary as unknown as CreditSummary;
  for (const { methods, name, search } of standard.tasks) {
    const pinned = tasks.find((row) => row.task === name);
    assert.ok(pinned, `${name}: not pinned`);
    for (const { method } of search!.runs) {
      const { learningRate } = methods.find((entry) => entry.name === method)!;
      assert.deepEqual(
        bestRate(pinned.search, method),
        { learningRate, atEdge: false },
        `${name}: ${method}`,
      );
    }
  }
});

Deno.test("the best rate of a search, and whether it is the smallest or the largest that was tried", () => {
  const search = [[1e-3, 0.3], [2e-3, 0.5], [4e-3, 0.4]]
    .map(([learningRate, area]) => ({
      method: "grpo" as const,
      learningRate: learningRate!,
      area: area!,
    }));
  assert.deepEqual(bestRate(search, "grpo"), { learningRate: 2e-3, atEdge: false });
  assert.deepEqual(bestRate(search.slice(1), "grpo"), { learningRate: 2e-3, atEdge: true });
  assert.deepEqual(bestRate(search.slice(0, 2), "grpo"), { learningRate: 2e-3, atEdge: true });
  assert.equal(bestRate(search, "ppo"), undefined);
});

Deno.test("the arms train as their names say", () => {
  const shared = { problems: 4, responses: 4, iterations: 120, learningRate: 1e-3 };
  const of = (name: MethodName) => trainingOf(name, shared);
  const batch = (name: MethodName) => {
    const { epochs, iterations, problems, responses } = of(name);
    return [problems, responses, iterations, epochs];
  };
  assert.deepEqual(batch("grpo"), [4, 4, 120, 1]);
  assert.deepEqual(batch("grpo x8"), [4, 4, 960, 1]);
  assert.deepEqual(batch("ppo 16x1"), [16, 1, 120, 1]);
  assert.deepEqual(batch("generative 16x1"), [16, 1, 120, 1]);
  // Twice the size: half the iterations, twice the episodes.
  for (const name of ["grpo", "generative"] as const) {
    assert.deepEqual(batch(`${name} 8x8`), [8, 8, 60, 1]);
    assert.deepEqual(batch(`${name} 16x16`), [16, 16, 30, 1]);
  }
  assert.equal(trainingOf("grpo 8x8", { ...shared, iterations: 5 }).iterations, 3);
  assert.deepEqual(batch("generative 4 epochs"), [4, 4, 120, 4]);
  for (const name of METHOD_NAMES) assert.equal(of(name).learningRate, 1e-3, name);

  const lambda = (name: MethodName) =>
    (methodOf(name).algorithm.advantage.options as { lambda?: number }).lambda;
  assert.deepEqual(
    ["generative lambda 0", "generative lambda 0.8 frozen", "generative no ICC"]
      .map((name) => lambda(name as MethodName)),
    [0, 0.8, 0.8],
  );
  assert.equal(of("generative lambda 0.8 frozen").critic.method, "frozen");
  // The rate of a discriminative critic would cost a generative one its chains.
  for (const [name, rate] of [["ppo", 1e-3], ["generative lambda 0.8", 3e-4]] as const) {
    const { learningRate, method } = of(name).critic;
    assert.deepEqual([method, learningRate], ["regression", rate]);
  }
  assert.equal(of("generative no ICC").conditioning, "initial");
  assert.equal(of("generative lambda 0.8").conditioning, "current");

  // As the paper has it: raw reward on the whole response, the emitted integer, no KL.
  const { critic, klCoefficient } = of("genac");
  assert.deepEqual(
    [critic.method, critic.read, critic.reinforce.baseline, critic.reinforce.credit, klCoefficient],
    ["reinforce", "emitted", "raw", "all", 0],
  );
  assert.equal(lambda("genac"), 1);
});

Deno.test("no two methods have one title: figures keep them apart by it", () => {
  const titles = METHOD_NAMES.map((name) => methodOf(name).title);
  assert.deepEqual(titles.filter((title, i) => titles.indexOf(title) !== i), []);
});

Deno.test("gradients are compared among methods with the same batches and epochs", () => {
  const shared = methodConfig({}, { problems: 4, responses: 4, learningRate: 1e-3 });
  const others: MethodName[] = [
    "grpo x8",
    "ppo 16x1",
    "generative 16x1",
    "grpo 8x8",
    "generative 8x8",
    "grpo 16x16",
    "generative 16x16",
    "generative 4 epochs",
  ];
  assert.deepEqual(
    comparedMethods(METHOD_NAMES, shared),
    METHOD_NAMES.filter((name) => !others.includes(name)),
  );
});

Deno.test("a teacher that the environment does not know is a usage error", async () => {
  const [cell] = creditCells({ ...smoke, tasks: [{ ...task, teacher: { kind: "careless" } }] });
  await assert.rejects(() => runCell(cell!, cellContext()), UsageError);
});

interruptionTest(
  credit,
  () => {
    const { generative } = task;
    const config: CreditConfig = {
      ...smoke,
      tasks: [{
        ...task,
        methods: task.methods.filter(({ name }) => ["grpo", "genac"].includes(name)),
        sft: { ...task.sft, steps: 20, gate: 1e-3, rounds: 2 },
        pilot: { ...task.pilot, checkpoints: [1, 2] },
        lessons: 64,
        discriminative: { ...task.discriminative, steps: 5 },
        generative: {
          ...generative,
          traces: { ...generative.traces, steps: 3, gate: 0, rounds: 3 },
          steps: 5,
          reinforce: { ...generative.reinforce, steps: 2 },
        },
      }],
      training: { ...smoke.training, iterations: 4 },
      evaluateEvery: 2,
      judgeEvery: 4,
    };
    return creditCells(config).slice(0, 1);
  },
  3,
  (_, { metrics: { preparation, runs } }) => {
    // A gate out of reach takes every round, one that is open the first alone.
    const { actor, chains, skills } = preparation;
    assert.deepEqual([actor.rounds, actor.passed], [2, false]);
    const { passed, rounds } = chains.generative!;
    assert.deepEqual([rounds, passed], [1, true]);
    // The actor, at one other temperature, and the pilot's two checkpoints.
    assert.equal(skills.length, 4);
    assert.deepEqual(
      runs.genac!.points.map(({ critic, iteration, sampled }) => [
        iteration,
        critic !== null,
        sampled !== null,
      ]),
      [[0, true, true], [2, false, false], [4, true, true]],
    );
  },
);

/** What methods reach in a made-up run. */
interface World {
  /** Success after RL, on the task, by the seed's place. */
  readonly success: (name: MethodName, task: string, seed: number) => number;
  readonly rmse: (name: MethodName) => number;
  /** RMSE of always predicting the mean. */
  readonly meanPredictorRmse: number;
}

function madeUp(
  { config, seed }: Cell<CreditCell>,
  seeds: readonly number[],
  world: World,
): CreditMetrics {
  const place = seeds.indexOf(seed), { task } = config;
  const success = (name: MethodName) => world.success(name, task.name, place);
  const runs = Object.fromEntries(config.runs.map(({ id, method: name, learningRate }) => {
    const { critic } = methodOf(name);
    const { iterations } = trainingOf(name, { ...config.training, learningRate });
    const point = (share: number): MethodResult["points"][number] => ({
      iteration: share * iterations,
      success: share === 0 ? 0.1 : success(name),
      sampled: share === 0.5 ? null : (share === 0 ? 0.1 : success(name)) - 0.01 * place,
      critic: critic === undefined || share === 0.5 ? null : {
        rmse: world.rmse(name),
        meanPredictorRmse: world.meanPredictorRmse,
        bias: -0.02,
        ranking: 1 - world.rmse(name),
        rightChains: critic === "discriminative" ? null : 0.9,
      },
    });
    return [id, {
      points: [point(0), point(0.5), point(1)],
      training: [],
      failures: name === "ppo" ? [{ name: "critic collapse" as const, iteration: 12 }] : [],
      flops: {
        rollout: iterations * 1e9,
        criticInference: critic ? iterations * 2e9 : 0,
        criticTraining: 0,
        actorTraining: iterations * 1e9,
      },
    }];
  }));
  return {
    preparation: {
      actor: { reached: 0.3, rounds: 1, passed: true },
      successRate: 0.1,
      skills: [0.1, 0.4],
      chains: { generative: { reached: 0.9, rounds: 3, passed: false } },
      criticLoss: { generative: 0.5 },
      flops: {
        actor: 1e9,
        pilot: 4e11,
        lessons: 1e12,
        ...Object.fromEntries(Object.keys(CRITICS).map((kind) => [kind, 1e11])),
      },
      episodes: { pilot: 6400, lessons: 3600 },
    },
    gradients: Object.fromEntries(METHOD_NAMES.map((name) => [name, {
      cosine: success(name),
      meanCosine: 0.5,
      relativeVariance: 2,
    }])),
    example: {
      problem: "a word",
      tokens: ["w1", "w2"],
      subjects: ["product 1", "product 2"],
      reward: 0,
      probabilities: [0.9, 0.2],
      advantages: { grpo: [-1, -1], oracle: [-0.5, 0.2] },
    },
    runs,
  };
}

/** The standard profile's summary in a made-up world; tuning seeds are as the first seed. */
function summaryIn(world: World): CreditSummary {
  return summarizeCredit(
    standard,
    finished(
      creditCells(standard),
      (cell) =>
        madeUp(cell, standard.seeds.includes(cell.seed) ? standard.seeds : [cell.seed], world),
    ),
  );
}

/** What is shared by the runs of a seed: paired differences do not see it. */
function luck(seed: number): number {
  return 0.02 * (seed % 3);
}

/** From the worst to the best where every claim holds. */
const RANKED: MethodName[] = [
  "rloo",
  "grpo 8x8",
  "ppo 16x1",
  "discriminative lambda 0",
  "grpo",
  "ppo",
  "grpo x8",
  "vineppo",
  "generative lambda 1 frozen",
  "generative lambda 0.8 frozen",
  "generative no ICC",
  "genac",
  "genac-leave-one-out",
  "genac equal",
  "generative lambda 0 frozen",
  "generative lambda 0",
  "generative lambda 0.8 equal",
  "generative 16x1",
  "generative 8x8",
  "generative lambda 0.8",
  "generative 4 epochs",
  "generative from the actor",
];

/** The exact critic gains enough everywhere, so that every task counts. */
function withHeadroom(success: (name: MethodName) => number) {
  return (name: MethodName, _: string, seed: number) =>
    luck(seed) + (name === "oracle" ? success("grpo") + 0.2 : success(name));
}

const up = (name: MethodName) => 0.1 + 0.025 * RANKED.indexOf(name);
const down = (name: MethodName) => 0.7 - 0.025 * RANKED.indexOf(name);

const BETTER: World = {
  success: withHeadroom(up),
  rmse: (name) => 0.4 - 0.5 * up(name),
  meanPredictorRmse: 0.5,
};
const WORSE: World = {
  success: withHeadroom(down),
  rmse: (name) => name === "generative no ICC" ? 0.1 : 0.2 + 0.5 * down(name),
  meanPredictorRmse: 0.1,
};
const SAME: World = {
  success: withHeadroom(() => 0.4),
  rmse: (name) => name.startsWith("discriminative") || name === "ppo" ? 0.3 : 0.2,
  meanPredictorRmse: 0.2,
};
/** Every method does well with every other seed, each by as much more or less than any other. */
const NOISY: World = {
  success: (name, _, seed) =>
    name === "oracle" ? 9 : 0.05 * METHOD_NAMES.indexOf(name) * (seed % 2 === 0 ? 1 : -1),
  rmse: BETTER.rmse,
  meanPredictorRmse: 0.2,
};

Deno.test("verdicts: better critics train better actors, worse ones do, none matters, nobody knows", () => {
  const [better, worse, same] = [BETTER, WORSE, SAME]
    .map((world) => verdictsOf(creditClaims, summaryIn(world)));
  for (const { id } of creditClaims) {
    // These worlds have headroom on purpose.
    if (id === "C5-headroom") continue;
    assert.deepEqual(
      [better![id], worse![id], same![id]],
      ["supported", "contradicted", "no material difference"],
      id,
    );
  }
  const noisy = verdictsOf(creditClaims, summaryIn(NOISY));
  const ofCritics = ["C4-training", "C4-ICC-training"];
  for (const { id } of creditClaims) {
    if (id !== "C5-headroom" && !ofCritics.includes(id)) assert.equal(noisy[id], "undecided", id);
  }
});

Deno.test("headroom itself is a claim with the four verdicts", () => {
  const verdict = (gain: (seed: number) => number) =>
    verdictsOf(
      creditClaims,
      summaryIn({
        ...SAME,
        success: (name, _, seed) => luck(seed) + 0.4 + (name === "oracle" ? gain(seed) : 0),
      }),
    )["C5-headroom"];
  assert.equal(verdict(() => 0.1), "supported");
  assert.equal(verdict(() => -0.1), "contradicted");
  assert.equal(verdict(() => 0.001), "no material difference");
  assert.equal(verdict((seed) => seed % 2 === 0 ? 0.3 : -0.2), "undecided");
});

Deno.test("a task on which an exact critic gains little does not count, and the reading says so", () => {
  const summary = summaryIn({
    ...BETTER,
    success: (name, task, seed) =>
      task === "circuit"
        ? luck(seed) + (name === "genac" ? 0.2 : 0.4)
        : BETTER.success(name, task, seed),
  });
  const { reading, verdict } = creditClaims.find(({ id }) => id === "C5")!.evaluate(summary);
  assert.equal(verdict, "supported");
  assert.match(reading, /Not counted, as an exact critic gains less than 0\.05 there: circuit/);
  assert.doesNotMatch(reading, /GRPO on circuit/);

  const none = summaryIn({ ...SAME, success: (_, __, seed) => luck(seed) });
  const nothing = creditClaims.find(({ id }) => id === "C5")!.evaluate(none);
  assert.equal(nothing.verdict, "undecided");
  assert.match(nothing.reading, /Needs genac .* on a task with headroom/);
});

Deno.test("a method on fewer seeds is paired with the same seeds of the other", () => {
  const summary = summaryIn({ ...BETTER, success: (name, _, seed) => seed + up(name) });
  const [words] = summary.tasks;
  const row = words!.methods.find(({ method }) => method === "genac equal")!;
  assert.deepEqual(row.seeds, standard.seeds.slice(0, 5));
  const { effects } = pairedGain(words!, "genac equal", "grpo")!;
  assert.equal(effects.length, 5);
  // Unpaired, the ten seeds of GRPO would be 2.5 above these five.
  for (const effect of effects) {
    assert.ok(Math.abs(effect - (up("genac equal") - up("grpo"))) < 1e-12);
  }
  assert.equal(pairedGain(words!, "grpo", "vineppo")!.effects.length, 5);
  assert.equal(pairedGain(summary.tasks[1]!, "genac equal", "grpo"), undefined);
});

Deno.test("the summary of a made-up run", () => {
  const { tasks } = summaryIn(BETTER);
  const [words, circuit] = tasks as [TaskRow, TaskRow];
  const row = (name: MethodName) => words.methods.find(({ method }) => method === name)!;
  const genac = row("genac");
  assert.equal(genac.area.scores.length, 10);
  assert.equal(genac.episodes, EPISODES);
  assert.equal(genac.preparationEpisodes, 10_000);
  assert.ok(Math.abs(genac.preparationFlops - 1.5e12) < 1);
  assert.ok(Math.abs(genac.flops - 4e9 * standard.training.iterations) < 1);
  assert.ok(Math.abs(genac.critic!.absoluteBias.mean.estimate - 0.02) < 1e-12);
  assert.equal(row("ppo").critic!.rightChains, null);
  assert.equal(row("grpo").critic, null);
  assert.equal(row("grpo").preparationEpisodes, 0);
  assert.equal(row("grpo x8").episodes, 8 * EPISODES);
  assert.equal(row("grpo 8x8").episodes, 2 * EPISODES);
  assert.equal(row("generative 16x16").episodes, 4 * EPISODES);
  assert.equal(failureText(row("ppo")), "10 of 10 (critic collapse)");
  // The k-th seed's samples are 0.01 k lower; two evaluations of a method have them.
  const { sampling } = words;
  const sampledRuns = words.methods.reduce((n, { seeds }) => n + seeds.length, 0);
  assert.equal(sampling.evaluations, 2 * sampledRuns);
  sampling.difference.scores.forEach((d, k) => assert.ok(Math.abs(d - 0.01 * k) < 1e-12));
  assert.ok(sampling.rms > 0.03 && sampling.rms < 0.09);
  assert.ok(sampling.noise > 0.01 && sampling.noise < 0.5 / Math.sqrt(standard.testProblems));
  assert.equal(circuit.exchange, null);
  assert.equal(words.exchange!.rates.length, 10);
  assert.equal(
    creditTable({ seeds: 10, tasks }).length,
    words.methods.length + circuit.methods.length,
  );
});

/** Names of the series that a figure has, each once. */
function names({ description: { series } }: Figure): string[] {
  return [...new Set(series.map(({ name }) => name!))];
}

Deno.test("figures hold the methods that they are about", () => {
  const summary = summaryIn(BETTER);
  const [words, circuit] = summary.tasks as [TaskRow, TaskRow];
  assert.deepEqual(names(centralFigure(summary)).toSorted(), [
    "GRPO",
    "GenAC",
    "Generative, lambda 0.8",
    "Oracle critic",
    "PPO",
    "RLOO",
  ]);
  const others = names(othersFigure(summary)!);
  assert.ok(others.includes("VinePPO (5 seeds)"), others.join());
  assert.ok(!others.some((name) => /8 x 8|16 x/.test(name)), others.join());

  const gains = gainFigure(words).description.series.flatMap((series) =>
    series.kind === "rows" ? series.rows.filter(({ x }) => x !== null) : []
  );
  const unequal = words.methods.filter(({ episodes }) => episodes !== EPISODES);
  assert.equal(gains.length, words.methods.length - unequal.length - 1);
  const genac = gains.find(({ category }) => category === "GenAC")!;
  assert.ok(Math.abs(genac.x! - (up("genac") - up("grpo"))) < 1e-12);

  assert.equal(batchFigure(circuit), null);
  const [batches] = batchFigure(words)!.description.series;
  assert.ok(batches?.kind === "rows");
  assert.deepEqual(batches.rows.map(({ category }) => category), [
    "4 x 4, over GRPO",
    "8 x 8, over GRPO (5 seeds)",
    "16 x 16, over GRPO (3 seeds)",
    "16 x 1, over GRPO's 4 x 4 (5 seeds)",
    "16 x 1, over PPO (5 seeds)",
  ]);

  // Two lines for each critic on each task, "without ICC" on one alone.
  assert.equal(criticErrorFigure(summary).description.series.length, 2 * (4 + 3));
  assert.equal(criticBiasFigure(summary)!.description.series.length, 4 + 3);
  const points = mechanismFigure(summary).description.series;
  assert.ok(points.some(({ name }) => name === "Oracle critic"));
  assert.equal(
    flopsFigure(summary).description.series.length,
    words.methods.length + circuit.methods.length,
  );
  assert.deepEqual(names(searchFigure(circuit)), ["GRPO", "PPO", "Generative, lambda 0.8"]);
});

Deno.test("learning curves are against episodes, without gaps where a critic was not judged", () => {
  const [words] = summaryIn(BETTER).tasks;
  const row = (name: MethodName) => words!.methods.find(({ method }) => method === name)!;
  const xs = (name: MethodName, what: "success" | "rmse") =>
    curvePoints(row(name), what).map(({ x }) => x);
  assert.deepEqual(xs("genac", "success"), [0, EPISODES / 2, EPISODES]);
  assert.deepEqual(xs("genac", "rmse"), [0, EPISODES]);
  assert.deepEqual(xs("generative 8x8", "success"), [0, EPISODES, 2 * EPISODES]);
  assert.deepEqual(xs("grpo", "rmse"), []);
});

Deno.test("the exchange in words and figures", () => {
  const summary = summaryIn(BETTER);
  // GRPO never reaches the critic's success in this world.
  assert.equal(
    rateText(summary.tasks[0]!.exchange!),
    "more than 8 over 10 seeds",
  );
  const rates = { ...summary.tasks[0]!.exchange!, rates: [4, null, 1.5] };
  assert.equal(rateText(rates), "median 4.0, from 1.5 to more than 8 over 3 seeds");
  assert.equal(exchangeFigure(summary)!.description.series.length, 3);
  assert.equal(priceFigure(summary)!.description.series.length, 3 + 1);
  assert.equal(exchangeFigure({ ...summary, tasks: [summary.tasks[1]!] }), null);
  assert.equal(priceFigure({ ...summary, tasks: [summary.tasks[1]!] }), null);

  const dear = { episodes: 10, episodeFlops: 1, otherFlops: 500 };
  const long = { episodes: 60, episodeFlops: 1, otherFlops: 100 };
  assert.equal(payText(dear, long), "from 8.0 times what an episode costs here");
  assert.equal(payText(long, dear), "below 8.0 times what an episode costs here");
  assert.equal(payText({ ...dear, otherFlops: 50 }, long), "at every price");
  assert.equal(payText(long, { ...dear, otherFlops: 50 }), "at no price");
});

Deno.test("families: whose values a method has", () => {
  assert.equal(familyOf("genac"), "GenAC");
  assert.equal(familyOf("genac equal"), "generative critic, equal knowledge");
  assert.equal(familyOf("generative lambda 1 frozen"), "generative critic, frozen");
  assert.equal(familyOf("generative 8x8"), "generative critic, learning");
  assert.equal(familyOf("generative no ICC"), "generative critic without ICC");
  assert.equal(familyOf("vineppo"), "no critic");
});

Deno.test("tables", () => {
  const summary = summaryIn(BETTER);
  const [words] = summary.tasks as [TaskRow, TaskRow];
  assert.equal(creditTokens(words).length, 2);
  for (
    const table of [
      scoresTable(words),
      criticTable(words),
      costTable(words),
      gradientTable(words),
      searchTable(words),
      failuresTable(summary),
      samplingTable(summary),
      settingsTable(standard),
    ]
  ) assert.ok(table);
  const bare = {
    ...words,
    search: [],
    methods: words.methods.map((row) => ({ ...row, gradient: null })),
  };
  assert.equal(searchTable(bare), null);
  assert.equal(gradientTable(bare), null);
});
