/** The methods that are compared: an algorithm of lib/rl/algorithms.ts, and a critic where it needs one. */
import type { z } from "zod";
import { type RlAlgorithm, rlAlgorithm } from "../../lib/rl/algorithms.ts";
import type { Knowledge } from "../../lib/critic_learning/prepare.ts";
import type { ActorTrainingConfig } from "../../lib/rl/actor_training.ts";
import type { criticLearningConfig } from "../../lib/critic_learning/train_critic.ts";

/** The critics that methods ask: of lib/critic/registry.ts, and whose chains of thought prepare them. */
export const CRITICS = {
  "discriminative": { definition: "discriminative-mse", knowledge: "privileged" },
  "generative": { definition: "cot", knowledge: "privileged" },
  "generative, equal knowledge": { definition: "cot", knowledge: "equal" },
} as const satisfies Record<string, { definition: string; knowledge: Knowledge }>;

/** One of them. */
export type CriticKind = keyof typeof CRITICS;

/** See the file's header. */
export interface Method {
  /** Name in figures and tables. */
  readonly title: string;
  readonly algorithm: RlAlgorithm;
  /** Its critic. */
  readonly critic?: CriticKind;
  /** How that learns during RL. */
  readonly training?: z.input<typeof criticLearningConfig>;
  /** What the critic is told of the actor; default "current". */
  readonly conditioning?: ActorTrainingConfig["conditioning"];
}

function method(name: string, options: Record<string, unknown> = {}): RlAlgorithm {
  const algorithm = rlAlgorithm(name), { advantage } = algorithm;
  return {
    ...algorithm,
    advantage: { ...advantage, options: { ...advantage.options, ...options } },
  };
}

const frozen = { method: "frozen" } as const;
/**
 * GenAC's joint training of the critic. The paper's reward is raw; leave-one-out helped its re-implementers, and at
 * this rate experiments/critic-training could not tell the variants of REINFORCE apart.
 */
const reinforce = {
  method: "reinforce",
  read: "emitted",
  learningRate: 3e-4,
  batch: 32,
  reinforce: { baseline: "leave-one-out", responses: 4 },
} as const;
const discriminative = { critic: "discriminative" } as const;
const generative = { critic: "generative" } as const;
const equal = { critic: "generative, equal knowledge" } as const;

/** By name, in the order of legends and tables. */
export const METHODS = {
  "reinforce": { title: "REINFORCE", algorithm: method("reinforce") },
  "rloo": { title: "RLOO", algorithm: method("rloo") },
  "grpo": { title: "GRPO", algorithm: method("grpo") },
  "dr-grpo": { title: "Dr. GRPO", algorithm: method("dr-grpo") },
  "ppo": { title: "PPO", algorithm: method("ppo"), ...discriminative },
  "ppo frozen": {
    title: "PPO, frozen critic",
    algorithm: method("ppo"),
    ...discriminative,
    training: frozen,
  },
  "vc-ppo": { title: "VC-PPO", algorithm: method("vc-ppo"), ...discriminative },
  "vapo": { title: "VAPO", algorithm: method("vapo"), ...discriminative },
  "sae": { title: "SAE", algorithm: method("sae"), ...discriminative },
  "sp3o": { title: "SP3O", algorithm: method("sp3o"), ...discriminative },
  "one-shot token lambda 1": {
    title: "Discriminative, token, lambda 1",
    algorithm: method("ppo", { lambda: 1 }),
    ...discriminative,
  },
  "one-shot token lambda 0": {
    title: "Discriminative, token, lambda 0",
    algorithm: method("ppo", { lambda: 0 }),
    ...discriminative,
  },
  "one-shot segment lambda 1": {
    title: "Discriminative, segment, lambda 1",
    algorithm: method("genac", { lambda: 1 }),
    ...discriminative,
  },
  "one-shot segment lambda 0": {
    title: "Discriminative, segment, lambda 0",
    algorithm: method("genac", { lambda: 0 }),
    ...discriminative,
  },
  "genac": {
    title: "GenAC",
    algorithm: method("genac"),
    ...generative,
    training: reinforce,
  },
  "genac no ICC": {
    title: "GenAC without ICC",
    algorithm: method("genac"),
    ...generative,
    training: reinforce,
    conditioning: "initial",
  },
  "genac equal": {
    title: "GenAC, equal knowledge",
    algorithm: method("genac"),
    ...equal,
    training: reinforce,
  },
  "cot segment lambda 0": {
    title: "Generative, segment, lambda 0",
    algorithm: method("genac", { lambda: 0 }),
    ...generative,
    training: frozen,
  },
  "cot segment lambda 1": {
    title: "Generative, segment, lambda 1",
    algorithm: method("genac", { lambda: 1 }),
    ...generative,
    training: frozen,
  },
  "cot token lambda 0": {
    title: "Generative, token, lambda 0",
    algorithm: method("ppo", { lambda: 0 }),
    ...generative,
    training: frozen,
  },
  "cot token lambda 1": {
    title: "Generative, token, lambda 1",
    algorithm: method("ppo", { lambda: 1 }),
    ...generative,
    training: frozen,
  },
  "cot token lambda 0 equal": {
    title: "Generative, token, lambda 0, equal knowledge",
    algorithm: method("ppo", { lambda: 0 }),
    ...equal,
    training: frozen,
  },
  "cot token lambda 1 equal": {
    title: "Generative, token, lambda 1, equal knowledge",
    algorithm: method("ppo", { lambda: 1 }),
    ...equal,
    training: frozen,
  },
  "cot segment lambda 0 equal": {
    title: "Generative, segment, lambda 0, equal knowledge",
    algorithm: method("genac", { lambda: 0 }),
    ...equal,
    training: frozen,
  },
  "cot token lambda 0 joint": {
    title: "Generative, token, lambda 0, joint",
    algorithm: method("ppo", { lambda: 0 }),
    ...generative,
  },
  "vineppo": { title: "VinePPO", algorithm: method("vineppo") },
  "process": { title: "Process reward", algorithm: method("process-reward") },
  "oracle": { title: "Oracle critic", algorithm: method("oracle") },
} as const satisfies Record<string, Method>;

/** A method's name. */
export type MethodName = keyof typeof METHODS;
/** All names. */
export const METHOD_NAMES = Object.keys(METHODS) as [MethodName, ...MethodName[]];

/** The method of that name. */
export function methodOf(name: MethodName): Method {
  return METHODS[name];
}
