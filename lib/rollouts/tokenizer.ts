/**
 * The user's tokenizer, from the files that every Hugging Face model has, through `@huggingface/tokenizers`.
 */
import { Tokenizer } from "@huggingface/tokenizers";
import { basename, dirname, join } from "node:path";
import { UsageError } from "../errors.ts";
import { exists, readBytes } from "../run/files.ts";
import { printable } from "./printable.ts";
import type { RolloutRecord } from "./record.ts";

const TOKENIZER = "tokenizer.json", CONFIG = "tokenizer_config.json";

/** Text to token ids and back. */
export class RolloutTokenizer {
  readonly #tokenizer: Tokenizer;
  /** The ids of all tokens, special and added ones included, are below. */
  readonly size: number;

  /**
   * @param path Where it was read, for messages.
   * @param tokenizer What tokenizer.json holds.
   * @param config What tokenizer_config.json holds.
   * @throws UsageError where they are no tokenizer.
   */
  constructor(readonly path: string, tokenizer: object, config: object = {}) {
    try {
      this.#tokenizer = new Tokenizer(tokenizer, config);
      let largest = -1;
      for (const id of this.#tokenizer.get_vocab(true).values()) largest = Math.max(largest, id);
      this.size = largest + 1;
    } catch (error) {
      const remedy = `no tokenizer: ${error instanceof Error ? error.message : error}`;
      throw new UsageError(path, TOKENIZER, remedy, { cause: error });
    }
  }

  /**
   * The tokenizer of a model.
   *
   * @param path The model's folder, or its tokenizer.json; tokenizer_config.json is read where it stands beside.
   * @throws UsageError for missing or broken files.
   */
  static load(path: string): RolloutTokenizer {
    const file = basename(path).endsWith(".json") ? path : join(path, TOKENIZER);
    const config = join(dirname(file), CONFIG);
    return new RolloutTokenizer(file, readJson(file), exists(config) ? readJson(config) : {});
  }

  /** The ids of the text; `special` adds what the tokenizer puts around it, e.g. a token of beginning. Default: no. */
  encode(text: string, { special = false } = {}): number[] {
    return this.#tokenizer.encode(text, { add_special_tokens: special }).ids;
  }

  /** The text of the ids, special tokens left out unless `special`. No space is cleaned up. */
  decode(tokens: readonly number[], { special = false } = {}): string {
    // The library refuses an empty list.
    if (tokens.length === 0) return "";
    return this.#tokenizer.decode([...tokens], {
      skip_special_tokens: !special,
      clean_up_tokenization_spaces: false,
    });
  }
}

/**
 * Throws a UsageError where the tokenizer is not the one of the model that wrote this: ids that it does not have, ids that
 * are not the text beside them, or text that it changes. Text may lack special tokens (servers add one of beginning before a
 * prompt that has one) and whatever follows a stop string.
 */
export function checkTokenizer(tokenizer: RolloutTokenizer, record: RolloutRecord): void {
  for (const field of ["prompt", "response"] as const) {
    const { text, tokens } = record[field];
    const unknown = tokens?.find((id) => id >= tokenizer.size);
    if (unknown !== undefined) {
      const remedy =
        `the tokenizer has ${tokenizer.size} tokens: give that of the model which wrote the ${field}`;
      throw new UsageError(tokenizer.path, `token ${unknown}`, remedy);
    }
    if (text === undefined) continue;
    const ids = tokens ?? tokenizer.encode(text);
    const readings = [true, false].map((special) => tokenizer.decode(ids, { special }));
    if (readings.some((reading) => agrees(reading, text))) continue;
    const remedy =
      `the tokens of this ${field} read ${JSON.stringify(printable(readings[0]!, 80))}: ` +
      "give the tokenizer of the model which wrote it";
    throw new UsageError(tokenizer.path, printable(text, 80), remedy);
  }
}

/** Whether the text is in what the tokens say, white space at its ends aside. */
function agrees(reading: string, text: string): boolean {
  return reading.includes(text.trim());
}

function readJson(path: string): object {
  const remedy = "give the model's folder, or the path of its tokenizer.json";
  const text = new TextDecoder().decode(readBytes(path, remedy));
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch { /* said below */ }
  throw new UsageError(path, printable(text, 40), `no JSON object: ${remedy}`);
}
