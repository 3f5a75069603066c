import type { TextCriticName } from "../../lib/text_models/text_critic.ts";

/** A critic, what it learns from, and for how long. */
export interface ValueRun {
  /** Name in figures and tables. */
  readonly title: string;
  /** Null: a linear regression on the task's features. */
  readonly critic: TextCriticName | null;
  /** What it is taught: exact values, or the outcome of one rollout from each state. */
  readonly labels: "values" | "outcomes";
  /**
   * How much it learns from: the states of the configuration once; those again and again, or fresh ones, until it has been
   * trained on as many tokens as the chain of thought critic on the states of the configuration.
   */
  readonly budget: "states" | "passes" | "tokens";
}

const TABLE = {
  "chain": { title: "Chain of thought", critic: "chain", labels: "values", budget: "states" },
  "head": {
    title: "Value head, as many states",
    critic: "head",
    labels: "values",
    budget: "states",
  },
  "head-passes": {
    title: "Value head, the same states for as many tokens",
    critic: "head",
    labels: "values",
    budget: "passes",
  },
  "head-states": {
    title: "Value head, fresh states for as many tokens",
    critic: "head",
    labels: "values",
    budget: "tokens",
  },
  "one-shot": {
    title: "Answer at once, as many states",
    critic: "one-shot",
    labels: "values",
    budget: "states",
  },
  "chain-outcomes": {
    title: "Chain of thought, taught outcomes",
    critic: "chain",
    labels: "outcomes",
    budget: "states",
  },
  "head-outcomes": {
    title: "Value head, fresh states for as many tokens, taught outcomes",
    critic: "head",
    labels: "outcomes",
    budget: "tokens",
  },
  "features": { title: "Regression on features", critic: null, labels: "values", budget: "states" },
} as const satisfies Readonly<Record<string, ValueRun>>;

/** The name of a run. */
export type RunName = keyof typeof TABLE;

/** All names. */
export const RUNS = Object.keys(TABLE) as [RunName, ...RunName[]];

/** What a run is. */
export function valueRun(name: RunName): ValueRun {
  return TABLE[name];
}
