/** What child processes print: text in UTF-8, and messages as JSON objects, one per line. */

/** The lines of a child's output, without their ends; the last one too if nothing ends it. */
export async function* lines(output: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const part of output.pipeThrough(new TextDecoderStream())) {
    const pieces = (rest + part).split("\n");
    rest = pieces.pop()!;
    yield* pieces;
  }
  if (rest !== "") yield rest;
}

/**
 * The JSON objects among the lines of a child's output.
 *
 * @param onText Gets every other line: anything may print on a child's standard output, as Python's
 * sitecustomize does before the program starts.
 */
export async function* messages(
  output: ReadableStream<Uint8Array>,
  onText: (line: string) => void,
): AsyncGenerator<object> {
  for await (const line of lines(output)) {
    const message = parseObject(line);
    if (message === undefined) onText(line);
    else yield message;
  }
}

function parseObject(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The last line with something on it; "" if there is none. */
export function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)!.trim();
}
