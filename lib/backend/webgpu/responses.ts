import type { GenerationRow, GenerationStop } from "../../tensor/backend.ts";
import { StopTexts } from "./stop_texts.ts";

/** The responses of rows that are generated side by side, as they come back from the device. */
export class Responses {
  readonly #rows: {
    readonly tokens: number[];
    readonly start: number;
    readonly most: number;
    readonly texts: StopTexts;
    hasEnded: boolean;
  }[];
  readonly #stop: ReadonlySet<number>;

  constructor(rows: readonly GenerationRow[], stop: GenerationStop) {
    this.#stop = new Set(stop.tokens);
    this.#rows = rows.map(({ prompt, maxTokens }) => ({
      tokens: [],
      start: prompt.length - 1,
      most: maxTokens,
      texts: new StopTexts(stop),
      hasEnded: maxTokens === 0,
    }));
  }

  /**
   * Takes what the rows have said until now.
   *
   * @param places (rows, capacity): the token that was chosen at each place of a row.
   * @param steps Steps until now.
   * @returns The rows that ended just now with a stop text, which the device does not see.
   */
  take(places: Int32Array, capacity: number, steps: number): number[] {
    const found: number[] = [];
    this.#rows.forEach((row, i) => {
      for (let t = row.tokens.length; t < steps && !row.hasEnded; t++) {
        const token = places[i * capacity + row.start + t]!;
        row.tokens.push(token);
        const seen = token < 0 || this.#stop.has(token) || t + 1 === row.most;
        row.hasEnded = seen || row.texts.push(token);
        if (row.hasEnded && !seen) found.push(i);
      }
    });
    return found;
  }

  /** Whether no row goes on. */
  get haveEnded(): boolean {
    return this.#rows.every(({ hasEnded }) => hasEnded);
  }

  get tokens(): number[][] {
    return this.#rows.map(({ tokens }) => tokens);
  }
}
