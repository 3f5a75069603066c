import assert from "node:assert/strict";
import { near } from "../eval/testdata.ts";
import type { Probe, RolloutRecord } from "../rollouts/record.ts";
import type { Answer, AskedCritic } from "./asked_critic.ts";
import { CONSTANTS, ownOutcome } from "./constants.ts";
import { evaluateCritics, type EvaluateOptions } from "./evaluate.ts";
import { type Evaluation, readEvaluation, writeEvaluation } from "./evaluation.ts";
import { besideConstant, findings } from "./findings.ts";
import { statesOf } from "./states.ts";

const probes = (...means: number[]): Probe[] =>
  means.map((mean, at) => ({ at: 2 * at, unit: "token", mean, n: 4 }));

function record(group: string, outcome: number, means: number[]): RolloutRecord {
  const tokens = [1, 2, 3, 4, 5];
  return {
    group,
    prompt: { text: `problem ${group}` },
    response: { tokens },
    tokenLimit: 5,
    outcome,
    probes: probes(...means),
  };
}

/** Two problems, two responses each, three states (thirds: early, middle, late) each. */
const RECORDS = [
  record("a", 1, [0.5, 0.75, 1]),
  record("a", 0, [0.5, 0.5, 0]),
  record("b", 1, [0.25, 0.5, 0.75]),
  record("b", 0, [0.25, 0, 0]),
];

function critic(name: string, values: readonly (number | null)[], more: Partial<Answer> = {}) {
  const asked: AskedCritic = {
    ...{ name, title: name, kind: "generative", foresight: "nothing" },
    answer: () => Promise.resolve(values.map((value) => ({ value, expectation: null, ...more }))),
  };
  return asked;
}

function evaluate(
  critics: readonly AskedCritic[],
  records: readonly RolloutRecord[] = RECORDS,
  options: Partial<EvaluateOptions> = {},
): Promise<Evaluation> {
  return evaluateCritics(statesOf(records), critics, { file: "x", replicates: 200, ...options });
}

const entry = ({ critics }: Evaluation, name: string) => critics.find((one) => one.name === name)!;

// deno-fmt-ignore
const ANSWERS = [
  0.5, 0.5, 0.9,   // a, right: values 0.5, 0.75, 1
  0.5, 0.6, null,  // a, wrong: values 0.5, 0.5, 0
  0.5, 0.7, 0.2,   // b, right: values 0.25, 0.5, 0.75
  0.5, 0.1, 0.3,   // b, wrong: values 0.25, 0, 0
];

Deno.test("the numbers of a small set, by hand", async () => {
  const evaluation = await evaluate([critic("c", ANSWERS)]);
  const { scores, values } = entry(evaluation, "c");
  assert.deepEqual(values, ANSWERS);
  near(scores.parseRate.estimate, 11 / 12);
  // Squares: a 0, 1/16, 0.01, 0, 0.01, (1); b 1/16, 0.04, 0.3025, 1/16, 0.01, 0.09.
  const squares = [0, 0.0625, 0.01, 0, 0.01, 0.0625, 0.04, 0.3025, 0.0625, 0.01, 0.09];
  const total = squares.reduce((a, b) => a + b, 0);
  near(scores.penalizedMse.estimate, (total + 1) / 12);
  near(scores.mse, total / 11);
  // m(1-m)/3 of the eleven.
  const noise = [0.25, 0.1875, 0, 0.25, 0.25, 0.1875, 0.25, 0.1875, 0.1875, 0, 0]
    .reduce((a, b) => a + b, 0) / 3;
  near(scores.debiasedMse.estimate, (total - noise) / 11);
  // After the start. a: right 0.5, 0.9 against wrong 0.6, null: 0 + 1/2 + 1 + 1/2. b: 0.7, 0.2 against 0.1, 0.3: 1 + 1 + 1 + 0.
  near(scores.withinAuc.estimate, (2 + 3) / 8);
  near(scores.withinRanking.estimate, doubleLoop());
  // Middle: a picks 0.6 (value 0.5, best 0.75), b 0.7 (0.5, best). Late: a picks 0.9 (1, best), b 0.3 (0, best 0.75).
  assert.deepEqual(
    scores.selection.map(({ slice, sets, accuracy, regret }) => [slice, sets, accuracy, regret]),
    [["middle", 2, 0.5, 0.125], ["late", 2, 0.5, 0.375]],
  );
  near(scores.selectionRegret.estimate, 0.25);
  near(scores.selectionGain.estimate, (-0.125 + 0.25 + 0.5 - 0.375) / 4);
  // Changes: a right + (0), + (+); a wrong 0 left out, - (unparsed); b right + (+), + (-); b wrong - (-), 0 left out.
  near(scores.advantageSign.estimate, (0.5 + 1 + 0.5 + 1 + 0 + 1) / 6);
  assert.deepEqual(
    scores.outcomeGaps.map(({ slice }) => slice),
    ["early", "middle", "late"],
  );
  near(scores.outcomeGaps[1]!.predicted, 0.6 - 0.35);
  near(scores.outcomeGaps[1]!.value, 0.625 - 0.25);
  const atEnd = scores.slices.find(({ slice }) => slice === "right, at the end")!;
  assert.equal(atEnd.count, 2);
  near(atEnd.meanValue, 0.875);
});

