import { basename, dirname } from "node:path";
import type { Tensor } from "onnxruntime-node";
import { UsageError } from "../../errors.ts";
import { RandomStream } from "../../numeric/random.ts";
import { RolloutTokenizer } from "../../rollouts/tokenizer.ts";
import type {
  Completion,
  CompletionRequest,
  CompletionToken,
  LanguageModel,
} from "../language_model.ts";
import { promptIds } from "../prompt_ids.ts";
import { scoredToken } from "../scored_token.ts";
import { ChatTemplate } from "../chat_template.ts";
import { type ModelConfig, readModelConfig } from "./model_config.ts";
import { OnnxModel, type OnnxTensorInfo } from "./onnx_model.ts";
import { checkSampling, drawToken } from "../sample_token.ts";

/** How a language model is opened. */
export interface OnnxLanguageModelOptions {
  /** Threads of ONNX Runtime; default 1. */
  readonly threads?: number;
  /** Default: the folder's name. */
  readonly name?: string;
}

/** Where a sequence stands: the last token's logits, and keys and values of all of its tokens. */
interface Place {
  readonly logits: Float32Array;
  /** By the name of the input; empty for a model without a cache. */
  readonly cache: Readonly<Record<string, Tensor>>;
  readonly ids: readonly number[];
}

const PAST = /^past_key_values\.(\d+)\.(key|value)$/;
const KNOWN =
  "input_ids, attention_mask, position_ids, past_key_values.N.key, past_key_values.N.value";
/** Tokens of a prompt that are run at a time: the logits of all of them are computed, a vocabulary for each. */
const CHUNK = 64;

/**
 * A small causal language model on this machine's processor, from an ONNX file as Optimum, onnxruntime-genai's builder or
 * torch.onnx write it: inputs input_ids, attention_mask, position_ids [batch, tokens] (int64) and, with a cache,
 * past_key_values.N.key and .value (float32); outputs logits (float32), present.N.key and .value.
 *
 * Requests are answered one after the other. Log-probabilities are the model's own, whatever the sampling. Random numbers
 * come from the request's seed alone, so the same request has the same answer.
 */
export class OnnxLanguageModel implements LanguageModel {
  #last: Promise<unknown> = Promise.resolve();
  readonly #past: readonly OnnxTensorInfo[];

  private constructor(
    readonly name: string,
    private readonly model: OnnxModel,
    readonly tokenizer: RolloutTokenizer,
    private readonly template: ChatTemplate | undefined,
    private readonly config: ModelConfig,
  ) {
    this.#past = [...model.inputs.values()].filter(({ name }) => PAST.test(name));
  }

