/** The methods that are compared: those of lib/rl/methods.ts, and their ablations. */
import {
  type Method as BaseMethod,
  type MethodCritic,
  methodCritics,
  type MethodName as BaseMethodName,
  methods,
} from "../../lib/rl/methods.ts";

/** The critics that methods ask. */
export const CRITICS = methodCritics;

/** One of them. */
export type CriticKind = MethodCritic;

/** A method with its name in figures and tables. */
export interface Method extends BaseMethod {
  readonly title: string;
}

/** A method of lib/rl/methods.ts under its algorithm's title, but for `changes`; `lambda` is the estimator's. */
function method(
  name: BaseMethodName,
  { lambda, ...changes }: Partial<Method> & { readonly lambda?: 0 | 1 } = {},
): Method {
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
const { critic, training } = methods.ppo, discriminative = { critic, training };
const generative = { critic: "generative" } as const;
const equal = { critic: "generative, equal knowledge" } as const;

/** By name, in the order of legends and tables. */
export const METHODS = {
  "reinforce": method("reinforce"),
  "rloo": method("rloo"),
  "grpo": method("grpo"),
  "dr-grpo": method("dr-grpo"),
  "ppo": method("ppo"),
  "ppo frozen": method("ppo", { title: "PPO, frozen critic", ...frozen }),
  "vc-ppo": method("vc-ppo"),
  "vapo": method("vapo"),
  "sae": method("sae"),
  "sp3o": method("sp3o"),
  "one-shot token lambda 1": method("ppo", {
    title: "Discriminative, token, lambda 1",
    lambda: 1,
  }),
  "one-shot token lambda 0": method("ppo", {
    title: "Discriminative, token, lambda 0",
    lambda: 0,
  }),
  "one-shot segment lambda 1": method("genac", {
    title: "Discriminative, segment, lambda 1",
    lambda: 1,
    ...discriminative,
  }),
  "one-shot segment lambda 0": method("genac", {
    title: "Discriminative, segment, lambda 0",
    lambda: 0,
    ...discriminative,
  }),
  "genac": method("genac"),
  "genac no ICC": method("genac", { title: "GenAC without ICC", conditioning: "initial" }),
  "genac equal": method("genac", { title: "GenAC, equal knowledge", ...equal }),
  "cot segment lambda 0": method("genac", {
    title: "Generative, segment, lambda 0",
    lambda: 0,
    ...frozen,
  }),
  "cot segment lambda 1": method("genac", {
    title: "Generative, segment, lambda 1",
    lambda: 1,
    ...frozen,
  }),
  "cot token lambda 0": method("ppo", {
    title: "Generative, token, lambda 0",
    lambda: 0,
    ...generative,
    ...frozen,
  }),
  "cot token lambda 1": method("ppo", {
    title: "Generative, token, lambda 1",
    lambda: 1,
    ...generative,
    ...frozen,
  }),
  "cot token lambda 0 equal": method("ppo", {
    title: "Generative, token, lambda 0, equal knowledge",
    lambda: 0,
    ...equal,
    ...frozen,
  }),
  "cot token lambda 1 equal": method("ppo", {
    title: "Generative, token, lambda 1, equal knowledge",
    lambda: 1,
    ...equal,
    ...frozen,
  }),
  "cot segment lambda 0 equal": method("genac", {
    title: "Generative, segment, lambda 0, equal knowledge",
    lambda: 0,
    ...equal,
    ...frozen,
  }),
  /** The critic learns as PPO's does, by regression, and keeps its chains. */
  "cot token lambda 0 joint": method("ppo", {
    title: "Generative, token, lambda 0, joint",
    lambda: 0,
    ...generative,
  }),
  "vineppo": method("vineppo"),
  "process": method("process-reward"),
  "oracle": method("oracle"),
} satisfies Record<string, Method>;

/** A method's name. */
export type MethodName = keyof typeof METHODS;
/** All names. */
export const METHOD_NAMES = Object.keys(METHODS) as [MethodName, ...MethodName[]];

/** The method of that name. */
export function methodOf(name: MethodName): Method {
  return METHODS[name];
}
