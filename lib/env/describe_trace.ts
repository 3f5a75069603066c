import { maximum } from "../numeric/extrema.ts";
import type { Environment } from "./environment.ts";

/**
 * A reasoning trace, right or wrong, for a human reader. One line for each token: what it is about, what was written,
 * and "right" or "wrong, should be ...", where it is not what `environment.reasoningTrace` has in its place.
 *
 * @param trace Token ids, without TH and value token; it may be shorter or longer than the right one.
 */
export function describeTrace<State>(
  environment: Pick<
    Environment<State, unknown>,
    "vocabulary" | "reasoningTrace" | "traceSubjects"
  >,
  state: State,
  trace: ArrayLike<number>,
): string {
  const { names } = environment.vocabulary;
  const ideal = environment.reasoningTrace(state), subjects = environment.traceSubjects(state);
  const rows = Array.from({ length: Math.max(trace.length, ideal.length) }, (_, i) => {
    const written = i < trace.length ? names[trace[i]!] ?? `<${trace[i]}>` : "nothing";
    const right = i < ideal.length ? names[ideal[i]!]! : "nothing";
    const verdict = written === right ? "right" : `wrong, should be ${right}`;
    return [subjects[i] ?? "", written, verdict] as const;
  });
  const width = (column: 0 | 1) => maximum(rows.map((row) => row[column].length));
  const [first, second] = [width(0), width(1)];
  return rows.map(([subject, written, verdict]) =>
    `${subject.padEnd(first)}  ${written.padEnd(second)}  ${verdict}`
  ).join("\n");
}
