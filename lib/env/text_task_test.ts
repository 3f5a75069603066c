/** What every registered `TextTask` promises to a pretrained language model. */
import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { createTask, environments, parseActor, taskNames } from "./registry.ts";
import { sampleStates } from "./sampling.ts";
import { isTextTask, textOutcome } from "./text_task.ts";

const stream = (purpose: string, row: number) =>
  new RandomStream({ seed: 4, purpose: `text-task-test/${purpose}`, row });

Deno.test("a text task is a task with words", () => {
  assert.ok(isTextTask(createTask("running-sum")));
  assert.ok(!isTextTask(createTask("sat")));
});

for (const name of taskNames) {
  const task = createTask(name);
  if (!isTextTask(task)) continue;
  const [actor] = environments[name as keyof typeof environments].examples
    .map((example) => parseActor(name, example));
  const problems = Array.from(
    { length: 60 },
    (_, row) => task.problem(stream("problems", row), { split: row % 2 ? "test" : "train" }),
  );
  const states = sampleStates(task, { seed: 4, purpose: "text-task-test" }, 100, {
    actor,
    split: "train",
  });

  Deno.test(`${name}: a response grows by a step at a time, and is read back as what it is`, () => {
    problems.forEach((problem, row) => {
      assert.equal(task.responseText(problem), "");
      const tokens = task.demonstration(stream("demonstrations", row), problem, actor);
      let state = problem;
      for (const token of tokens) {
        const before = task.responseText(state);
        const next = task.act(state, token), text = task.responseText(next);
        assert.ok(text.startsWith(before) && text.length > before.length);
        assert.ok(!text.includes(task.responseStop));
        assert.deepEqual(task.parseResponse(problem, text), next);
        assert.deepEqual(task.parseResponse(problem, ` ${text} `), next);
        assert.equal(task.actorPromptText(next), task.actorPromptText(problem));
        state = next;
      }
      assert.equal(textOutcome(task, problem, task.responseText(state)), task.verify(state));
    });
  });

  Deno.test(`${name}: the expert's response counts, what is cut short or more than it does not`, () => {
    problems.forEach((problem, row) => {
      const { state } = task.rollout(stream("expert", row), problem, task.expert);
      const text = task.responseText(state);
      assert.equal(textOutcome(task, problem, text), 1);
      const step = text.slice(text.lastIndexOf(" "));
      for (
        const other of ["", text.slice(0, -step.length), text + step, `${text} ok`, `I: ${text}`]
      ) {
        assert.equal(textOutcome(task, problem, other), 0, other);
      }
    });
  });

  Deno.test(`${name}: a critic reads the rate if there is one, the episode, and a cue`, () => {
    for (const state of states) {
      const episode: string = task.actorPromptText(state) + task.responseText(state);
      assert.equal(task.criticPromptText(state), `${episode}\nCritic:`);
      assert.equal(
        task.criticPromptText(state, { successRate: 0.3 }),
        `Success rate: 30%\n${episode}\nCritic:`,
      );
    }
  });

  Deno.test(`${name}: a chain is one line between spaces that answers nothing yet`, () => {
    for (const state of states) {
      for (const context of [{}, { successRate: 0.3 }]) {
        const text = task.traceText(state, context);
        assert.match(text, /^ \S.*\S$/);
        assert.doesNotMatch(text, /<answer>|\n/);
        assert.equal(text.endsWith(" rate 30"), context.successRate !== undefined);
      }
    }
  });

  Deno.test(`${name}: features are numbers, as many in every state`, () => {
    const lengths = [...states, ...problems].map((state) => {
      const features = task.features(state);
      assert.ok(features.every(Number.isFinite));
      return features.length;
    });
    assert.equal(new Set(lengths).size, 1);
  });
}
