/** A reasoning trace beside the right one, for a human reader. */
import { maximum } from "../numeric/extrema.ts";

/**
 * One line for each token: what it is about, what was written, and whether that is right.
 *
 * @param names The vocabulary's names.
 * @param about For each token of the ideal trace, what it is about.
 */
export function compareTrace(
  names: readonly string[],
  about: readonly string[],
  trace: ArrayLike<number>,
  ideal: readonly number[],
): string {
  const rows = Array.from({ length: Math.max(trace.length, ideal.length) }, (_, i) => {
    const written = i < trace.length ? names[trace[i]!] ?? `<${trace[i]}>` : "nothing";
    const right = i < ideal.length ? names[ideal[i]!]! : "nothing";
    const verdict = written === right ? "right" : `wrong, should be ${right}`;
    return [about[i] ?? "", written, verdict] as const;
  });
  const width = (column: 0 | 1) => maximum(rows.map((row) => row[column].length));
  const [first, second] = [width(0), width(1)];
  return rows.map(([subject, written, verdict]) =>
    `${subject.padEnd(first)}  ${written.padEnd(second)}  ${verdict}`
  ).join("\n");
}
