import type { DecodingShape, GenerationRow, GenerationStop } from "../tensor/backend.ts";

/** Throws RangeError for rows that do not fit a generation program, and for stop texts that nothing can be compared to. */
export function checkGeneration(
  { rows: most, capacity }: DecodingShape,
  rows: readonly GenerationRow[],
  { texts = [], bytes }: GenerationStop,
): void {
  if (rows.length > most) {
    throw new RangeError(`${rows.length} rows do not fit a program for ${most}`);
  }
  rows.forEach(({ prompt, maxTokens }, i) => {
    if (prompt.length > 0 && maxTokens >= 0 && prompt.length + maxTokens <= capacity) return;
    throw new RangeError(
      `row ${i} has ${prompt.length} tokens and asks for ${maxTokens}: together they may have ${capacity}, ` +
        "and a prompt has at least 1",
    );
  });
  if (texts.some(({ length }) => length === 0)) throw new RangeError("a stop text is empty");
  if (texts.length > 0 && !bytes) throw new RangeError("stop texts need the bytes of tokens");
}
