import assert from "node:assert/strict";
import * as z from "zod";
import type { RandomStream } from "../numeric/random.ts";
import { type Environment, type EnvironmentDefinition, positionId } from "./environment.ts";
import { parseConfig } from "../parse_config.ts";
import { estimateSuccessRate, sampleStates } from "./sampling.ts";
import { createVocabulary } from "./vocabulary.ts";

Deno.test("positionId counts through the prompt and goes on at the offset", () => {
  const ids = Array.from({ length: 6 }, (_, i) => positionId(i, 3, 48));
  assert.deepEqual(ids, [0, 1, 2, 48, 49, 50]);
});

// The smallest environment there is: guess one bit with one step. It shows what an environment must
// provide, and that what is written against the interface needs no more.
interface Guess {
  readonly bit: 0 | 1;
}
interface Guesser {
  readonly skill: number;
}
const guessConfig = z.strictObject({ traceOffset: z.int().default(8) });

function createGuess(input: z.input<typeof guessConfig> = {}): Environment<Guess, Guesser> {
  const config = parseConfig(guessConfig, input, "environment");
  const vocabulary = createVocabulary(["0", "1"]);
  const draw = (random: RandomStream): Guess => ({ bit: random.uniform() < 0.5 ? 0 : 1 });
  const lengths = { prompt: 3, trace: 1 };
  const symbol = (state: Guess) => vocabulary.id(String(state.bit));
  return {
    name: "guess",
    config,
    vocabulary,
    traceOffset: config.traceOffset,
    maxLengths: () => lengths,
    initialState: draw,
    sampleState: draw,
    rollout: (random, state, actor) => ({ reward: random.uniform() < actor.skill ? 1 : 0, state }),
    exactValue: (_, actor) => actor.skill,
    progress: () => 0,
    criticPrompt: (state, context) => [
      vocabulary.rateToken(context.successRate),
      symbol(state),
      vocabulary.query,
    ],
    reasoningTrace: (state) => [symbol(state)],
    promptLabels: (state) => [-1, symbol(state), -1],
    describe: (state) => `bit ${state.bit}`,
    traceSubjects: () => ["bit"],
  };
}

const guess: EnvironmentDefinition<
  Guess,
  Guesser,
  z.input<typeof guessConfig>,
  Environment<Guess, Guesser>
> = {
  title: "guess a bit",
  config: guessConfig,
  actor: z.strictObject({ skill: z.number().min(0).max(1) }),
  examples: [{ skill: 0.25 }, { skill: 0.75 }],
  create: createGuess,
};

Deno.test("another environment works with everything written against the interface", () => {
  const environment: Environment<unknown, unknown> = guess.create();
  const options = { actor: guess.actor.parse({ skill: 0.25 }), split: "train" as const };
  const key = { seed: 1, purpose: "guess" };
  const states = sampleStates(environment, key, 50, options);
  assert.deepEqual(
    new Set(states.map((s) => environment.describe(s))),
    new Set(["bit 0", "bit 1"]),
  );
  const rate = estimateSuccessRate(environment, key, 1000, options);
  assert.ok(Math.abs(rate - environment.exactValue(states[0], options.actor)) < 0.055);
});