/** Ranking within groups of the states after the start, as ANSWERS have them. */
function doubleLoop(): number {
  const values = RECORDS.flatMap(({ probes }) => probes!.map(({ mean }) => mean));
  let correct = 0, compared = 0;
  for (let i = 0; i < 12; i++) {
    for (let j = 0; j < 12; j++) {
      const isOne = Math.floor(i / 6) === Math.floor(j / 6) && i % 3 > 0 && j % 3 > 0;
      if (!isOne || !(values[i]! > values[j]!)) continue;
      compared++;
      const [a, b] = [ANSWERS[i]!, ANSWERS[j]!];
      correct += a === null || b === null || a === b ? 0.5 : +(a > b);
    }
  }
  return correct / compared;
}

Deno.test("the mean of all is always there, and its error is the variance of the values", async () => {
  const evaluation = await evaluate([critic("c", ANSWERS)]);
  assert.deepEqual(evaluation.critics.map(({ name }) => name), ["mean", "c"]);
  const { scores } = entry(evaluation, "mean");
  near(scores.penalizedMse.estimate, evaluation.set.varianceValue);
  near(scores.r2, 0);
  assert.equal(scores.pearson, null);
  assert.equal(scores.withinAuc.estimate, 0.5);
  assert.equal(besideConstant(evaluation, "mean"), null);
});

Deno.test("differences are on the same problems, and gates follow from them", async () => {
  const evaluation = await evaluate([critic("c", ANSWERS), ...CONSTANTS]);
  const { comparisons, critics } = evaluation;
  assert.equal(comparisons.length, critics.length * (critics.length - 1));
  for (const { candidate, reference, mse, auc } of comparisons) {
    const [a, b] = [entry(evaluation, candidate).scores, entry(evaluation, reference).scores];
    near(mse.estimate, a.penalizedMse.estimate! - b.penalizedMse.estimate!);
    near(auc.estimate, a.withinAuc.estimate! - b.withinAuc.estimate!);
    const back = comparisons.find((one) =>
      one.candidate === reference && one.reference === candidate
    )!;
    near(back.mse.low, -mse.high!);
  }
  const own = comparisons.find((one) => one.candidate === "c" && one.reference === "mean")!;
  assert.equal(own.nonInferiority.parseRate, "worse");
});

Deno.test("expectations are a critic of their own, beside that without ICC as well", async () => {
  const answers = RECORDS.flatMap(() => [0.1, 0.2, 0.3]);
  const asked = (name: string, withoutIcc?: string): AskedCritic => ({
    ...critic(name, answers, {
      expectation: 0.25,
      mass: 0.5,
      tokensWritten: 7,
      parseFailures: 1,
      written: { length: 4 },
    }),
    ...(withoutIcc === undefined ? {} : { withoutIcc }),
  });
  const evaluation = await evaluate([asked("llm"), asked("llm icc", "llm")]);
  assert.deepEqual(
    evaluation.critics.map(({ name, withoutIcc, expectationOf }) => [
      name,
      withoutIcc,
      expectationOf,
    ]),
    [
      ["mean", undefined, undefined],
      ["llm", undefined, undefined],
      ["llm expectation", undefined, "llm"],
      ["llm icc", "llm", undefined],
      ["llm icc expectation", "llm expectation", "llm icc"],
    ],
  );
  const { tokensPerState, answerMass, unforcedRate } = entry(evaluation, "llm");
  assert.deepEqual([tokensPerState, answerMass, unforcedRate], [7, 0.5, 0.75]);
  const said = findings(evaluation).filter((text) => text.startsWith("In-Context"));
  assert.equal(said.length, 2);
  assert.match(said[0]!, /makes no difference that can be told .* by 0\.000 \[0\.000, 0\.000\]/);
});

