/** Prompts as they are read: how long the programs are, and which prompts are read together. */

/** Tokens that are read for a prompt: all but the last, which the first step is fed with. */
export function readTokens(prompt: readonly number[]): readonly number[] {
  return prompt.slice(0, -1);
}

/** Few lengths, so that programs fit many prompts: 16, 24, 32, 48, 64, 96, ... */
export function promptLength(tokens: number): number {
  let length = 16;
  while (length < tokens) length = length % 3 === 0 ? length / 3 * 4 : length / 2 * 3;
  return length;
}

/** A text that is read once, and the rows that begin with it, as far as they are long. */
export interface SharedPrompt {
  readonly tokens: readonly number[];
  readonly rows: readonly number[];
}

/** The texts that are to be read for these rows: one that begins another is read with it. Rows without tokens need none. */
export function sharedPrompts(texts: readonly (readonly number[])[]): SharedPrompt[] {
  const longestFirst = [...texts.keys()].filter((row) => texts[row]!.length > 0)
    .sort((a, b) => texts[b]!.length - texts[a]!.length || a - b);
  const shared: { tokens: readonly number[]; rows: number[] }[] = [];
  for (const row of longestFirst) {
    const text = texts[row]!;
    const whole = shared.find(({ tokens }) => text.every((token, i) => token === tokens[i]));
    if (whole) whole.rows.push(row);
    else shared.push({ tokens: text, rows: [row] });
  }
  return shared;
}
