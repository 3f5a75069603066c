/** A real language model's rollouts, values and answers as a critic, from recordings (`testdata/sums/make.ts`). */
import assert from "node:assert/strict";
import { execute } from "../../cli/command.ts";
import { evaluateCommand } from "../../cli/evaluate.ts";
import { valuesCommand } from "../../cli/values.ts";
import { readEvaluation } from "../../critic_evaluation/evaluation.ts";
import { findings } from "../../critic_evaluation/findings.ts";
import { mean } from "../../numeric/sums.ts";
import { readRollouts } from "../../rollouts/read_rollouts.ts";
import { gradeNumeric } from "../../rollouts/verifiers/numeric.ts";
import { checkTokenizer, RolloutTokenizer } from "../../rollouts/tokenizer.ts";
import { ROOT } from "../../root.ts";
import { EVALUATE_SUMS, sumsFile, VALUES_OF_SUMS } from "../testdata/sums/commands.ts";
import { sumProblem } from "./sums.ts";

const tokenizer = RolloutTokenizer.load(sumsFile("tokenizer.json"));

function readSums(name: string) {
  return Array.fromAsync(readRollouts(sumsFile(name)));
}

Deno.test("the rollouts are graded responses to sums, with exact tokens and their log-probabilities", async () => {
  const records = await readSums("rollouts.jsonl");
  assert.equal(records.length, 160);
  for (const [i, record] of records.entries()) {
    const { prompt, problem, groundTruth } = sumProblem(Math.floor(i / 4));
    assert.equal(record.group, problem);
    assert.equal(record.prompt.text, prompt);
    assert.equal(record.outcome, gradeNumeric(record.response.text!, groundTruth));
    assert.equal(record.logProbabilities!.length, record.response.tokens!.length);
    checkTokenizer(tokenizer, record);
  }
  const rate = mean(records.map(({ outcome }) => outcome));
  assert(Math.abs(rate - 0.55) < 0.1, `success ${rate}`);
});

Deno.test("values are made again from the recorded continuations, to the byte", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "genac-sums-" });
  try {
    const recording = ["--recording", sumsFile("continuations.jsonl.gz"), "--replay"];
    const code = await execute(valuesCommand, [...VALUES_OF_SUMS, ...recording, "--out", folder]);
    assert.equal(code, 0);
    const [again, kept] = [`${folder}/values.parquet`, sumsFile("values.parquet")];
    assert.deepEqual(Deno.readFileSync(again), Deno.readFileSync(kept));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("values rise to the outcome along the responses", async () => {
  const records = await readSums("values.parquet");
  const meanOf = (outcome: number, at: number) =>
    mean(
      records.filter((record) => record.outcome === outcome)
        .map(({ probes }) => probes!.at(at)!.mean),
    );
  assert(meanOf(1, -1) > 0.9 && meanOf(0, -1) < 0.25, "before the last token");
  assert(meanOf(1, 0) - meanOf(0, 0) < 0.5, "before the first");
});

Deno.test("the model's recorded answers are evaluated to the same numbers: it is worse than a constant", async () => {
  const name = "sums-replayed";
  const recording = ["--critic", "server", "--recording", sumsFile("critic.jsonl.gz"), "--replay"];
  try {
    const args = [...EVALUATE_SUMS, ...recording, "--name", name];
    assert.equal(await execute(evaluateCommand, args), 0);
    const evaluation = readEvaluation(`${ROOT}runs/evaluations/${name}/evaluation.json`);
    assert.deepEqual(evaluation, readEvaluation(sumsFile("evaluation.json")));
    const critic = evaluation.critics.find(({ name }) => name === "server:SmolLM2-135M-Instruct")!;
    assert.equal(critic.scores.parseRate.estimate, 1, "answers were forced");
    assert(findings(evaluation).some((text) => /SmolLM2.*worse than a constant/.test(text)));
  } finally {
    await Deno.remove(`${ROOT}runs/evaluations/${name}`, { recursive: true }).catch(() => {});
  }
});
