/** The methods that are compared: an algorithm of lib/rl/algorithm, and a critic where it needs one. */
import type { z } from "zod";
import type { RlAlgorithm } from "../../lib/rl/algorithm/algorithm.ts";
import { rlAlgorithm } from "../../lib/rl/algorithm/registry.ts";
import type { criticTrainingConfig } from "../../lib/rl/critic_training.ts";

/** See the file's header. */
export interface Method {
  /** Name in figures and tables. */
  readonly title: string;
  readonly algorithm: RlAlgorithm;
  /** Its critic, of lib/critic/registry.ts. */
  readonly critic?: "discriminative-mse" | "cot";
  /** How that learns during RL. */
  readonly training?: z.input<typeof criticTrainingConfig>;
  /** Whether the critic is told the actor's success rate; default true. */
  readonly conditioning?: boolean;
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
  reinforce: { baseline: "leave-one-out" },
} as const;
const discriminative = { critic: "discriminative-mse" } as const;
const generative = { critic: "cot" } as const;

/** By name, in the order of legends and tables. */
export const METHODS = {
  "reinforce": { title: "REINFORCE", algorithm: method("reinforce") },
  "rloo": { title: "RLOO", algorithm: method("rloo") },
  "grpo": { title: "GRPO", algorithm: method("grpo") },
  "dr-grpo": { title: "Dr. GRPO", algorithm: method("dr-grpo") },
  "ppo": { title: "PPO", algorithm: method("ppo"), ...discriminative },
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
    conditioning: false,
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
