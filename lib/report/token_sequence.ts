import { DISPLAY, type Displayable, escapeHtml } from "./mime.ts";
import { INK } from "./theme.ts";
import { VERDICT_LOOKS } from "./verdict.ts";

/** What a token is to the reader. */
export type TokenTone = "prompt" | "plain" | "right" | "wrong" | "value";

/** One token. */
export interface TokenBox {
  /** The token's name. */
  readonly text: string;
  /** Default "plain". Right and wrong carry a mark as well as a colour. */
  readonly tone?: TokenTone;
  /** Small print above: the variable that the token sets, or what else it is about. */
  readonly subject?: string;
  /** Small print below: a position, or what a wrong token should have been. */
  readonly label?: string;
  /** Starts a new line. */
  readonly breakBefore?: boolean;
}

/** How tokens look on paper white, and the mark that says it without colour. */
export const TONES: Record<TokenTone, { border: string; fill: string; mark: string }> = {
  prompt: { border: "#b6bec7", fill: "#f0f2f4", mark: "" },
  plain: { border: "#b6bec7", fill: INK.background, mark: "" },
  right: { border: VERDICT_LOOKS["supported"].color, fill: "#e5f5f0", mark: "✓" },
  wrong: { border: VERDICT_LOOKS["contradicted"].color, fill: "#fbebe0", mark: "✗" },
  value: { border: "#0072b2", fill: "#e0eef6", mark: "" },
};

/**
 * A sequence of tokens as boxes, to `show`: a look inside a chain of thought, which token is right, which is wrong, and
 * what it should have been. HTML without scripts, and plain text.
 */
export function tokenSequence(tokens: readonly TokenBox[], caption?: string): Displayable {
  return {
    [DISPLAY]: () => ({
      "text/html": `<div style="line-height:1.3">` +
        (caption === undefined ? "" : `<p style="margin:0.3em 0">${escapeHtml(caption)}</p>`) +
        tokens.map(box).join(" ") + `</div>`,
      "text/plain": plain(tokens, caption),
    }),
  };
}

function box({ text, tone = "plain", subject, label, breakBefore }: TokenBox): string {
  const { border, fill, mark } = TONES[tone];
  const small = (note: string) =>
    `<small style="font-size:75%;color:${INK.muted}">${escapeHtml(note)}</small>`;
  return (breakBefore ? "<br>" : "") +
    `<span style="display:inline-block;vertical-align:top;text-align:center;padding:1px 5px;` +
    `margin:2px 1px;border:1.5px solid ${border};border-radius:4px;background:${fill};` +
    `color:${INK.text};font-family:monospace">` +
    (subject === undefined ? "" : `${small(subject)}<br>`) + escapeHtml(text) +
    (mark === "" ? "" : `<span style="color:${border}">${mark}</span>`) +
    (label === undefined ? "" : `<br>${small(label)}`) + "</span>";
}

function plain(tokens: readonly TokenBox[], caption: string | undefined): string {
  const lines = [""];
  for (const { text, tone = "plain", subject, label, breakBefore } of tokens) {
    if (breakBefore) lines.push("");
    const note = label === undefined ? "" : `(${label})`;
    const name = subject === undefined ? "" : `${subject}: `;
    const word = `${name}${text}${TONES[tone].mark}${note}`;
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= 100) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return [...(caption === undefined ? [] : [caption]), ...lines].join("\n");
}
