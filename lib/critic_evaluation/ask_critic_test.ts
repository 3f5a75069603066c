import assert from "node:assert/strict";
import type { Critic, Question } from "../critic/critic.ts";
import type { RolloutRecord } from "../rollouts/record.ts";
import type { RolloutState } from "../rollouts/state.ts";
import { askCritic, questionsOf } from "./ask_critic.ts";
import { statesOf } from "./states.ts";

const record = (group: string, outcome: number, successRate?: number): RolloutRecord => ({
  group,
  prompt: { text: group },
  response: { tokens: [1, 2, 3, 4] },
  outcome,
  ...(successRate === undefined ? {} : { successRate }),
});

Deno.test("the success rate is the record's, else that of the other problems' responses", () => {
  const rates = (records: RolloutRecord[]) =>
    questionsOf(statesOf(records, { perRollout: 1 })).map(({ context }) => context.successRate);
  const records = [record("a", 1), record("a", 1), record("b", 0), record("b", 1), record("c", 0)];
  assert.deepEqual(rates(records), [1 / 3, 1 / 3, 2 / 3, 2 / 3, 0.75]);
  assert.deepEqual(rates([record("a", 1, 0.25), record("b", 1)]), [0.25, 1]);
  assert.deepEqual(rates([record("a", 1), record("a", 0)]), [undefined, undefined]);
});

Deno.test("responses are asked about whole, in order, with rows of their own", async () => {
  const asked: { questions: readonly Question<RolloutState>[]; firstRow: number }[] = [];
  const critic: Critic<RolloutState> = {
    name: "counter",
    values: (questions, key) => {
      asked.push({ questions, firstRow: key!.firstRow });
      return Promise.resolve(questions.map(({ state }) => ({
        value: state.at / 10,
        expectation: null,
      })));
    },
  };
  const set = statesOf([record("a", 1), record("b", 0), record("c", 1)], { perRollout: 4 });
  const told: number[] = [];
  const named = { name: "c", title: "C", kind: "discriminative" } as const;
  const answers = await askCritic(critic, { ...named, batch: 5 })
    .answer(set, (answered) => told.push(answered));
  assert.deepEqual(asked.map(({ firstRow, questions }) => [firstRow, questions.length]), [
    [0, 8],
    [8, 4],
  ]);
  assert.deepEqual(told, [8, 12]);
  assert.deepEqual(
    answers.map(({ value }) => value),
    [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]
      .map((at) => at / 10),
  );
});
