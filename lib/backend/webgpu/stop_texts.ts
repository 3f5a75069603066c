import type { GenerationStop } from "../../tensor/backend.ts";

/** Watches the bytes of one response for texts that end it. */
export class StopTexts {
  /** The last bytes, one fewer than the longest text has. */
  #tail: number[] = [];

  /** @param stop Without `texts` nothing is found. */
  constructor(private readonly stop: GenerationStop) {}

  /** Whether the bytes so far contain one of the texts, with those of `token`, which is the response's next. */
  push(token: number): boolean {
    const { texts = [], bytes = [] } = this.stop;
    if (texts.length === 0) return false;
    const longest = Math.max(...texts.map((text) => text.length));
    const all = [...this.#tail, ...bytes[token] ?? []];
    this.#tail = all.slice(Math.max(0, all.length - (longest - 1)));
    return texts.some((text) => contains(all, text));
  }
}

function contains(bytes: readonly number[], text: Uint8Array): boolean {
  for (let at = 0; at + text.length <= bytes.length; at++) {
    if (text.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}
