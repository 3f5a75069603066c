/** The methods that are compared: those of lib/rl/methods.ts, their ablations, and arms with other batches. */
import type { Knowledge } from "../../lib/critic_learning/prepare.ts";
import { criticLearningConfig } from "../../lib/critic_learning/train_critic.ts";
import type { ActorTrainingConfig } from "../../lib/rl/actor_training.ts";
import {
  type Method as BaseMethod,
  methodConfig,
  type MethodName as BaseMethodName,
  methods,
  type SharedTraining,
} from "../../lib/rl/methods.ts";

/** A critic as it is prepared before RL. */
interface CriticEntry {
  /** Of lib/critic/registry.ts. */
  readonly definition: string;
  /** Whose preparation in the configuration. */
  readonly preparation: "discriminative" | "generative";
  /** Whose chains of thought it learns. */
  readonly knowledge: Knowledge;
  /** Whether its weights start as the actor's, whose size it has then. */
  readonly fromActor?: boolean;
  /**
   * Whether GenAC's second stage, REINFORCE on the frozen actors' rollouts (Algorithm 1), follows the preparation of
   * "generative". The values of the paper's synthetic traces are a stronger model's guesses; here they are what the
   * regression on mean outcomes has taught by then, which favours GenAC.
   */
  readonly reinforced?: boolean;
}

/** The critics that methods ask, each prepared in its own way; one that goes on from another stands below it. */
export const CRITICS = {
  "discriminative": {
    definition: "discriminative-mse",
    preparation: "discriminative",
    knowledge: "privileged",
  },
  "generative": { definition: "cot", preparation: "generative", knowledge: "privileged" },
  "generative, REINFORCE": {
    definition: "cot",
    preparation: "generative",
    knowledge: "privileged",
    reinforced: true,
  },
  "generative, equal knowledge": {
    definition: "cot",
    preparation: "generative",
    knowledge: "equal",
  },
  "generative, from the actor": {
    definition: "cot",
    preparation: "generative",
    knowledge: "privileged",
    fromActor: true,
  },
} as const satisfies Record<string, CriticEntry>;

/** One of them. */
export type CriticKind = keyof typeof CRITICS;

/** One critic's preparation. */
export function criticEntry(kind: CriticKind): CriticEntry {
  return CRITICS[kind];
}

/** A method with its name in figures and tables. */
export interface Method extends Omit<BaseMethod, "critic"> {
  readonly title: string;
  readonly critic?: CriticKind;
}

type Changes = Partial<Omit<Method, "algorithm">> & { readonly lambda?: number };

/** A method of lib/rl/methods.ts under its algorithm's title, but for `changes`; `lambda` is the estimator's. */
function method(name: BaseMethodName, { lambda, ...changes }: Changes = {}): Method {
  const base: BaseMethod = methods[name], { algorithm } = base, { advantage } = algorithm;
  const options = { ...advantage.options, ...(lambda === undefined ? {} : { lambda }) };
  return {
    ...base,
    title: algorithm.title,
    algorithm: { ...algorithm, advantage: { ...advantage, options } },
    ...changes,
  };
}

const frozen = { training: { method: "frozen" } } as const;
/** The rate of a discriminative critic, 1e-3, costs a generative one its chains. */
const joint = { training: { method: "regression", learningRate: 3e-4, batch: 64 } } as const;

/** A generative critic asked before every token, read by its expectation; joint training is regression with its chains. */
function generative(lambda: number, how: "frozen" | "joint", changes: Changes = {}): Method {
  return method("ppo", {
    title: `Generative, lambda ${lambda}${how === "frozen" ? ", frozen" : ""}`,
    lambda,
    critic: "generative",
    ...(how === "frozen" ? frozen : joint),
    ...changes,
  });
}

/** Batches of size x size; half the iterations for twice the size, so that episodes double, not quadruple. */
function batchOf(size: number): NonNullable<Method["changes"]> {
  return ({ iterations, problems }) => ({
    problems: size,
    responses: size,
    iterations: Math.ceil(iterations * problems / size),
  });
}

