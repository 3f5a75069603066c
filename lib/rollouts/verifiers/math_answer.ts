/**
 * Compares mathematical answers as MATH's graders do: spelling is normalised, then a computer algebra library
 * (@cortex-js/compute-engine) reads both sides. Run as a verifier's file (`sandbox.ts`): what a model writes may take the
 * library arbitrarily long.
 *
 * What it takes for equal, beyond spelling: numbers of equal value, exactly ("0.5", "\frac12", "\sqrt{8}" and "2\sqrt2",
 * "\pi/2"; "0.333" is not 1/3), mixed numbers, expressions with equal values at fixed points, tuples and intervals by their
 * entries and brackets, sets and unbracketed lists in any order, \pm, matrices, a unit on one side only, x = ..., words
 * whatever their case. A percent sign on one side may mean either 50 or 0.5. What it does not: equations that are multiples
 * of one another, inequalities against intervals, units that convert, words for numbers.
 */
import { ComputeEngine } from "@cortex-js/compute-engine";
import { extractAnswer } from "./extract_answer.ts";
import type { VerifierTask } from "./verifier.ts";

const engine = new ComputeEngine();

/** Longer answers are equal only where they are the same text. */
const LONGEST = 1000;

/**
 * 1 where the response's answer equals the ground truth, else 0. The answer is `extractAnswer`'s; where there is none, the
 * last line, from behind "answer is" or "answer:" if it says so.
 */
export default function gradeMathAnswer(response: string, { groundTruth }: VerifierTask): number {
  return areEqualAnswers(answerOf(response), answerOf(groundTruth ?? "")) ? 1 : 0;
}

function answerOf(text: string): string {
  return extractAnswer(text) ??
    text.trimEnd().split("\n").at(-1)!.split(/\banswer\b(?:\s+is\b)?\s*:?/i).at(-1)!.trim();
}

/** Whether two answers are equal; symmetric. */
export function areEqualAnswers(a: string, b: string): boolean {
  if (a.trim() === "" || b.trim() === "") return false;
  if (Math.max(a.length, b.length) > LONGEST) return a === b;
  const x = normalize(a), y = normalize(b);
  if (areEqual(x.whole, y.whole)) return true;
  if (x.unit !== "" && y.unit !== "" && x.unit !== y.unit) return false;
  const [p, q] = [x.value.replace("%", ""), y.value.replace("%", "")];
  if (areEqual(p, q)) return true;
  // "50%" and "0.5", one of which says that it is a percentage.
  if (x.value.includes("%") === y.value.includes("%")) return false;
  return x.value.includes("%") ? areEqual(`(${p})/100`, q) : areEqual(p, `(${q})/100`);
}

interface Answer {
  readonly whole: string;
  /** Without the unit. */
  readonly value: string;
  /** Words behind the value; "" for none. */
  readonly unit: string;
}

const TEXT = String.raw`\\(?:text|mbox|textrm|textbf|mathrm)\s*\{([^{}]*)\}`;
const POWER = String.raw`(?:\^\{?\d\}?)?`;
const UNIT_TEXT = new RegExp(`^(.*\\S)\\s*(${TEXT}${POWER})$`, "s");
const UNIT_WORDS = new RegExp(`^(.*[\\d})])\\s+([a-zA-Z]{2,}(?:\\s+[a-zA-Z]+)*${POWER})$`, "s");
const ONLY_TEXT = new RegExp(`^${TEXT}$`);

/** One spelling for what is written in several ways. */
function normalize(answer: string): Answer {
  // "\\" ends a row of a matrix, and does not begin "\ ".
  let text = answer.replaceAll(
    /\\\\|\\[()[\]]|\\[!,;:> ]|\\(?:displaystyle|quad|qquad)\b|\\?\$|~/g,
    (found) => found === "\\\\" ? found : " ",
  )
    .replaceAll(/\\(?:left|right|[bB]igg?)(?![a-zA-Z])\s*\.?/g, "")
    .replaceAll(/\\[dtc]frac(?![a-zA-Z])/g, "\\frac")
    .replaceAll("{,}", ",").replaceAll("−", "-").replaceAll("\\%", "%")
    .replaceAll(/\^\s*(?:\\circ|\{\s*\\circ\s*\})|°/g, "")
    .replaceAll(/\\lbrace(?![a-zA-Z])/g, "\\{").replaceAll(/\\rbrace(?![a-zA-Z])/g, "\\}")
    .trim().replace(/[.,;]+$/, "");
  // The unknown that is given: "x = 5", "f(x) = 5".
  text = text.replace(/^[a-zA-Z](?:\([a-zA-Z]\))?\s*=\s*(?=[^=]*$)/, "");
  text = text.replaceAll(/(?:\\(?:text|mbox|textrm)\s*\{\s*)?\b(?:and|or)\b(?:\s*\})?/g, ",");
  text = text.replace(ONLY_TEXT, "$1").trim().replace(/^\(([a-zA-Z])\)$/, "$1");
  const [, value = text, unit = ""] = UNIT_TEXT.exec(text) ?? UNIT_WORDS.exec(text) ?? [];
  return {
    whole: withoutThousands(text),
    value: withoutThousands(value),
    unit: unit.replace(/^\\\w+\s*\{|\}(?=\^|$)/g, "").trim(),
  };
}

