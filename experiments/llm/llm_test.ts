import assert from "node:assert/strict";
import { WasmEngine } from "../../lib/backend/wasm/engine.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { readAdapter } from "../../lib/pretrained/adapter.ts";
import { SMOLLM2 } from "../../lib/pretrained/known_models.ts";
import type { AnyExperiment, Cell, FinishedCell } from "../../lib/run/experiment.ts";
import { pinsPath, readPins } from "../../lib/run/pins.ts";
import {
  cellContext,
  cellsTest,
  fakeReport,
  finished,
  interruptionTest,
  verdictsOf,
} from "../shared/testing.ts";
import { testScores } from "../shared/scores.ts";
import { runCell } from "./cell.ts";
import type { CriticMetrics, LlmCell, LlmMetrics, RlMetrics } from "./cell_types.ts";
import { llmCells, nameOf } from "./cells.ts";
import { llmClaims } from "./claims.ts";
import { type LlmConfig, llmConfig, profiles } from "./config.ts";
import {
  conditioningFigure,
  conditioningTable,
  errorFigure,
  gradientFigure,
  methodsTable,
  rawScoresTable,
  searchTable,
  settingsTable,
  sizeFigure,
  sizesTable,
  successFigure,
  valuesTable,
} from "./figures.ts";
import llm from "./mod.ts";
import { lacking, modelSize, openModel, TINY, TINY_WIDE } from "./base_models.ts";
import { type RunName, RUNS } from "./runs.ts";
import { lessonsOf } from "./several_actors.ts";
import { errorOf, findValues, type LlmSummary, summarizeLlm } from "./summary.ts";
import { IN_DISTRIBUTION, longerSet } from "./value_cell.ts";

const { smoke } = profiles;
const LONGER = longerSet(smoke.longer![0]!);

function config(change: Partial<typeof smoke> = {}): LlmConfig {
  return llmConfig.parse({
    ...smoke,
    seeds: [1],
    runs: [...RUNS],
    states: 16,
    testStates: 6,
    ...change,
  });
}

function cellsOf(
  part: string,
  change: Partial<typeof smoke> = {},
  model = TINY,
): Cell<LlmCell>[] {
  return llmCells(config(change)).filter(({ id }) => id.startsWith(`${model}/${part}`));
}

/** Digests of an adapter as it is read back from a cell's files. */
async function digestsRead(files: Record<string, Uint8Array>) {
  const engine = await WasmEngine.create({ threads: 1 });
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, bytes] of Object.entries(files)) {
      Deno.writeFileSync(`${folder}/${name}`, bytes);
    }
    const { weights } = openModel(TINY, engine, "bfloat16");
    const model = readAdapter(weights, folder, { maxLength: 128 });
    return { base: weights.digest(), parameters: await model.digest() };
  } finally {
    Deno.removeSync(folder, { recursive: true });
    engine.close();
  }
}

async function run(cell: Cell<LlmCell>): Promise<LlmMetrics> {
  return (await runCell(cell, cellContext())).metrics;
}

cellsTest(llm);

Deno.test("every cell says how much memory it takes; a larger model takes more", () => {
  const memory = (model: string) =>
    cellsOf("", { models: [model] }, model).map(({ memory }) => memory!);
  const [tiny, large] = [memory(TINY), memory(SMOLLM2)];
  tiny.forEach((bytes, i) => assert.ok(bytes > 1e8 && bytes < large[i]! && large[i]! < 4e9));
});

Deno.test("RL may have fewer seeds than critics, which changes no cell", () => {
  const seeds = [1, 2, 3], rl = { ...smoke.rl!, seeds: 2 };
  assert.deepEqual(cellsOf("rl", { seeds, rl }), cellsOf("rl", { seeds }).slice(0, 2));
  assert.deepEqual(cellsOf("values", { seeds, rl }), cellsOf("values", { seeds }));
});

