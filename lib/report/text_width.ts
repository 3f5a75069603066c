/**
 * How wide text is, without a font: close enough to lay out a legend, and the same everywhere.
 */

const NARROW = new Set("iljtfrI.,:;'|!()[]/ ·");
const WIDE = new Set("mwMW@%—–→");

/** Estimated width in pixels, a few per cent too wide rather than too narrow. */
export function textWidth(text: string, fontSize: number, bold = false): number {
  let em = 0;
  for (const character of text) {
    if (NARROW.has(character)) em += 0.34;
    else if (WIDE.has(character)) em += 0.92;
    else if (character >= "A" && character <= "Z") em += 0.7;
    else em += 0.59;
  }
  return em * fontSize * (bold ? 1.18 : 1);
}

/** Breaks at spaces into lines no wider than `width` pixels; a longer word stays whole. */
export function wrapText(text: string, fontSize: number, width: number, bold = false): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, fontSize, bold) <= width) {
      lines[lines.length - 1] = longer;
    } else lines.push(word);
  }
  return lines;
}
