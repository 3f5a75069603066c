import assert from "node:assert/strict";
import { WasmEngine } from "../../backend/wasm/engine.ts";
import { NeuralCritic } from "../../critic/neural_critic.ts";
import { criticDefinition } from "../../critic/registry.ts";
import { PermutationEnvironment } from "../../env/permutation.ts";
import { traceTokens } from "../../report/trace_tokens.ts";
import { flatWeights, setFlatWeights } from "./flat_weights.ts";
import type { Attempt, PlaygroundModel, PlaygroundSetup } from "./messages.ts";
import { answerPlayground, Playground } from "./playground.ts";

const config = { group: "S3", minLength: 2, maxLength: 4, maxMoves: 4, maxMovesBefore: 1 };
const actor = { epsilon: 0.3 };
const size = { dModel: 16, layers: 1 };
const environment = new PermutationEnvironment(config);

/** A playground of untrained critics, and the critics. */
async function make() {
  const engine = await WasmEngine.create();
  const models: PlaygroundModel[] = [], files: Uint8Array<ArrayBuffer>[] = [];
  const critics: NeuralCritic<ReturnType<typeof environment.state>>[] = [];
  for (const seed of [1, 2]) {
    for (const critic of ["discriminative-mse", "cot"]) {
      const own = new NeuralCritic(engine, criticDefinition(critic), environment, size, seed);
      const bytes = await flatWeights(own.model);
      const parameters = await own.model.digest();
      models.push({ critic, size, seed, parameters, bytes: bytes.length });
      files.push(bytes);
      critics.push(own);
    }
  }
  const setup: PlaygroundSetup = { environment: config, actor, models };
  const weights = new Uint8Array(await new Blob(files).arrayBuffer());
  return { setup, weights, critics, engine };
}

Deno.test("it answers as the critics do whose weights it was given, with the exact value", async () => {
  const { setup, weights, critics, engine } = await make();
  const playground = await Playground.create(setup, weights);
  const attempt = { word: ["(01)", "rot", "(12)"], moves: ["(01)"] };
  const state = environment.state(attempt.word, attempt.moves);
  for (const seed of [1, 2, 1]) {
    const own = critics.slice(2 * (seed - 1), 2 * seed);
    const answers = await playground.ask(attempt, size, seed);
    assert.equal(answers.exact, environment.exactValue(state, actor));
    assert.equal(answers.movesLeft, 3);
    assert.deepEqual(answers.unlikeTraining, []);
    assert.equal(answers.critics.length, 2);
    for (const [i, answer] of answers.critics.entries()) {
      const [expected] = await own[i]!.values([{ state, context: {} }]);
      assert.equal(answer.value, expected!.value);
      assert.equal(answer.parameters, answer.pinned);
      assert.equal(answer.pinned, setup.models[2 * (seed - 1) + i]!.parameters);
      const [response] = expected!.responses ?? [];
      const chain = response && traceTokens(environment, state, response);
      assert.deepEqual(answer.chain, chain);
    }
    assert(answers.critics[1]!.chain!.length > 0);
  }
  playground.close();
  engine.close();
});

Deno.test("attempts are held out and begin without moves; the actor moves once a step, to the end", async () => {
  const { setup, weights, engine } = await make();
  const playground = await Playground.create(setup, weights);
  const seen = new Set<string>();
  let solved = 0;
  for (let number = 1; number <= 40; number++) {
    let attempt: Attempt = playground.shuffle(number);
    assert.deepEqual(attempt, playground.shuffle(number), "the same for the same number");
    assert.deepEqual(attempt.moves, []);
    seen.add(attempt.word.join(" "));
    assert.equal(environment.splitOf(environment.state(attempt.word).word), "test");
    for (let move = 1; move <= 4; move++) {
      const next = playground.step(attempt, 100 * number + move);
      assert.deepEqual(next.word, attempt.word);
      const isOver: boolean = environment.state(attempt.word, attempt.moves).element === 0;
      assert.deepEqual(isOver ? next.moves : next.moves.slice(0, -1), attempt.moves);
      attempt = next;
    }
    const end = environment.state(attempt.word, attempt.moves);
    if (end.element === 0) solved++;
    assert.deepEqual(playground.step(attempt, 7), attempt, "the end");
  }
  assert(seen.size > 5);
  // Most attempts at this small puzzle succeed, and not all.
  assert(solved > 20 && solved < 40);
  playground.close();
  engine.close();
});

Deno.test("it says what is wrong with what was typed, and what was not in training", async () => {
  const { setup, weights, engine } = await make();
  const playground = await Playground.create(setup, weights);
  const ask = (word: string[], moves: string[] = []) => playground.ask({ word, moves }, size, 1);
  await assert.rejects(ask(["(10)"]), /^UsageError: generator: "\(10\)": .*\(01\)/);
  await assert.rejects(ask(["(01)"], ["(01)", "rot"]), /^UsageError: moves: .*solved/);
  await assert.rejects(ask(["rot"], Array(5).fill("rot")), /^UsageError: moves/);
  await assert.rejects(ask(Array(60).fill("rot")), /^UsageError/);
  const solved = await ask(["(01)"], ["(01)"]);
  assert.deepEqual([solved.distance, solved.exact], [0, 1]);
  assert.deepEqual(solved.unlikeTraining, ["words had 2 to 4 generators", "none was solved"]);
  const late = await ask(["(01)", "rot"], ["rot", "rot"]);
  assert.deepEqual(late.unlikeTraining, ["0 to 1 moves had been made"]);
  playground.close();
  engine.close();
});

Deno.test("a page's questions are answered by type, after the first", async () => {
  await assert.rejects(
    answerPlayground({ type: "playground-shuffle", number: 1 }),
    /has not begun/,
  );
  const { setup, weights, engine } = await make();
  const begun = await answerPlayground({ type: "playground-begin", setup, weights });
  assert.deepEqual(begun, {
    type: "playground-begin",
    generators: ["(01)", "(12)", "rot", "rot^-1"],
  });
  const shuffled = await answerPlayground({ type: "playground-shuffle", number: 3 });
  assert(shuffled.type === "playground-shuffle");
  const { attempt } = shuffled;
  const asked = await answerPlayground({ type: "playground-ask", attempt, size, seed: 2 });
  assert(asked.type === "playground-ask");
  assert.deepEqual(asked.answers.attempt, attempt);
  engine.close();
});

Deno.test("weights of another model are refused", async () => {
  const { weights, critics, engine } = await make();
  const [{ model }] = critics as [typeof critics[number]];
  const own = await flatWeights(model);
  await assert.rejects(setFlatWeights(model, weights), RangeError);
  await assert.rejects(setFlatWeights(model, own.subarray(4)), /^(Usage|Range)Error/);
  engine.close();
});
