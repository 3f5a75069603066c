/**
 * Untrusted text made safe to print. What models write may hold terminal escapes, or marks that turn the direction of
 * what stands beside them: such text is shown, never obeyed.
 */

/**
 * Control characters (C0, DEL, C1), line separators, marks of direction (Unicode TR 9), characters without width or
 * glyph (zero-width space, word joiner, byte-order mark, tags), lone surrogates.
 */
const UNPRINTABLE =
  // deno-lint-ignore no-control-regex -- they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * The text on one line, with what a terminal or a page would obey, reorder or hide written as an escape: a line break as
 * `\n`, ESC as `\x1b`, a right-to-left override as `\u{202e}`. Markup stays: escaping it is for who writes markup.
 *
 * @param maxLength Longer text is cut there (in UTF-16 code units of the result) and ends in "…".
 */
export function printable(text: string, maxLength = Infinity): string {
  // No more is looked at than can be shown, as text may be megabytes long.
  const head = text.length > maxLength ? text.slice(0, maxLength) : text;
  const escaped = head.replace(UNPRINTABLE, escapeOf);
  if (text.length <= maxLength && escaped.length <= maxLength) return escaped;
  return `${escaped.slice(0, Math.max(0, maxLength - 1)).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** The same of text in lines: its line breaks and tabs stay. */
export function printableLines(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => /[\n\t]/.test(character) ? character : escapeOf(character),
  );
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0)!;
  return SHORT[character] ??
    (code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`);
}
