import { Template } from "@huggingface/jinja";
import { join } from "node:path";
import { UsageError } from "../errors.ts";
import type { ChatMessage } from "./language_model.ts";
import { readJsonFile, readTextFile } from "./model_folder.ts";

/** The chat template of a model: turns of a chat as the text that it was trained on. */
export class ChatTemplate {
  readonly #template: Template;

  /**
   * @param path Where it was read, for messages.
   * @param source Jinja.
   * @param special What it may name: `bos_token`, `eos_token`, ...
   * @throws UsageError for what is no template.
   */
  constructor(
    private readonly path: string,
    source: string,
    private readonly special: Readonly<Record<string, string>>,
  ) {
    try {
      this.#template = new Template(source);
    } catch (error) {
      throw new UsageError(path, "chat template", (error as Error).message, { cause: error });
    }
  }

  /**
   * The template in a model's folder: `chat_template.jinja`, else in `tokenizer_config.json`; undefined where there is none.
   *
   * @throws UsageError for a broken file.
   */
  static load(folder: string): ChatTemplate | undefined {
    const path = join(folder, "tokenizer_config.json"), config = readJsonFile(path) ?? {};
    const own = join(folder, "chat_template.jinja"), source = readTextFile(own);
    const special = Object.entries(config).flatMap(([name, token]) => {
      const content = typeof token === "object" && token !== null && "content" in token
        ? token.content
        : token;
      return name.endsWith("_token") && typeof content === "string" ? [[name, content]] : [];
    });
    const text = source ?? defaultTemplate(config.chat_template);
    if (text === undefined) return undefined;
    return new ChatTemplate(source === undefined ? path : own, text, Object.fromEntries(special));
  }

  /** The text of the turns: the model goes on with the last where it is an assistant's, else begins an assistant's. */
  render(messages: readonly ChatMessage[]): string {
    const last = messages.at(-1), isBegun = last?.role === "assistant";
    try {
      return this.#template.render({
        ...this.special,
        messages: (isBegun ? messages.slice(0, -1) : messages).map((message) => ({ ...message })),
        add_generation_prompt: true,
      }) + (isBegun ? last.content : "");
    } catch (error) {
      const roles = messages.map(({ role }) => role).join(", ");
      throw new UsageError(this.path, roles, (error as Error).message, { cause: error });
    }
  }
}

/** A template, or the one called "default" of several. */
function defaultTemplate(given: unknown): string | undefined {
  if (typeof given === "string") return given;
  if (!Array.isArray(given)) return undefined;
  const named = given.find((one) => one?.name === "default");
  return typeof named?.template === "string" ? named.template : undefined;
}
