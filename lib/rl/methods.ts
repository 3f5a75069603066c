/** Methods of credit assignment as experiments compare them: an algorithm, its critic, and how that learns. */
import type * as z from "zod";
import type { Knowledge } from "../critic_learning/prepare.ts";
import type { criticLearningConfig } from "../critic_learning/train_critic.ts";
import { type ActorTrainingConfig, actorTrainingConfig } from "./actor_training.ts";
import { type RlAlgorithm, rlAlgorithms } from "./algorithms.ts";

/** The critics that methods ask: of lib/critic/registry.ts, and whose chains of thought prepare them. */
export const methodCritics = {
  "discriminative": { definition: "discriminative-mse", knowledge: "privileged" },
  "generative": { definition: "cot", knowledge: "privileged" },
  "generative, equal knowledge": { definition: "cot", knowledge: "equal" },
} as const satisfies Record<string, { definition: string; knowledge: Knowledge }>;

/** The name of one of them. */
export type MethodCritic = keyof typeof methodCritics;

/** What methods share in a run, where they do not say otherwise. */
export type SharedTraining = Omit<z.input<typeof actorTrainingConfig>, "conditioning" | "critic">;

/** One method; departures from its paper are listed at its algorithm. */
export interface Method {
  readonly algorithm: RlAlgorithm;
  /** Where the algorithm's values are a critic's. */
  readonly critic?: MethodCritic;
  /** How the critic learns during RL. */
  readonly training?: z.input<typeof criticLearningConfig>;
  /** What the critic's prompt states of the actor; default "current", the smoothed success rate. */
  readonly conditioning?: ActorTrainingConfig["conditioning"];
  /**
   * What it changes of the training that methods share, given that: `() => ({ epochs: 2 })`,
   * `({ iterations }) => ({ iterations: 8 * iterations })`.
   */
  readonly changes?: (shared: ActorTrainingConfig) => SharedTraining;
}

/** The discriminative critic's part: regression on the value targets of 64 of the states that it was asked about. */
const discriminative = {
  critic: "discriminative",
  training: { method: "regression", read: "expectation", learningRate: 1e-3, batch: 64 },
} as const;

/** The methods by their algorithm's name, with the variant where there are two. A new one is one line here. */
export const methods = {
  "reinforce": { algorithm: rlAlgorithms["reinforce"] },
  "rloo": { algorithm: rlAlgorithms["rloo"] },
  "grpo": { algorithm: rlAlgorithms["grpo"] },
  "dr-grpo": { algorithm: rlAlgorithms["dr-grpo"] },
  "ppo": { algorithm: rlAlgorithms["ppo"], ...discriminative },
  "vc-ppo": { algorithm: rlAlgorithms["vc-ppo"], ...discriminative },
  "vapo": { algorithm: rlAlgorithms["vapo"], ...discriminative },
  "sae": { algorithm: rlAlgorithms["sae"], ...discriminative },
  "sp3o": { algorithm: rlAlgorithms["sp3o"], ...discriminative },
  /**
   * GenAC as far as the paper is known: REINFORCE of the critic with the raw reward on the whole response, one response to
   * each of 32 states. The rate is the one at which that keeps a calibrated critic calibrated in experiments/critic-training.
   */
  "genac": {
    algorithm: rlAlgorithms["genac"],
    critic: "generative",
    training: {
      method: "reinforce",
      read: "emitted",
      learningRate: 1e-4,
      batch: 32,
      reinforce: { baseline: "raw", credit: "all", klCoefficient: 0, responses: 1 },
    },
    changes: () => ({ klCoefficient: 0 }),
  },
  /**
   * GenAC with the kit's recipe: leave-one-out over 4 responses to each of 8 states; credit to the value token and the KL
   * penalty on the chain are `reinforceConfig`'s defaults.
   */
  "genac-leave-one-out": {
    algorithm: rlAlgorithms["genac"],
    critic: "generative",
    training: {
      method: "reinforce",
      read: "emitted",
      learningRate: 3e-4,
      batch: 32,
      reinforce: { baseline: "leave-one-out", responses: 4 },
    },
  },
  "vineppo": { algorithm: rlAlgorithms["vineppo"] },
  "process-reward": { algorithm: rlAlgorithms["process-reward"] },
  "oracle": { algorithm: rlAlgorithms["oracle"] },
} as const satisfies Readonly<Record<string, Method>>;

/** A method's name. */
export type MethodName = keyof typeof methods;

/**
 * The configuration of a run by a method, or of one by none: its critic then learns by the defaults.
 *
 * @param shared What methods share; what is left out takes its default.
 */
export function methodConfig(
  { conditioning = "current", training: critic = {}, changes }: Partial<Method>,
  shared: SharedTraining,
): ActorTrainingConfig {
  const config = actorTrainingConfig.parse({ ...shared, conditioning, critic });
  return changes ? actorTrainingConfig.parse({ ...config, ...changes(config) }) : config;
}
