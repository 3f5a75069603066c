import type { NeuralCritic } from "../critic/neural_critic.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import type { RolloutStates } from "./prepare.ts";
import {
  type CriticLearningConfig,
  type CriticStepReport,
  reinforceLabelled,
  reinforceStates,
} from "./train_critic.ts";

/** How a critic is pretrained by REINFORCE. */
export interface CriticPretraining<State> {
  /** As for joint training: `batch` responses in a step, and REINFORCE's choices; the rest is without use. */
  readonly config: CriticLearningConfig;
  readonly optimizer: OptimizerConfig;
  /** Of the critic's responses. */
  readonly seed: number;
  /** The critic before pretraining, frozen; needed for a KL penalty. */
  readonly reference?: NeuralCritic<State>;
}

/**
 * One optimizer step of the critic's pretraining by REINFORCE on frozen actors' rollouts: the second stage of GenAC
 * (arXiv 2604.10701, Algorithm 1), before the critic learns jointly with the actor. A state's outcome is that of the
 * rollout that it is of. Depends on the states, the seed, the critic's step and its weights alone.
 *
 * @throws UsageError for a critic whose value is no token that it writes, and for a KL penalty without a reference.
 */
export async function pretrainCriticStep<State, Teacher>(
  critic: NeuralCritic<State>,
  states: RolloutStates<State, Teacher>,
  { seed, ...how }: CriticPretraining<State>,
): Promise<CriticStepReport> {
  const labelled = await states.next(reinforceStates(how.config));
  return await reinforceLabelled(
    labelled.map(({ state, context, outcome }) => ({ state, context, value: outcome })),
    { critic, ...how, key: { seed, purpose: "critic-pretraining", step: critic.model.step } },
  );
}