Deno.test("models of other sizes have their runs on the first seeds, and something to be compared with", () => {
  const sizes = { models: [TINY_WIDE], runs: ["head"] as RunName[], seeds: 2 };
  const seeds = [1, 2, 3], wide = cellsOf("", { seeds, sizes }, TINY_WIDE);
  assert.deepEqual(
    wide.map(({ id }) => id),
    ["tiny-wide/values/head/seed1", "tiny-wide/values/head/seed2"],
  );
  const [tiny] = cellsOf("values/head/", { seeds, sizes });
  assert.deepEqual({ ...wide[0]!.config, model: TINY }, tiny!.config);
  const refused = (change: Partial<typeof sizes>, message: RegExp) =>
    assert.throws(() => cellsOf("", { runs: ["chain", "head"], sizes: { ...sizes, ...change } }), {
      name: "UsageError",
      message,
    });
  refused({ models: [TINY] }, /sizes\.models: "tiny": is one of models/);
  refused(
    { runs: ["head-outcomes"] },
    /sizes\.runs: "head-outcomes": choose from runs: chain, head$/,
  );
});

Deno.test("the search tries rates around the chosen ones on tuning seeds alone", () => {
  const runs: RunName[] = ["chain", "head-states"];
  const search = { seeds: [101, 102], runs, factors: [0.3, 1] };
  const change = { learningRate: 1e-3, longLearningRate: 3e-4, search };
  const cells = cellsOf("search", change);
  assert.deepEqual(cells.filter(({ seed }) => seed === 101).map(({ id }) => id), [
    "tiny/search/chain/lr0.0003/seed101",
    "tiny/search/chain/lr0.001/seed101",
    "tiny/search/head-states/lr0.00009/seed101",
    "tiny/search/head-states/lr0.0003/seed101",
  ]);
  assert.equal(cells.length, 8);
  const [reported] = cellsOf("values/chain/", change), [, chosen] = cells;
  assert.deepEqual({ ...reported!.config, longer: [] }, chosen!.config);
  assert.throws(
    () => cellsOf("search", { search: { ...search, seeds: [1] } }),
    /search\.seeds: 1: a tuning seed must not be among the reported seeds/,
  );
});

Deno.test("the searched rates of the standard profile are the best of its pinned search", () => {
  const { search } = readPins(pinsPath(llm as AnyExperiment, "standard"))!
    .summary as unknown as LlmSummary;
  for (const rows of Map.groupBy(search, ({ title }) => title).values()) {
    const best = rows.toSorted((a, b) => a.rmse - b.rmse)[0]!;
    assert.ok(best.chosen, `${best.title}: ${best.learningRate}`);
  }
  assert.ok(search.length > 0);
});

Deno.test("models are known by name; a path is one, and its last part its name in ids", () => {
  assert.equal(lacking(TINY), undefined);
  assert.match(lacking("/nowhere/at-all")!, /^\/nowhere\/at-all: there is no such model/);
  assert.equal(modelSize(SMOLLM2).layers, 30);
  assert.deepEqual(
    [TINY, "/models/My-Llama/", "C:\\models\\x.gguf"].map(nameOf),
    [TINY, "My-Llama", "x.gguf"],
  );
});

Deno.test("without the weights the smoke profile stands in, and says how to get them", () => {
  const asked = llmConfig.parse({ ...profiles.quick, models: ["/nowhere/at-all"] });
  const standIn = llm.standIn!(asked);
  assert.equal(standIn?.profile, "smoke");
  assert.match(standIn!.because, /give a Hugging Face folder or a GGUF file/);
  assert.equal(llm.standIn!(llmConfig.parse(smoke)), undefined);
});

// Passes over 24 states in batches of 8: eight or nine steps, of which the first five end a point of the loss curve.
interruptionTest({ runCell }, () => cellsOf("values/head-passes", { states: 24 }), 1);

Deno.test("RL that is interrupted in or after a model's training or a method ends as if it had not been", async () => {
  // Six steps each, of which the fifth ends a point of the loss curve.
  const rl = { ...smoke.rl!, demonstrations: 48, criticStates: 48 };
  const [cell] = cellsOf("rl", { rl });
  const saved: Uint8Array[] = [];
  const save = (bytes: Uint8Array) => void saved.push(bytes);
  const checkpoint = { load: () => undefined, save, seconds: 0 };
  const { unpinned: _, ...whole } = await runCell(cell!, cellContext({ checkpoint }));
  // The actor and two critics, in and after training; the gradients; four methods after the first iteration of two, three after it.
  assert.equal(saved.length, 2 * 3 + 1 + 4 + 3);
  for (const bytes of saved) {
    const again = { load: () => bytes, save: () => {} };
    const { unpinned: _, ...resumed } = await runCell(cell!, cellContext({ checkpoint: again }));
    assert.deepEqual(resumed, whole);
  }
});

