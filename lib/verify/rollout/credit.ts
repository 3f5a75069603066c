import type { CreditSummary, TaskRow } from "../../../experiments/credit/summary.ts";

/** One response of an actor, and what each method credits its tokens with. */
export interface CreditedRollout {
  readonly task: string;
  /** The problem, in lines. */
  readonly problem: string;
  readonly tokens: readonly CreditedToken[];
  /** Names of the methods; the exact one is not among them. */
  readonly methods: readonly string[];
}

/** A token of the response. */
export interface CreditedToken {
  readonly text: string;
  /** What it sets: "product 3". */
  readonly subject: string;
  /** With which it was written. */
  readonly probability: number;
  /** By how much it changed the probability of success, in units of reward. */
  readonly exact: number;
  /** What each method credits it with, in the order of `methods`. */
  readonly credited: readonly number[];
}

/** The example of each task of a credit experiment's summary. */
export function creditedRollouts({ tasks }: CreditSummary): CreditedRollout[] {
  return tasks.map(({ task, example, methods }: TaskRow) => {
    const { advantages, probabilities, problem, subjects, tokens } = example;
    const compared = methods.filter(({ method }) => method !== "oracle" && advantages[method]);
    return {
      task,
      problem,
      methods: compared.map(({ title }) => title),
      tokens: tokens.map((text, t) => ({
        text,
        subject: subjects[t]!,
        probability: probabilities[t]!,
        exact: advantages["oracle"]![t]!,
        credited: compared.map(({ method }) => advantages[method]![t]!),
      })),
    };
  });
}
