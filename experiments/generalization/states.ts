/** The states of a test set. */
import type { LabelledState } from "../../lib/critic/critic.ts";
import type {
  PermutationActor,
  PermutationEnvironment,
  PermutationState,
} from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { sampleStates } from "../../lib/env/sampling.ts";
import { UsageError } from "../../lib/errors.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
import type { GeneralizationConfig, TestSet } from "./config.ts";

/** What the states of a test set depend on besides the set. */
export type TestSource = Pick<
  GeneralizationConfig,
  "environment" | "actor" | "testSeed" | "testStates"
>;

/** How many words in a row may be solved too early or in the training split. */
const MAX_ATTEMPTS = 20_000;

/** The set's own actor: it reaches the states, and its values are the truth. */
export function testActor({ epsilon }: TestSet, trained: PermutationActor): PermutationActor {
  return epsilon === undefined ? trained : { epsilon };
}

/** The environment that the set's states come from. Throws a UsageError if it has no such states. */
export function testEnvironment(
  { min, max, bias }: TestSet,
  trained: GeneralizationConfig["environment"],
): PermutationEnvironment {
  const environment = createEnvironment("permutation", trained);
  environment.maxLengths({ min, max });
  if (bias) environment.state([bias.generator]);
  return environment;
}

/** `testStates` held-out states of a set with their exact values; the same for every run. */
export function labelledTestStates(
  set: TestSet,
  { environment: trained, actor: trainedActor, testSeed, testStates }: TestSource,
): LabelledState<PermutationState>[] {
  const { min, max, bias } = set;
  const environment = testEnvironment(set, trained);
  const actor = testActor(set, trainedActor);
  const key = { seed: testSeed, purpose: `generalization/test/${set.name}` };
  const states = bias
    ? Array.from(
      { length: testStates },
      (_, row) =>
        biasedState(environment, new RandomStream({ ...key, row }), { min, max, bias }, actor),
    )
    : sampleStates(environment, key, testStates, {
      actor,
      split: "test",
      difficulty: { min, max },
    });
  return states.map((state) => ({
    state,
    context: {},
    value: environment.exactValue(state, actor),
  }));
}

interface BiasedWords extends Pick<TestSet, "min" | "max"> {
  readonly bias: NonNullable<TestSet["bias"]>;
}

/** Like the environment's `sampleState`, from words in which one generator prevails. */
function biasedState(
  environment: PermutationEnvironment,
  random: RandomStream,
  { min, max, bias }: BiasedWords,
  actor: PermutationActor,
): PermutationState {
  const { minMovesBefore, maxMovesBefore } = environment.config;
  const names = environment.group.generators.map(({ name }) => name);
  const count = minMovesBefore + random.integer(maxMovesBefore - minMovesBefore + 1);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const length = min + random.integer(max - min + 1);
    const word = Array.from(
      { length },
      () =>
        random.uniform() < bias.probability ? bias.generator : names[random.integer(names.length)]!,
    );
    const start = environment.state(word);
    if (environment.splitOf(start.word) !== "test") continue;
    // The actor's whole episode, cut off after `count` moves; a shorter one is solved by then.
    const { moves } = environment.rollout(random, start, actor).state;
    if (moves.length <= count) continue;
    return environment.state(word, moves.slice(0, count).map((g) => names[g]!));
  }
  throw new UsageError(
    "tests.bias",
    `${bias.generator} with probability ${bias.probability}`,
    `found no unsolved held-out state in ${MAX_ATTEMPTS} draws; lower the probability`,
  );
}
