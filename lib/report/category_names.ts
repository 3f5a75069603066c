/** The names of categories in lines: those of bars stand below them, those of rows to their left. */
import { maximum } from "../numeric/extrema.ts";
import type { ResolvedFigure } from "./figure_description.ts";
import { textWidth, wrapText } from "./text_width.ts";
import { FONT_SIZE } from "./theme.ts";

/** Each name in lines no wider than `width` pixels, for rows half the figure's; headings are bold. */
export function nameLines(
  { categories, headings, width: whole }: ResolvedFigure,
  width = whole / 2,
): string[][] {
  return categories.map((name, i) => wrapText(name, FONT_SIZE.tick, width, headings.includes(i)));
}

/** Width of the widest line of `names` in pixels. */
export function namesWidth(
  { headings }: ResolvedFigure,
  names: readonly (readonly string[])[],
): number {
  return maximum(
    names.flatMap((lines, i) =>
      lines.map((line) => textWidth(line, FONT_SIZE.tick, headings.includes(i)))
    ),
  );
}