const DEFAULT_TITLE = "Generative, lambda 0.8";

/** By name, in the order of legends and tables. */
export const METHODS = {
  "rloo": method("rloo"),
  "grpo": method("grpo"),
  "ppo": method("ppo"),
  "discriminative lambda 0": method("ppo", { title: "Discriminative, lambda 0", lambda: 0 }),
  /** As the paper has it: chains, REINFORCE on the frozen actor, then both together; the emitted integer. */
  "genac": method("genac", { critic: "generative, REINFORCE" }),
  /** The recipe that did best in experiments/critic-training, around the same algorithm. */
  "genac-leave-one-out": method("genac-leave-one-out", { title: "GenAC, leave-one-out" }),
  "generative lambda 0 frozen": generative(0, "frozen"),
  "generative lambda 0": generative(0, "joint"),
  "generative lambda 0.8 frozen": generative(0.8, "frozen"),
  "generative lambda 0.8": generative(0.8, "joint"),
  "generative lambda 1 frozen": generative(1, "frozen"),
  "generative lambda 1": generative(1, "joint"),
  "generative no ICC": generative(0.8, "joint", {
    title: `${DEFAULT_TITLE}, without ICC`,
    conditioning: "initial",
  }),
  "generative from the actor": generative(0.8, "joint", {
    title: `${DEFAULT_TITLE}, critic begun as the actor`,
    critic: "generative, from the actor",
  }),
  "generative lambda 0.8 equal": generative(0.8, "joint", {
    title: `${DEFAULT_TITLE}, equal knowledge`,
    critic: "generative, equal knowledge",
  }),
  "genac equal": method("genac-leave-one-out", {
    title: "GenAC, leave-one-out, equal knowledge",
    critic: "generative, equal knowledge",
  }),
  "vineppo": method("vineppo"),
  "process": method("process-reward"),
  "oracle": method("oracle"),
  "grpo x8": method("grpo", {
    title: "GRPO, 8 times the episodes",
    changes: ({ iterations }) => ({ iterations: 8 * iterations }),
  }),
  "ppo 16x1": method("ppo", {
    title: "PPO, 16 x 1",
    changes: () => ({ problems: 16, responses: 1 }),
  }),
  "generative 16x1": generative(0.8, "joint", {
    title: `${DEFAULT_TITLE}, 16 x 1`,
    changes: () => ({ problems: 16, responses: 1 }),
  }),
  "grpo 8x8": method("grpo", { title: "GRPO, 8 x 8", changes: batchOf(8) }),
  "generative 8x8": generative(0.8, "joint", {
    title: `${DEFAULT_TITLE}, 8 x 8`,
    changes: batchOf(8),
  }),
  "grpo 16x16": method("grpo", { title: "GRPO, 16 x 16", changes: batchOf(16) }),
  "generative 16x16": generative(0.8, "joint", {
    title: `${DEFAULT_TITLE}, 16 x 16`,
    changes: batchOf(16),
  }),
  "generative 4 epochs": generative(0.8, "joint", {
    title: `${DEFAULT_TITLE}, 4 epochs`,
    changes: () => ({ epochs: 4 }),
  }),
} satisfies Record<string, Method>;

/** How GenAC's critic learns: in its second stage as during RL. */
export const REINFORCE = criticLearningConfig.parse(METHODS.genac.training);

/** A method's name. */
export type MethodName = keyof typeof METHODS;
/** All names. */
export const METHOD_NAMES = Object.keys(METHODS) as [MethodName, ...MethodName[]];

/** The method of that name. */
export function methodOf(name: MethodName): Method {
  return METHODS[name];
}

/** The configuration of a run by a method. */
export function trainingOf(name: MethodName, shared: SharedTraining): ActorTrainingConfig {
  const { critic: _, ...method } = methodOf(name);
  return methodConfig(method, shared);
}
