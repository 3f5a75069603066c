import { maximum } from "../numeric/extrema.ts";
import type { Environment } from "./environment.ts";

/** What a trace says of an environment's state: the part of `Environment` that is asked. */
type Traced<State> = Pick<
  Environment<State, unknown>,
  "vocabulary" | "reasoningTrace" | "traceSubjects"
>;

/** A token of a trace beside the one that is right in its place; "nothing" where one of the two has ended. */
export interface TraceRow {
  /** What the token is about (`Environment.traceSubjects`); "" beyond the right trace. */
  readonly subject: string;
  readonly written: string;
  readonly right: string;
}

/**
 * A reasoning trace beside the right one, up to the longer of the two.
 *
 * @param trace Token ids, without TH and value token.
 */
export function traceRows<State>(
  environment: Traced<State>,
  state: State,
  trace: ArrayLike<number>,
): TraceRow[] {
  const { names } = environment.vocabulary;
  const ideal = environment.reasoningTrace(state), subjects = environment.traceSubjects(state);
  return Array.from({ length: Math.max(trace.length, ideal.length) }, (_, i) => ({
    subject: subjects[i] ?? "",
    written: i < trace.length ? names[trace[i]!] ?? `<${trace[i]}>` : "nothing",
    right: i < ideal.length ? names[ideal[i]!]! : "nothing",
  }));
}

/**
 * A reasoning trace, right or wrong, for a human reader. One line for each token: what it is about, what was written,
 * and "right" or "wrong, should be ...", where it is not what `environment.reasoningTrace` has in its place.
 *
 * @param trace Token ids, without TH and value token; it may be shorter or longer than the right one.
 */
export function describeTrace<State>(
  environment: Traced<State>,
  state: State,
  trace: ArrayLike<number>,
): string {
  const rows = traceRows(environment, state, trace).map(({ subject, written, right }) =>
    [subject, written, written === right ? "right" : `wrong, should be ${right}`] as const
  );
  const width = (column: 0 | 1) => maximum(rows.map((row) => row[column].length));
  const [first, second] = [width(0), width(1)];
  return rows.map(([subject, written, verdict]) =>
    `${subject.padEnd(first)}  ${written.padEnd(second)}  ${verdict}`
  ).join("\n");
}