  /**
   * @param path A folder with model.onnx, or another ONNX file in it; tokenizer.json and config.json (or genai_config.json)
   *   stand beside it, tokenizer_config.json and generation_config.json may.
   * @throws UsageError for files that are missing or broken, and for a model with other inputs or outputs.
   */
  static async open(
    path: string,
    { threads = 1, name }: OnnxLanguageModelOptions = {},
  ): Promise<OnnxLanguageModel> {
    const model = await OnnxModel.open(path, threads);
    try {
      const isKnown = (name: string) => PAST.test(name) || KNOWN.split(", ").includes(name);
      model.checkInputs(isKnown, ["input_ids"], KNOWN);
      const past = [...model.inputs.values()].filter(({ name }) => PAST.test(name));
      for (const output of ["logits", ...past.map(({ name }) => presentOf(name))]) {
        if (model.outputs.has(output)) continue;
        const has = [...model.outputs.keys()].slice(0, 5).join(", ");
        throw new UsageError(model.path, has, `no output is called ${output}`);
      }
      for (const { name, type } of [...past, model.outputs.get("logits")!]) {
        if (type === "float32") continue;
        throw new UsageError(
          model.path,
          `${name}: ${type}`,
          "export it with float32 inputs and outputs",
        );
      }
      const folder = dirname(model.path);
      const opened = new OnnxLanguageModel(
        name ?? basename(folder),
        model,
        RolloutTokenizer.load(folder),
        ChatTemplate.load(folder),
        readModelConfig(folder),
      );
      opened.#emptyCache();
      return opened;
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  complete(request: CompletionRequest): Promise<readonly Completion[]> {
    // One at a time: a cache can take more memory than the weights.
    const answer = this.#last.then(() => this.#complete(request));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Frees its memory. */
  close(): Promise<void> {
    return this.model.close();
  }

  async #complete(request: CompletionRequest): Promise<readonly Completion[]> {
    const { sampling, seed, count = 1 } = request;
    checkSampling(sampling);
    if (request.pattern !== undefined) {
      throw new UsageError("pattern", request.pattern, "answers cannot be forced here");
    }
    if (sampling.temperature > 0 && seed === undefined) {
      throw new UsageError("seed", seed, "give one: sampling takes its random numbers from it");
    }
    const prompt = await this.#place(this.#read(request.prompt));
    const completions: Completion[] = [];
    for (let i = 0; i < count; i++) {
      const purpose = "onnx language model";
      // Greedy decoding draws nothing of it.
      const random = new RandomStream({ seed: (seed ?? 0) + i, purpose });
      completions.push(await this.#continue(prompt, request, random));
    }
    return completions;
  }

  #read(prompt: CompletionRequest["prompt"]): readonly number[] {
    const { tokenizer, template, config: { contextLength } } = this;
    return promptIds(prompt, {
      path: dirname(this.model.path),
      ...{ tokenizer, template, contextLength },
    });
  }

  async #continue(
    prompt: Place,
    { sampling, maxTokens, stop = [], topLogProbabilities }: CompletionRequest,
    random: RandomStream,
  ): Promise<Completion> {
    const room = (this.config.contextLength ?? Infinity) - prompt.ids.length;
    const limit = Math.min(maxTokens, room);
    const tokens: number[] = [], scored: CompletionToken[] = [];
    let place = prompt, text = "", finishReason = "length";
    while (tokens.length < limit) {
      const { logits } = place;
      const token = drawToken(logits, sampling, sampling.temperature > 0 ? random.uniform() : 0);
      tokens.push(token);
      if (topLogProbabilities !== undefined) {
        const name = (id: number) => this.tokenizer.decode([id], { special: true });
        scored.push(scoredToken(logits, token, topLogProbabilities, name));
      }
      if (this.config.endTokens.includes(token)) {
        finishReason = "stop";
        break;
      }
      text = this.tokenizer.decode(tokens);
      const ends = stop.map((end) => text.indexOf(end)).filter((at) => at >= 0);
      if (ends.length > 0) {
        text = text.slice(0, Math.min(...ends));
        finishReason = "stop";
        break;
      }
      if (tokens.length < limit) place = await this.#step(place, [token]);
    }
    return {
      text,
      tokens,
      tokenCount: tokens.length,
      finishReason,
      ...topLogProbabilities === undefined ? {} : { logProbabilities: scored },
    };
  }

  /** The place after a prompt. */
  async #place(ids: readonly number[]): Promise<Place> {
    let place: Place = { logits: new Float32Array(), cache: this.#emptyCache(), ids: [] };
    for (let start = 0; start < ids.length; start += CHUNK) {
      const part = ids.slice(start, this.#past.length > 0 ? start + CHUNK : undefined);
      place = await this.#step(place, part);
      if (this.#past.length === 0) break;
    }
    return place;
  }

  /** The place some tokens further on. Without a cache all tokens are run again. */
  async #step({ cache, ids: before }: Place, next: readonly number[]): Promise<Place> {
    const ids = [...before, ...next];
    const fed = this.#past.length > 0 ? next : ids, first = ids.length - fed.length;
    const { model } = this;
    const feeds: Record<string, Tensor> = { ...cache, input_ids: model.integers(fed) };
    if (model.inputs.has("attention_mask")) {
      feeds.attention_mask = model.integers(ids.map(() => 1));
    }
    if (model.inputs.has("position_ids")) {
      feeds.position_ids = model.integers(fed.map((_, i) => first + i));
    }
    const outputs = ["logits", ...this.#past.map(({ name }) => presentOf(name))];
    const out = await model.run(feeds, outputs);
    const { data, dims } = out.logits!, size = dims.at(-1)!;
    const logits = (data as Float32Array).slice(data.length - size);
    if (logits.some(Number.isNaN)) {
      throw new UsageError(model.path, "NaN", "the model's logits are no numbers");
    }
    const kept = this.#past.map(({ name }) => [name, out[presentOf(name)]!]);
    return {
      logits,
      cache: Object.fromEntries(kept),
      ids,
    };
  }

  /** @throws UsageError where neither the model nor its configuration says the cache's shape. */
  #emptyCache(): Record<string, Tensor> {
    return Object.fromEntries(this.#past.map(({ name, shape }) => {
      const heads = numberOf(shape[1]) ?? this.config.keyValueHeads;
      const size = numberOf(shape[3]) ?? this.config.headSize;
      if (shape.length !== 4 || heads === undefined || size === undefined) {
        const remedy = "its shape [batch, heads, tokens, size] is neither there nor in config.json";
        throw new UsageError(this.model.path, `${name} [${shape}]`, remedy);
      }
      const { Tensor } = this.model.runtime;
      return [name, new Tensor("float32", new Float32Array(), [1, heads, 0, size])];
    }));
  }
}

function presentOf(past: string): string {
  return past.replace("past_key_values", "present");
}

function numberOf(dimension: number | string | undefined): number | undefined {
  return typeof dimension === "number" ? dimension : undefined;
}
