import { BadRow, type Row } from "./row.ts";

/** Strings, and the words that Python's json writes for numbers which JSON does not have. */
const STRING_OR_WORD = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The object in a line of JSON; NaN and infinities, which Python writes bare, are null. Undefined for a line of white space.
 *
 * @throws BadRow where it is no object, no JSON or no UTF-8.
 */
export function parseJsonLine(bytes: Uint8Array): Row | undefined {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new BadRow("line", "not UTF-8", "save the file as UTF-8 text");
  }
  if (text.trim() === "") return undefined;
  const value = parse(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Row;
  throw new BadRow(
    "line",
    text,
    text.trimStart().startsWith("[")
      ? "an array: JSON lines have one object a line; make them by `jq -c '.[]' FILE > FILE.jsonl`"
      : "one JSON object a line is needed",
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (text.includes("NaN") || text.includes("Infinity")) {
      try {
        return JSON.parse(
          text.replace(STRING_OR_WORD, (match) => match[0] === '"' ? match : "null"),
        );
      } catch { /* what is said of the line as it stands is better */ }
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new BadRow("line", text, `no JSON (${reason}): is the line cut, its writer stopped?`);
  }
}
