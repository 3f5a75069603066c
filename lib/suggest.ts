import { closestMatch } from "leven";

/** The closest of `known` to `name`, as the end of a sentence; "" where none is close. */
export function suggest(name: string, known: readonly string[]): string {
  const closest = closestMatch(name, known, { maxDistance: Math.ceil(name.length / 2) });
  return closest === undefined ? "" : `did you mean ${closest}?`;
}

/** The remedy for an unknown name: what may have been meant, and all choices. */
export function chooseFrom(name: string, known: readonly string[]): string {
  return `${suggest(name, known)} choose from ${known.join(", ")}`.trimStart();
}
