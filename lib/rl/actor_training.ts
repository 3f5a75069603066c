/** What an RL run is: its choices, its models, and what it carries from one iteration to the next. */
import * as z from "zod";
import type { ValueTree } from "../actor/exact_values.ts";
import type { ActorResponse, NeuralActor } from "../actor/neural_actor.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import { criticLearningConfig } from "../critic_learning/train_critic.ts";
import type { CriticContext } from "../env/environment.ts";
import type { RlAlgorithm } from "./algorithms.ts";
import type { Rollout } from "./rollout.ts";

/** The choices of a run, the same for every algorithm. */
export const actorTrainingConfig = z.strictObject({
  problems: z.int().min(1).default(8).describe("Problems in an iteration (P)."),
  responses: z.int().min(1).default(8).describe("Responses to each problem (K)."),
  iterations: z.int().min(1).default(100).describe("Iterations."),
  epochs: z.int().min(1).default(1).describe("Actor steps on an iteration's rollouts."),
  learningRate: z.number().positive().default(4e-4).describe(
    "The actor's, constant after warm-up.",
  ),
  klCoefficient: z.number().min(0).default(0.01)
    .describe("Weight of the KL loss to the actor before RL."),
  entropyCoefficient: z.number().min(0).default(0).describe("Weight of the entropy bonus."),
  continuations: z.int().min(1).default(8).describe("Continuations from each state (VinePPO's K)."),
  momentum: z.number().min(0).lt(1).default(0.9).describe("Of the smoothed success rate."),
  conditioning: z.enum(["current", "initial", "none"]).default("current").describe(
    "What the critic's prompt states: the smoothed success rate (In-Context Conditioning), that before RL for ever, or nothing.",
  ),
  critic: criticLearningConfig.prefault({}),
});

/** `actorTrainingConfig` with defaults filled in. */
export type ActorTrainingConfig = z.output<typeof actorTrainingConfig>;

/** What a run trains. `trainActorStep` updates the models and the two success rates in place. */
export interface ActorTraining<State> {
  readonly actor: NeuralActor<State>;
  /** The actor before RL, frozen. */
  readonly reference: NeuralActor<State>;
  /** Needed where the algorithm's values are a critic's; without use elsewhere. */
  readonly critic?: NeuralCritic<State>;
  /** The critic before RL, frozen; needed where REINFORCE holds it by KL. */
  readonly criticReference?: NeuralCritic<State>;
  readonly algorithm: RlAlgorithm;
  readonly config: ActorTrainingConfig;
  readonly seed: number;
  /** What gives the oracle its values; default: `exactValues` of lib/actor. */
  readonly exactValues?: (
    actor: NeuralActor<State>,
    roots: readonly State[],
  ) => Promise<ValueTree[]>;
  /** The smoothed success rate after the iterations so far; before the first, that of the actor before RL if known. */
  successRate?: number;
  /** That before RL; default: the first iteration's. */
  initialSuccessRate?: number;
}

/** A response with what an estimator needs. */
export type ActorRollout<State> = Rollout & ActorResponse<State>;

/** What the critic's prompt says of the actor; `successRate` is the smoothed one. */
export function criticContext<State>(
  { config, initialSuccessRate }: ActorTraining<State>,
  successRate: number,
): Pick<CriticContext, "successRate"> {
  switch (config.conditioning) {
    case "current":
      return { successRate };
    case "initial":
      return { successRate: initialSuccessRate ?? successRate };
    case "none":
      return {};
  }
}
