import { UsageError } from "../errors.ts";
import type { Completion, CompletionRequest, LanguageModel } from "../llm/language_model.ts";
import { checkSampling } from "../llm/sample_token.ts";
import { promptIds } from "../llm/prompt_ids.ts";
import { scoredToken } from "../llm/scored_token.ts";
import type { OpenPretrained } from "./open_pretrained.ts";

/** Seeds of the sampling stream are 32-bit numbers. */
const SEEDS = 2 ** 32;

/**
 * A pretrained model on the kit's own engine as what evaluations and continuations ask: no server is needed, and on WASM the
 * same request has the same answer to the bit on every machine.
 *
 * Log-probabilities are the model's own, whatever the sampling. Completion i of a request draws from the stream of seed + i
 * alone. Requests are answered one after the other; the completions of one side by side.
 */
export class PretrainedLanguageModel implements LanguageModel {
  #last: Promise<unknown> = Promise.resolve();

  /** @throws UsageError for a model without output layer: its adapter is that of a value head. */
  constructor(private readonly opened: OpenPretrained) {
    if (!opened.model.config.languageHead) {
      throw new UsageError(opened.name, "a value head", "it writes nothing: leave the adapter out");
    }
  }

  get name(): string {
    return this.opened.name;
  }

  /** Tokens of the longest prompt and completion together. */
  get contextLength(): number {
    return this.opened.model.config.maxLength;
  }

  complete(request: CompletionRequest): Promise<readonly Completion[]> {
    const answer = this.#last.then(() => this.#complete(request));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async #complete(request: CompletionRequest): Promise<readonly Completion[]> {
    const { sampling, seed, count = 1, stop = [], topLogProbabilities } = request;
    checkSampling(sampling);
    const { temperature, topK, topP, minP } = sampling;
    if (minP > 0) {
      throw new UsageError("minP", minP, "the kit's engine has top-k and top-p: give 0");
    }
    if (request.pattern !== undefined) {
      throw new UsageError("pattern", request.pattern, "answers cannot be forced here");
    }
    if (temperature > 0 && seed === undefined) {
      throw new UsageError("seed", seed, "give one: sampling takes its random numbers from it");
    }
    const { model, tokenBytes } = this.opened,
      prompt = promptIds(request.prompt, { ...this.opened, contextLength: this.contextLength });
    const { eosTokenIds } = model.config.architecture;
    const prompts = Array.from(
      { length: count },
      (_, i) => ({ tokens: prompt, row: ((seed ?? 0) + i) % SEEDS }),
    );
    const responses = await model.generate(prompts, {
      ...{ temperature, topP, seed: 0, ...topK > 0 && { topK } },
      maxTokens: Math.min(request.maxTokens, this.contextLength - prompt.length),
      purpose: "completion",
      stop: eosTokenIds,
      ...stop.length > 0 && { stopTexts: stop, tokenBytes },
    });
    const scored = topLogProbabilities === undefined
      ? []
      : await this.#scored(prompt, responses, topLogProbabilities);
    return responses.map((tokens, i) => {
      const isEnded = eosTokenIds.includes(tokens.at(-1) ?? -1);
      const all = this.opened.tokenizer.decode(tokens);
      const ends = stop.map((text) => all.indexOf(text)).filter((at) => at >= 0);
      return {
        text: ends.length > 0 ? all.slice(0, Math.min(...ends)) : all,
        tokens,
        tokenCount: tokens.length,
        finishReason: isEnded || ends.length > 0 ? "stop" : "length",
        ...scored[i] && { logProbabilities: scored[i] },
      };
    });
  }

  /** The tokens of completions, each with the likeliest ones at its place. */
  async #scored(prompt: readonly number[], responses: readonly number[][], count: number) {
    const { model, tokenizer } = this.opened;
    const sequences = responses.map((tokens) => ({ tokens: [...prompt, ...tokens] }));
    const rows = responses.flatMap((tokens, sequence) =>
      tokens.map((_, t) => ({ sequence, token: prompt.length - 1 + t }))
    );
    const { logits } = await model.forward(sequences, rows, ["logits"]);
    const classes = model.config.architecture.vocabularySize;
    const name = (id: number) => tokenizer.decode([id], { special: true });
    let row = 0;
    return responses.map((tokens) =>
      tokens.map((token) => {
        const own = logits.subarray(row * classes, ++row * classes);
        return scoredToken(own, token, count, name);
      })
    );
  }
}