function withoutThousands(text: string): string {
  return /^-?\d{1,3}(?:,\d{3})+(?:\.\d+)?%?$/.test(text) ? text.replaceAll(",", "") : text;
}

function areEqual(a: string, b: string): boolean {
  if (a.replaceAll(/\s/g, "") === b.replaceAll(/\s/g, "")) return true;
  if (/^[a-zA-Z][a-zA-Z ]+$/.test(a)) return a.toLowerCase() === b.toLowerCase();
  for (const split of [unions, list, bracketed]) {
    const x = split(a), y = split(b);
    if (!x && !y) continue;
    if (!x || !y || x.kind !== y.kind || x.parts.length !== y.parts.length) return false;
    return x.isOrdered
      ? x.parts.every((part, i) => areEqual(part, y.parts[i]!))
      : haveEqualParts(x.parts, y.parts);
  }
  return areEqualExpressions(a, b);
}

interface Parts {
  /** Its brackets. */
  readonly kind: string;
  readonly parts: readonly string[];
  readonly isOrdered: boolean;
}

function unions(text: string): Parts | undefined {
  const parts = text.split(/\\cup(?![a-zA-Z])/);
  return parts.length > 1 ? { kind: "union", parts, isOrdered: false } : undefined;
}

/** Answers with commas between, or both signs of one. */
function list(text: string): Parts | undefined {
  const signs = /\\pm(?![a-zA-Z])/.test(text) ? ["+", "-"] : [""];
  const parts = splitAtCommas(text).flatMap((part) =>
    /\\pm(?![a-zA-Z])/.test(part)
      ? signs.map((sign) => part.replace(/\\pm(?![a-zA-Z])/, sign))
      : [part]
  );
  return parts.length > 1 ? { kind: "list", parts, isOrdered: false } : undefined;
}

function bracketed(text: string): Parts | undefined {
  const [, open, inside, close] = /^(\\\{|[([])([^]*)(\\\}|[)\]])$/.exec(text.trim()) ?? [];
  if (inside === undefined) return undefined;
  const parts = splitAtCommas(inside);
  const isSet = open === "\\{";
  // (x + 1) is no tuple.
  if (parts.length < 2 && !isSet) return undefined;
  return { kind: open! + close!, parts, isOrdered: !isSet };
}

/** The parts between commas that are in no bracket; thousands' commas are gone before. */
function splitAtCommas(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const [token] of text.matchAll(/\\[a-zA-Z]+|\\?[^]/g)) {
    if (/^(?:[([{]|\\\{|\\begin)$/.test(token)) depth++;
    else if (/^(?:[)\]}]|\\\}|\\end)$/.test(token)) depth--;
    if (token === "," && depth === 0) parts.push("");
    else parts.push(parts.pop()! + token);
  }
  return parts;
}

/** Whether each part has one of its own among the others. */
function haveEqualParts(a: readonly string[], b: readonly string[]): boolean {
  const left = [...b];
  return a.every((part) => {
    const at = left.findIndex((other) => areEqual(part, other));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** Where expressions with unknowns are compared: no special points of anything. */
const POINTS = [0.7310585786, 1.6180339887, 2.2360679775, 0.2718281828, 3.3166247904];

function areEqualExpressions(a: string, b: string): boolean {
  const x = engine.parse(a), y = engine.parse(b);
  if (!x.isValid || !y.isValid) return false;
  if (x.isSame(y) || x.isEqual(y) === true) return true;
  const unknowns = [...new Set([...x.unknowns, ...y.unknowns])].sort();
  if (unknowns.length === 0) return false;
  let compared = 0;
  for (let i = 0; i < POINTS.length; i++) {
    const point = Object.fromEntries(
      unknowns.map((name, k) => [name, POINTS[(i + 2 * k) % POINTS.length]!]),
    );
    const [left, right] = [x.subs(point).N().re, y.subs(point).N().re];
    if (!Number.isFinite(left) || !Number.isFinite(right)) continue;
    if (Math.abs(left - right) > 1e-9 * Math.max(1, Math.abs(left), Math.abs(right))) return false;
    compared++;
  }
  return compared > 1;
}
