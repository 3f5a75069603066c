/** What every registered `TaskEnvironment` promises to an actor that is a language model. */
import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { positionCount } from "./environment.ts";
import { createTask, taskNames } from "./registry.ts";

const stream = (purpose: string, row: number) =>
  new RandomStream({ seed: 3, purpose: `task-test/${purpose}`, row });

for (const name of taskNames) {
  const environment = createTask(name);
  const problems = Array.from(
    { length: 40 },
    (_, row) => environment.problem(stream("problems", row), { split: row % 2 ? "test" : "train" }),
  );

  Deno.test(`${name}: each action appends its token to the prompt, until the response is complete`, () => {
    problems.forEach((problem, row) => {
      const random = stream("actions", row);
      let state = problem, left = environment.stepsLeft(problem);
      assert.ok(left > 0);
      while (left > 0) {
        assert.throws(() => environment.verify(state), RangeError);
        const token = random.choice(environment.actionTokens);
        const next = environment.act(state, token);
        assert.deepEqual(environment.actorPrompt(next), [...environment.actorPrompt(state), token]);
        assert.equal(environment.stepsLeft(next), --left);
        state = next;
      }
      assert.ok(environment.actorPrompt(state).length <= environment.maxActorLength);
      assert.ok([0, 1].includes(environment.verify(state)));
      assert.throws(() => environment.act(state, environment.actionTokens[0]!), RangeError);
      assert.throws(() => environment.act(problem, environment.vocabulary.think), RangeError);
      const n = environment.actorPrompt(state).length;
      const positions = Array.from({ length: n }, (_, i) => environment.actorPosition(i, state));
      assert.ok(positions.every((p, i) => i === 0 || p > positions[i - 1]!));
      assert.ok(positions.at(-1)! < positionCount(environment.traceOffset));
    });
  });

  Deno.test(`${name}: every token of a response sets something of its own`, () => {
    for (const problem of problems) {
      const subjects = Array.from(
        { length: environment.stepsLeft(problem) },
        (_, i) => environment.responseSubject(i),
      );
      assert.equal(new Set(subjects).size, subjects.length);
      assert.ok(subjects.every((subject) => subject !== ""));
    }
  });

  Deno.test(`${name}: the expert always succeeds, and its value says whether it still can`, () => {
    problems.forEach((problem, row) => {
      const random = stream("expert", row);
      assert.equal(environment.rollout(random, problem, environment.expert).reward, 1);
      assert.equal(environment.exactValue(problem, environment.expert), 1);
      const state = environment.act(problem, random.choice(environment.actionTokens));
      const { reward } = environment.rollout(random, state, environment.expert);
      // Where the outcome is certain, that is the outcome.
      assert.ok(Math.abs(environment.exactValue(state, environment.expert) - reward) < 1);
    });
  });

  Deno.test(`${name}: the expert teacher always succeeds, and its chain is the right one`, () => {
    const perfect = environment.expertTeacher;
    problems.forEach((problem, row) => {
      const tokens = environment.demonstration(stream("teacher", row), problem, perfect);
      assert.equal(tokens.length, environment.stepsLeft(problem));
      const middle = environment.act(problem, tokens[0]!);
      const end = tokens.reduce((state, token) => environment.act(state, token), problem);
      assert.equal(environment.verify(end), 1);
      const trace = environment.teacherTrace(stream("trace", row), middle, perfect);
      assert.deepEqual(trace, environment.reasoningTrace(middle));
    });
  });
}
