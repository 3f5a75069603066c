import type { Question } from "../critic/critic.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import type { SupervisedData } from "../critic/supervised.ts";
import type { CriticContext, Environment } from "../env/environment.ts";
import { sampleStates } from "../env/sampling.ts";
import { RandomStream } from "../numeric/random.ts";

/** Where states and outcomes come from; states are of the training split. */
export interface RolloutData<Actor> extends Omit<SupervisedData<Actor>, "batchSize"> {
  /** What the critic's prompt states of the actor; default: nothing. */
  readonly context?: Pick<CriticContext, "successRate">;
}

/** A state and the outcomes of independent rollouts from it. */
export interface StateOutcomes<State> extends Question<State> {
  readonly outcomes: readonly (0 | 1)[];
}

/**
 * `prompts` states of training step `step`, each with the outcomes of `rollouts` rollouts. They depend on (seed, purpose,
 * step) alone, so that training resumes to the same bits.
 */
export function sampleOutcomes<State, Actor>(
  environment: Environment<State, Actor>,
  { seed, purpose, actor, difficulty, context = {} }: RolloutData<Actor>,
  step: number,
  { prompts, rollouts }: { prompts: number; rollouts: number },
): StateOutcomes<State>[] {
  const states = sampleStates(environment, { seed, purpose: `${purpose}/states`, step }, prompts, {
    actor,
    split: "train",
    ...(difficulty ? { difficulty } : {}),
  });
  const stream = (row: number) =>
    new RandomStream({ seed, purpose: `${purpose}/outcomes`, step, row });
  return states.map((state, b) => ({
    state,
    context,
    outcomes: Array.from(
      { length: rollouts },
      (_, k) => environment.rollout(stream(b * rollouts + k), state, actor).reward,
    ),
  }));
}

/**
 * The chains of thought that a critic writes greedily, without value token. Where a response has no value token in the end,
 * its last token is left out all the same.
 *
 * @throws UsageError for a critic that writes none.
 */
export async function greedyChains<State>(
  critic: NeuralCritic<State>,
  questions: readonly Question<State>[],
): Promise<number[][]> {
  // Nothing is drawn.
  const key = { seed: 0, purpose: "critic/greedy", firstRow: 0 };
  const responses = await critic.respond(questions, key, { temperature: 0 });
  return responses.flat().map(({ tokens }) => tokens.slice(0, -1));
}
