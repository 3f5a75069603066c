/** 3-SAT formulas and partial assignments: what the environment, its text and its values share. */
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";

/** Literals of a clause. */
export const LITERALS = 3;

/**
 * Three literals of different variables, by rising variable. As in DIMACS, i stands for variable i and -i for its
 * negation, i = 1, 2, ...
 */
export type Clause = readonly number[];

/** A formula and the values given to its first variables. */
export interface SatState {
  /** How many variables the formula has. */
  readonly variables: number;
  readonly clauses: readonly Clause[];
  /** 0 or 1 for each variable that has a value, from the first on. */
  readonly assignment: readonly number[];
}

/** Whether a literal is true; undefined if its variable has no value yet. */
export function truthOf(literal: number, assignment: readonly number[]): boolean | undefined {
  const bit = assignment[Math.abs(literal) - 1];
  return bit === undefined ? undefined : (bit === 1) === (literal > 0);
}

/** What is known of a clause. */
export interface ClauseStatus {
  readonly clause: Clause;
  /** Whether a literal is true. */
  readonly satisfied: boolean;
  /** How many literals have no value yet. */
  readonly free: number;
}

/** The status of each clause, in order. */
export function statuses(
  { clauses, assignment }: Pick<SatState, "clauses" | "assignment">,
): ClauseStatus[] {
  return clauses.map((clause) => {
    const truths = clause.map((literal) => truthOf(literal, assignment));
    const free = truths.filter((truth) => truth === undefined).length;
    return { clause, satisfied: truths.includes(true), free };
  });
}

/** How many different clauses there are: each of three variables' sign patterns, but one, so that all can be satisfied. */
export function mostClauses(variables: number): number {
  return 7 * (variables * (variables - 1) * (variables - 2) / 6);
}

/**
 * Different clauses, each of three random variables with random signs.
 *
 * @param count At most `mostClauses(variables)`, or this may not end.
 */
export function randomClauses(
  random: RandomStream,
  variables: number,
  count: number,
): number[][] {
  const clauses = new Map<string, number[]>();
  while (clauses.size < count) {
    const chosen = new Set<number>();
    while (chosen.size < LITERALS) chosen.add(1 + random.integer(variables));
    const clause = [...chosen].sort((x, y) => x - y).map((v) => random.integer(2) === 0 ? -v : v);
    clauses.set(clause.join(" "), clause);
  }
  return [...clauses.values()];
}

/** The formula as integers, whatever the order of its clauses: for its hash. */
export function formulaCode(clauses: readonly Clause[]): number[] {
  const codes = clauses.map((clause) => clause.reduce((code, x) => code * 64 + x + 32, 0));
  return codes.sort((x, y) => x - y);
}

/**
 * The clauses with their literals by rising variable.
 *
 * @param clauses Three literals each, in any order.
 * @throws UsageError for a literal whose variable is not in 1..`variables`, or a clause without three different ones.
 */
export function checkClauses(variables: number, clauses: readonly Clause[]): Clause[] {
  return clauses.map((clause, i) => {
    const bad = (value: unknown, remedy: string) => new UsageError(`clauses[${i}]`, value, remedy);
    for (const literal of clause) {
      if (!Number.isInteger(literal) || literal === 0 || Math.abs(literal) > variables) {
        throw bad(literal, `must be a variable 1..${variables} or its negative`);
      }
    }
    if (clause.length !== LITERALS || new Set(clause.map(Math.abs)).size !== LITERALS) {
      throw bad(clause.join(" "), "must have three different variables");
    }
    return clause.toSorted((x, y) => Math.abs(x) - Math.abs(y));
  });
}