Deno.test("equal data are the same states; as many tokens are as many as the chains", async () => {
  const cells = Object.fromEntries(
    cellsOf("values").map((cell) => [(cell.config as { run: string }).run, cell]),
  );
  const metrics = async (name: string) => await run(cells[name]!) as CriticMetrics;
  const [chain, head, passes, states, features] = await Promise.all(
    ["chain", "head", "head-passes", "head-states", "features"].map(metrics),
  );
  assert.equal(chain!.trainingStates, 16);
  assert.equal(head!.trainingStates, 16);
  assert.equal(passes!.trainingStates, 16);
  assert.ok(states!.trainingStates > 24);
  assert.ok(head!.trainingTokens < 0.5 * chain!.trainingTokens);
  for (const long of [passes!, states!]) {
    // To the nearest step.
    const step = long.trainingTokens / (states!.trainingStates / 8);
    assert.ok(Math.abs(long.trainingTokens - chain!.trainingTokens) < step);
  }
  assert.equal(features!.parameters, 4);
  assert.equal(head!.parameters, chain!.parameters + 32 + 1);
  assert.deepEqual(Object.keys(chain!.tests), [IN_DISTRIBUTION, LONGER]);
});

Deno.test("RL keeps the adapters of all actors and critics that it trained", async () => {
  const [cell] = cellsOf("rl");
  const { digests, files } = await runCell(cell!, cellContext());
  const folders = [...new Set(Object.keys(files!).map((name) => name.replace(/\/.*/, "")))];
  assert.deepEqual(folders, [
    ...["grpo-actor", "ppo-actor", "ppo-critic", "genac-actor", "genac-critic", "oracle-actor"],
  ]);
  const own = Object.entries(files!).filter(([name]) => name.startsWith("genac-actor/"));
  const actor = Object.fromEntries(own.map(([name, bytes]) => [name.replace(/.*\//, ""), bytes]));
  assert.equal((await digestsRead(actor)).parameters, digests.genac);
});

Deno.test("a critic's files are an adapter as PEFT has it, of the base that the cell names", async () => {
  for (const run of ["chain", "head"]) {
    const [cell] = cellsOf(`values/${run}/`);
    const { digests, files } = await runCell(cell!, cellContext());
    const { base, parameters } = digests;
    assert.deepEqual(await digestsRead(files!), { base, parameters });
  }
});

Deno.test("lessons on several actors take them in turn, and tell each one's success rate if they shall", () => {
  const task = createEnvironment("running-sum");
  const actors = { epsilons: [0.1, 0.9], episodes: 64 };
  const lessons = lessonsOf({ ...actors, told: true }, task, 1);
  const rates = actors.epsilons.map((epsilon) => lessons.context(epsilon).successRate!);
  assert.ok(rates[0]! > 0.6 && rates[1]! < 0.4, `${rates}`);
  const silent = lessonsOf({ ...actors, told: false }, task, 1);
  assert.deepEqual(silent.context(0.1), {});
  for (let row = 0; row < 8; row++) {
    const { context, state, value } = lessons.example(row);
    assert.equal(context.successRate, rates[row % 2]);
    assert.equal(value, task.exactValue(state, { epsilon: actors.epsilons[row % 2]! }));
    assert.deepEqual(silent.example(row), { context: {}, state, value });
  }
});

Deno.test("RL prepares an actor and its critics once, and starts every method from them", async () => {
  const [cell] = cellsOf("rl");
  const { critics, gradients, methods, preparationTokens } = await run(cell!) as RlMetrics;
  assert.deepEqual(Object.keys(methods), ["grpo", "ppo", "genac", "oracle"]);
  assert.deepEqual(Object.keys(critics), ["head", "chain"]);
  assert.deepEqual(Object.keys(preparationTokens), ["actor", "head", "chain"]);
  assert.deepEqual(Object.keys(gradients), Object.keys(methods));
  // Rewards and answers are not all alike: a change in what follows from them would be seen.
  for (const { cosine } of Object.values(gradients)) {
    assert.ok(cosine !== 0 && Math.abs(cosine) <= 1);
  }
  assert.ok(critics.chain!.parseRate > 0);
  assert.ok(methods.oracle!.success[0]! > 0);
  assert.equal(gradients.oracle!.meanCosine, 1);
  const first = Object.values(methods).map(({ success }) => success[0]);
  assert.equal(new Set(first).size, 1);
  for (const { success, trainingSuccess } of Object.values(methods)) {
    assert.equal(success.length, 3);
    assert.equal(trainingSuccess.length, 2);
  }
});

/** Made-up results: the error of each run, of conditioning, the success of each method. */
function made(
  error: (run: string, set: string, model: string) => number,
  success: Readonly<Record<string, number>>,
): { config: LlmConfig; cells: FinishedCell<LlmCell, LlmMetrics>[] } {
  const all = config({ seeds: [1, 2, 3, 4, 5], runs: [...RUNS] });
  const noise = (seed: number) => 1 + 0.002 * seed;
  const cells = finished(llmCells(all), ({ config: own, seed }): LlmMetrics => {
    if (own.part === "rl") {
      const methods = Object.entries(success).map(([method, end]) => [method, {
        success: [0.4, end * noise(seed), end * noise(seed)],
        trainingSuccess: [0.4, 0.4],
        referenceKl: [0, 0],
        criticParseRate: [null, null],
        valueSeparation: method === "grpo" ? [null, null] : [null, 0.3],
        tokensWritten: 10,
        tokensTrained: 20,
      }]);
      return {
        part: "rl",
        critics: { head: fakeReport(0.1), chain: fakeReport(0.02) },
        gradients: Object.fromEntries(
          Object.entries(success).map(([method, end]) => {
            const cosine = end * noise(seed);
            return [method, { cosine, meanCosine: cosine, relativeVariance: 1 }];
          }),
        ),
        preparationTokens: { actor: 100, head: 30, chain: 60 },
        methods: Object.fromEntries(methods),
      };
    }
    const sets = own.part === "values"
      ? [IN_DISTRIBUTION, LONGER]
      : ["epsilon 0.1", "epsilon 0.7", "epsilon 0.4"];
    const name = own.part === "values" ? own.run : `${own.critic} ${own.told}`;
    return {
      part: own.part,
      parameters: 10,
      trainingTokens: 1000,
      trainingStates: 16,
      answerTokens: 3,
      tests: Object.fromEntries(sets.map((set) => {
        const rmse = error(name, set, own.model) * noise(seed);
        return [set, fakeReport(rmse * rmse, { rankingAccuracy: 1 - rmse })];
      })),
      curve: [],
    };
  });
  return { config: all, cells };
}

Deno.test("claims are decided by the errors, either way", () => {
  const summary = (
    errors: (run: string, set: string, model: string) => number,
    genac: number,
  ) => {
    const { cells, config } = made(errors, { grpo: 0.5, ppo: 0.52, genac, oracle: 0.6 });
    return summarizeLlm(config, cells);
  };
  const chainWins = verdictsOf(
    llmClaims,
    summary((run, _, model) => {
      if (!run.startsWith("chain") || run.endsWith("false")) return 0.3;
      return model === TINY ? 0.1 : 0.05;
    }, 0.7),
  );
  for (const { id } of llmClaims) {
    const expected = id === "C4-llm-discriminative" ? "no material difference" : "supported";
    assert.equal(chainWins[id], expected, id);
  }
  const headWins = verdictsOf(
    llmClaims,
    summary((run, _, model) => run.startsWith("chain") ? 0.4 : model === TINY ? 0.25 : 0.2, 0.4),
  );
  for (
    const id of [
      "C1-llm",
      "C2-llm",
      "C2-llm-ranking",
      "C3-llm",
      "C2-llm-features",
      "C2-llm-larger",
      "C5-llm",
    ]
  ) {
    assert.equal(headWins[id], "contradicted", id);
  }
  assert.equal(headWins["C2-llm-scale"], "no material difference");
  assert.equal(headWins["C4-llm"], "no material difference");
  const alike = verdictsOf(llmClaims, summary(() => 0.2, 0.51));
  assert.equal(alike["C2-llm"], "no material difference");
});

Deno.test("answers that are a mean are compared by it, and those that cannot be parsed are charged 1", () => {
  const written = fakeReport(0.25), read = { expectation: { r2: 0.5, rmse: 0.25 } };
  assert.deepEqual(errorOf(testScores([written])).scores, [0.5]);
  assert.deepEqual(errorOf(testScores([{ ...written, ...read }])).scores, [0.25]);
  const [half] = errorOf(testScores([{ ...written, ...read, parseRate: 0.5 }])).scores;
  assert.equal(half, Math.sqrt((0.0625 + 1) / 2));
});

Deno.test("a profile without what a claim is about leaves it undecided, and says what it needs", () => {
  const { cells, config: all } = made(() => 0.2, { grpo: 0.5, ppo: 0.5, genac: 0.5, oracle: 0.5 });
  const { conditioning: _, rl: __, sizes: ___, ...rest } = all;
  const part = { ...rest, runs: ["chain" as const] };
  const summary = summarizeLlm(part, cells.filter(({ cell }) => cell.id.includes("values/chain/")));
  for (const { evaluate } of llmClaims) {
    const { reading, verdict } = evaluate(summary);
    assert.equal(verdict, "undecided");
    assert.match(reading, /^Needs /);
  }
});

Deno.test("figures and tables show every row", () => {
  const { cells, config } = made((run) => run === "chain" ? 0.1 : 0.2, {
    ...{ grpo: 0.5, ppo: 0.5, genac: 0.6, oracle: 0.6 },
  });
  const summary = summarizeLlm(config, cells);
  const text = (shown: object) => {
    const [display] = Object.getOwnPropertySymbols(shown);
    const make = (shown as Record<symbol, () => Record<string, string>>)[display!]!;
    return make.call(shown)["text/plain"]!;
  };
  assert.equal(summary.values.length, 2 * RUNS.length);
  const { learningRate } = config;
  assert.deepEqual(
    summary.search.map(({ chosen, learningRate }) => [chosen, learningRate]),
    [[true, learningRate], [false, 3 * learningRate]],
  );
  assert.match(text(searchTable(summary)), /Value head, as many states +0\.00700 /);
  assert.equal(findValues(summary, TINY, "chain", IN_DISTRIBUTION)!.scores.rmse.scores.length, 5);
  const { series } = errorFigure(summary).description;
  assert.equal(series.length, 2 * RUNS.length);
  assert.equal(new Set(series.map(({ style }) => JSON.stringify(style))).size, RUNS.length);
  assert.equal(successFigure(summary).description.series.length, 4);
  const sizes = sizeFigure(summary).description.series;
  assert.equal(sizes.length, 4, "two critics on two sets");
  const weights = sizes.map((one) => one.kind === "line" && one.points.map(({ x }) => x));
  assert.deepEqual(weights, new Array(4).fill([29696, 102400]));
  assert.match(text(sizesTable(summary)), /tiny-wide .*Value head/);
  const gradients = gradientFigure(summary)!.description.series;
  const lines = gradients.map((one) =>
    one.kind === "rows" ? one.rows.flatMap(({ category, x }) => x === null ? [] : category) : []
  );
  assert.deepEqual(lines, [["GRPO"], ["PPO"], ["GenAC"], ["Oracle critic"]]);
  const without = summary.rl.map((row) => ({ ...row, gradient: null }));
  assert.equal(gradientFigure({ ...summary, rl: without }), null);
  const actors = conditioningFigure(summary).description;
  // Two critics, told or not; each actor a point, those of training a line.
  assert.equal(actors.series.length, 4);
  assert.ok(actors.series.every((one) => one.kind === "line" && one.points.length === 3));
  assert.deepEqual(actors.references!.map((line) => line.axis === "x" && line.value), [0.1, 0.7]);
  assert.match(text(valuesTable(summary)), /Value head, fresh states for as many tokens/);
  assert.match(text(conditioningTable(summary)), /not told/);
  // Written, trained on and prepared: GRPO has no critic to prepare.
  assert.match(text(methodsTable(summary)), /GRPO.* 130\b/);
  const separations = summary.rl.map(({ valueSeparation }) => valueSeparation?.mean.estimate);
  assert.deepEqual(separations, [undefined, 0.3, 0.3, 0.3]);
  assert.match(text(rawScoresTable(summary, config)), /seed 5/);
  assert.match(text(settingsTable(config)), /running sums of 2 to 3 addends/);
});
