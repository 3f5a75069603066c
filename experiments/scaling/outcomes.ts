/** Labels as the paper's critics get them: the outcome of one rollout in place of the exact value. */
import type { LabelledState } from "../../lib/critic/critic.ts";
import type { SupervisedData } from "../../lib/critic/supervised.ts";
import type { Environment } from "../../lib/env/environment.ts";
import { sampleStates } from "../../lib/env/sampling.ts";
import { RandomStream } from "../../lib/numeric/random.ts";

/**
 * The states of `supervisedStep` at a training step, each with the outcome, 0 or 1, of one rollout from it: the mean of
 * such labels is the exact value. All of it depends on the data's seed and purpose and the step alone.
 */
export function outcomeLabels<State, Actor>(
  environment: Environment<State, Actor>,
  { actor, batchSize, purpose, seed }: Omit<SupervisedData<Actor>, "difficulty">,
  step: number,
): LabelledState<State>[] {
  const options = { actor, split: "train" } as const;
  return sampleStates(environment, { seed, purpose, step }, batchSize, options)
    .map((state, row) => {
      const random = new RandomStream({ seed, purpose: `${purpose}/outcomes`, step, row });
      return { state, context: {}, value: environment.rollout(random, state, actor).reward };
    });
}
