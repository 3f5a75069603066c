import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import type { RolloutRecord } from "../rollouts/record.ts";
import { besideConstant } from "./findings.ts";
import { evaluateCritics } from "./evaluate.ts";
import { statesOf } from "./states.ts";
import { textRidge } from "./text_ridge.ts";

/** Responses whose second word decides, or decides nothing. */
function records(problems: number, decides: boolean): RolloutRecord[] {
  const random = new RandomStream({ seed: 5, purpose: "test/text-ridge" });
  return Array.from({ length: problems * 4 }, (_, i): RolloutRecord => {
    const number = Math.floor(i / 4), problem = `what is ${number} + ${number * 7 % 9}?`;
    const isSure = random.integer(2) === 1;
    const chance = decides ? (isSure ? 0.9 : 0.1) : 0.5;
    return {
      group: problem,
      prompt: { text: problem },
      response: { text: `I ${isSure ? "know" : "guess"} that it is ${random.integer(20)} .` },
      outcome: +(random.uniform() < chance),
    };
  });
}

async function result(given: readonly RolloutRecord[]) {
  const set = statesOf(given, { perRollout: 4 });
  return await evaluateCritics(set, [textRidge], { file: "test", replicates: 300 });
}

Deno.test("it learns which words decide, on problems it has not seen", async () => {
  const evaluation = await result(records(40, true));
  assert.equal(besideConstant(evaluation, "text-ridge"), "better than a constant");
  const { scores } = evaluation.critics.find(({ name }) => name === "text-ridge")!;
  const late = scores.slices.find(({ slice }) => slice === "late")!;
  assert.ok(late.penalizedMse! < 0.13, `${late.penalizedMse}: Var(outcome | word) is 0.09`);
  assert.ok(scores.withinAuc.estimate! > 0.6);
});

Deno.test("where nothing decides it finds nothing: no outcome of its own problem leaks", async () => {
  const evaluation = await result(records(40, false));
  assert.notEqual(besideConstant(evaluation, "text-ridge"), "better than a constant");
});

Deno.test("token ids do where there is no text", async () => {
  const { critics } = await result(
    records(10, true).map((record, i): RolloutRecord => ({
      ...record,
      prompt: { tokens: [Math.floor(i / 4)] },
      response: { tokens: [4, 5 + record.outcome, 6, 7] },
    })),
  );
  const { values, scores } = critics.find(({ name }) => name === "text-ridge")!;
  assert.ok(values.every((value) => value! >= 0 && value! <= 1));
  assert.ok(scores.withinAuc.estimate! > 0.8, "the token that gives the outcome away is found");
});

Deno.test("too few problems to learn from are refused", async () => {
  await assert.rejects(
    () => result(records(4, true)),
    /"text-ridge": it learns from .* there are 4/,
  );
});
