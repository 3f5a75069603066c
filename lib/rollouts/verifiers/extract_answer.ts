/**
 * The answer that a response or a ground truth states, white space trimmed: the content of the last \boxed{} or \fbox{},
 * else the line behind the last "####", as GSM8K has it; null where there is neither.
 *
 * A box that is cut off, as at the token limit, is no box.
 */
export function extractAnswer(text: string): string | null {
  const box = lastBox(text);
  if (box !== null) return box;
  const mark = text.lastIndexOf("####");
  return mark < 0 ? null : text.slice(mark + 4).split("\n", 1)[0]!.trim();
}

/** The content of the whole box that begins last. One pass, as a response may be a hundred thousand open braces. */
function lastBox(text: string): string | null {
  /** Where the content of each open brace begins; negative for those that are no box's. */
  const open: number[] = [];
  let from = -1, to = -1;
  for (const { 0: found, index } of text.matchAll(/\\(?:boxed|fbox)\s*\{|\\[^]|[{}]/g)) {
    if (found.length > 2) open.push(index + found.length);
    else if (found === "{") open.push(-1);
    else if (found === "}") {
      const start = open.pop() ?? -1;
      if (start > from) [from, to] = [start, index];
    }
  }
  return from < 0 ? null : text.slice(from, to).trim();
}