Deno.test("it is said plainly when a critic is worse than a constant, and when it is better", async () => {
  const many = Array.from(
    { length: 30 },
    (_, i) =>
      RECORDS.map((one) => ({
        ...one,
        group: `${one.group}${i}`,
        prompt: { text: `${one.group}${i}` },
      })),
  )
    .flat();
  const truth = many.flatMap(({ probes }) => probes!.map(({ mean }) => mean));
  const evaluation = await evaluate([
    critic("good", truth.map((v) => 0.9 * v)),
    critic("bad", truth.map((v) => 1 - v)),
    critic("silent", truth.map(() => null)),
    ownOutcome,
  ], many);
  assert.equal(besideConstant(evaluation, "good"), "better than a constant");
  assert.equal(besideConstant(evaluation, "bad"), "worse than a constant");
  const [good, bad, silent] = findings(evaluation);
  assert.match(good!, /^good is better than a constant: its penalized MSE is 0\.00/);
  assert.match(bad!, /^bad is worse than a constant: .*\(difference 0\.\d+ \[0\.\d+, 0\.\d+\]\)/);
  assert.match(silent!, /^silent is worse than a constant/);
  assert.ok(findings(evaluation).some((text) => /^silent gave no answer/.test(text)));
  assert.ok(!findings(evaluation).some((text) => text.startsWith("Own outcome")));
  assert.equal(evaluation.set.balanced, true);
});

Deno.test("what a set cannot tell is left out and said", async () => {
  const bare = RECORDS.map(({ probes: _, tokenLimit: __, ...rest }, i): RolloutRecord => ({
    ...rest,
    group: String(i),
    prompt: { text: "one" },
  }));
  const evaluation = await evaluate([ownOutcome], bare);
  const { scores } = entry(evaluation, "outcome");
  assert.equal(evaluation.set.source, "outcome");
  assert.equal(scores.penalizedMse.estimate, 0);
  for (
    const name of [
      ...["debiasedMse", "withinAuc", "withinRanking", "selectionRegret", "advantageSign"],
    ] as const
  ) {
    assert.equal(scores[name as "withinAuc"].estimate, null);
  }
  assert.deepEqual([scores.selection, scores.rankingByGap], [[], []]);
  const told = evaluation.notMeasured.map(({ what }) => what);
  assert.deepEqual(told, [
    "debiased MSE, noise ceiling, ranking and choice by value, advantage signs",
    "AUC within groups",
    "states near the token limit",
    "intervals",
  ]);
  assert.equal(scores.penalizedMse.low, null);
  assert.ok(findings(evaluation).some((text) => /^Not measured: intervals: all/.test(text)));
});

Deno.test("a result is read as it was written; another file is refused", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "genac evaluation " });
  try {
    const path = `${folder}/evaluation.json`;
    const evaluation = await evaluate([critic("c", ANSWERS), ...CONSTANTS]);
    writeEvaluation(path, evaluation);
    assert.deepEqual(readEvaluation(path), evaluation);
    Deno.writeTextFileSync(path, '{"format": "other"}');
    assert.throws(() => readEvaluation(path), /^UsageError: .*evaluation.json: "format"/);
    Deno.writeTextFileSync(path, '{"format": ');
    assert.throws(() => readEvaluation(path), /make it with deno task evaluate/);
    assert.throws(() => readEvaluation(`${folder}/none.json`), /"missing"/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("text of rollouts comes out cut and printable", async () => {
  const evil = "<script>alert(1)</script>\u001b[31m\u202eabc";
  const hostile = RECORDS.map((one) => ({
    ...one,
    group: one.group + evil,
    problem: evil,
    response: { ...one.response, text: evil.repeat(100) },
  }));
  const evaluation = await evaluate([critic("c", ANSWERS)], hostile);
  const [example] = evaluation.examples;
  assert.equal(example!.problem, "<script>alert(1)</script>\\x1b[31m\\u{202e}abc");
  assert.equal(example!.response.length, 600);
  // deno-lint-ignore no-control-regex -- what must not be there
  assert.doesNotMatch(JSON.stringify(evaluation), /[\u0000-\u001f\u202e]|\\u001b|\\u202e/);
});

Deno.test("critics of one name, and values that are no numbers, are refused", async () => {
  await assert.rejects(() => evaluate([ownOutcome, ownOutcome]), /"outcome": given twice/);
  const broken = critic("c", ANSWERS.map(() => Infinity));
  await assert.rejects(() => evaluate([broken]), /critic c: "?Infinity"?: .*finite/);
  await assert.rejects(() => evaluate([critic("c", [1])]), /1 answers to 12 states/);
});
