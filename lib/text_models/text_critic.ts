import type { Critic, LabelledState, Prediction, Question } from "../critic/critic.ts";
import { valueTarget } from "../critic/value_target.ts";
import type { TextTask } from "../env/text_task.ts";
import type { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import {
  ANSWER_END,
  ANSWER_START,
  answerText,
  MOST,
  parseAnswer,
} from "../llm/critic/parse_answer.ts";
import type { Sequence } from "../nn/batch.ts";
import type { GenerateOptions, SampleKey } from "../nn/generate_options.ts";
import { clip01 } from "../numeric/clip01.ts";
import { softmax } from "../numeric/softmax.ts";
import { sum } from "../numeric/sums.ts";
import { type TextTokenizer, tokensOfBytes } from "./text_tokenizer.ts";

/** How a critic on a pretrained language model answers. */
export interface TextCriticKind {
  /** Name in figures and tables. */
  readonly title: string;
  /** Whether it writes its answer; else a linear head reads it off the last token of the prompt. */
  readonly writes: boolean;
  /** Whether it reasons in words before that. */
  readonly reasons: boolean;
}

/** The kinds by name. */
export const textCriticKinds = {
  chain: { title: "Chain of thought", writes: true, reasons: true },
  "one-shot": { title: "Answer at once", writes: true, reasons: false },
  head: { title: "Value head", writes: false, reasons: false },
} as const satisfies Readonly<Record<string, TextCriticKind>>;

/** The name of a kind. */
export type TextCriticName = keyof typeof textCriticKinds;

/** The heads that a model needs to be a critic of this kind. */
export function criticHeads(
  name: TextCriticName,
): Pick<CausalLanguageModel["config"], "languageHead" | "valueHead"> {
  return textCriticKinds[name].writes
    ? { languageHead: true }
    : { languageHead: false, valueHead: { loss: "squared_error", outputs: 1 } };
}

/** Tokens of a critic's prompt and of what it wrote. */
export interface WrittenAnswer {
  readonly prompt: readonly number[];
  readonly tokens: readonly number[];
  /** What it wrote. */
  readonly text: string;
  /** In [0, 1]; null where it cannot be parsed. */
  readonly value: number | null;
}

/** A prediction of a critic that may have written it. */
export interface TextPrediction extends Prediction {
  /** What was written before the answer; left out by a critic that writes none, and where there is no answer. */
  readonly reasoning?: string;
}

/** How a text critic is made and asked. */
export interface TextCriticOptions {
  /** Most tokens that it writes. */
  readonly maxTokens: number;
  /** Whether answers are read as the mean over the eleven integers, too: two more passes. Default: no. */
  readonly expectation?: boolean;
  /** Weight in training of the answer's digits against all other tokens. Default 1. */
  readonly answerWeight?: number;
}

/**
 * A critic that is a pretrained language model with adapters: it reads a text task's states as text.
 *
 * @example Trained on two states, on a tiny model with random weights
 * ```ts
 * import assert from "node:assert/strict";
 * import {
 *   adamW,
 *   ByteTokenizer,
 *   byteWeights,
 *   CausalLanguageModel,
 *   createEnvironment,
 *   criticHeads,
 *   TextCritic,
 *   WasmEngine,
 * } from "genac";
 *
 * const engine = await WasmEngine.create();
 * const task = createEnvironment("running-sum");
 * const model = new CausalLanguageModel(byteWeights(engine, "float32"), {
 *   ...{ maxLength: 256, lora: { rank: 16, alpha: 32 } },
 *   ...criticHeads("one-shot"),
 * }).initialize(1);
 * const critic = new TextCritic("one-shot", model, new ByteTokenizer(), task, { maxTokens: 30 });
 * const labelled = [[0], [1]].map((written) => {
 *   const state = task.state(7, [3, 6], written);
 *   return { state, context: {}, value: task.exactValue(state, { epsilon: 0.5 }) };
 * });
 * const sequences = labelled.map((one) => critic.encode(one));
 * for (let i = 0; i < 60; i++) await model.train(sequences, 60, adamW(1e-2, 60));
 * const answers = await critic.values(labelled);
 * assert.deepEqual(answers.map(({ value }) => value), [1, 0]);
 * engine.close();
 * ```
 */
export class TextCritic<State> implements Critic<State> {
  constructor(
    readonly name: TextCriticName,
    readonly model: CausalLanguageModel,
    readonly tokenizer: TextTokenizer,
    readonly task: TextTask<State, unknown>,
    readonly options: TextCriticOptions,
  ) {}

  get kind(): TextCriticKind {
    return textCriticKinds[this.name];
  }

  /** The tokens that it reads. */
  prompt({ state, context }: Question<State>): number[] {
    return this.tokenizer.encode(this.task.criticPromptText(state, context));
  }

  /** What it shall write about a state of this value. */
  response({ state, context, value }: LabelledState<State>): string {
    const chain = this.kind.reasons ? this.task.traceText(state, context) : "";
    return `${chain} ${answerText(valueTarget(value))}`;
  }

  /** The training sequence of a labelled state. Throws a UsageError for a value outside of 0..1. */
  encode(labelled: LabelledState<State>): Sequence {
    const prompt = this.prompt(labelled);
    if (!this.kind.writes) {
      const last = prompt.map((_, i) => i === prompt.length - 1 ? 1 : 0);
      const value = valueTarget(labelled.value);
      return { tokens: prompt, valueTargets: last.map((x) => x * value), valueWeights: last };
    }
    const text = this.response(labelled), response = this.tokenizer.encode(text);
    const { answerWeight = 1 } = this.options;
    const digits = text.lastIndexOf(ANSWER_START) + ANSWER_START.length;
    const first = tokensOfBytes(this.tokenizer, response, digits);
    const end = tokensOfBytes(this.tokenizer, response, text.length - ANSWER_END.length);
    const weights = response.map((_, i) =>
      first !== undefined && end !== undefined && i >= first && i < end ? answerWeight : 1
    );
    return responseSequence(prompt, response, weights);
  }

  /** Greedy answers, in the order of the questions. A parse failure is null. */
  async values(questions: readonly Question<State>[]): Promise<TextPrediction[]> {
    if (questions.length === 0) return [];
    if (!this.kind.writes) return await this.#readHead(questions);
    const written = await this.write(questions, { count: 1, temperature: 0, key: GREEDY });
    const answers = written.flat();
    const expectations = this.options.expectation ? await this.#expectations(answers) : [];
    return answers.map(({ text, tokens, value }, i) => {
      const parsed = parseAnswer(text, false);
      return {
        value,
        expectation: expectations[i] ?? null,
        responses: [tokens],
        ...parsed && { reasoning: parsed.before.slice(0, -ANSWER_START.length).trimEnd() },
      };
    });
  }

  /** `count` answers to each question. Answer k to question i draws from row firstRow + i * count + k. */
  async write(
    questions: readonly Question<State>[],
    { count, temperature, key: { seed, purpose, firstRow } }: {
      readonly count: number;
      readonly temperature: number;
      readonly key: SampleKey;
    },
  ): Promise<WrittenAnswer[][]> {
    const prompts = questions.flatMap((question, i) => {
      const tokens = this.prompt(question);
      return Array.from({ length: count }, (_, k) => ({ tokens, row: firstRow + i * count + k }));
    });
    const options: GenerateOptions = {
      maxTokens: this.options.maxTokens,
      temperature,
      stop: [],
      seed,
      purpose,
    };
    const responses = await this.model.generate(prompts, {
      ...options,
      stopTexts: [ANSWER_END],
      tokenBytes: this.tokenizer.tokenBytes,
    });
    const written = responses.map((tokens, j): WrittenAnswer => {
      const text = this.tokenizer.decode(tokens);
      const value = parseAnswer(text, false)?.value ?? null;
      return { prompt: prompts[j]!.tokens, tokens, text, value };
    });
    return questions.map((_, i) => written.slice(i * count, (i + 1) * count));
  }

  async #readHead(questions: readonly Question<State>[]): Promise<TextPrediction[]> {
    const sequences = questions.map((question) => ({ tokens: this.prompt(question) }));
    const rows = sequences.map(({ tokens }, sequence) => ({ sequence, token: tokens.length - 1 }));
    const { values } = await this.model.forward(sequences, rows, ["values"]);
    return Array.from(values, (value) => ({ value: clip01(value), expectation: null }));
  }

  /**
   * For each answer the mean over 0 to 10, by what the model gives to each at the place where it wrote its own: the digits'
   * probabilities there, and after a 1 those of a 0 and of the end. Null where there is no answer.
   */
  async #expectations(answers: readonly WrittenAnswer[]): Promise<(number | null)[]> {
    const { tokenizer } = this;
    const single = (text: string) => tokenizer.encode(text)[0]!;
    const digits = Array.from({ length: MOST }, (_, digit) => single(String(digit)));
    const begun = answers.map(({ prompt, text, tokens }) => {
      const parsed = parseAnswer(text, false);
      if (!parsed) return undefined;
      const bytes = new TextEncoder().encode(parsed.before).length;
      const count = tokensOfBytes(tokenizer, tokens, bytes);
      return count === undefined ? undefined : [...prompt, ...tokens.slice(0, count)];
    });
    const known = begun.flatMap((tokens) => tokens ? [tokens] : []);
    if (known.length === 0) return answers.map(() => null);
    const one = digits[1]!, zero = digits[0]!, end = single(ANSWER_END);
    const first = await this.#nextTokens(known);
    const second = await this.#nextTokens(known.map((tokens) => [...tokens, one]));
    let at = 0;
    return begun.map((tokens) => {
      if (!tokens) return null;
      const next = first[at]!, afterOne = second[at++]!;
      const p = digits.map((digit) => next[digit]!);
      p.push(p[1]! * afterOne[zero]!);
      p[1]! *= afterOne[end]!;
      return sum(p.map((x, answer) => x * answer)) / sum(p) / MOST;
    });
  }

  /** The probabilities of the tokens after each text. */
  async #nextTokens(texts: readonly (readonly number[])[]): Promise<ArrayLike<number>[]> {
    const sequences = texts.map((tokens) => ({ tokens }));
    const rows = sequences.map(({ tokens }, sequence) => ({ sequence, token: tokens.length - 1 }));
    const { logits } = await this.model.forward(sequences, rows, ["logits"]);
    const classes = logits.length / texts.length;
    return texts.map((_, i) => softmax(logits.subarray(i * classes, (i + 1) * classes)));
  }
}

/** Nothing is drawn. */
const GREEDY: SampleKey = { seed: 0, purpose: "text-critic/greedy", firstRow: 0 };

/** A prompt and a response of which each token has this weight. */
export function responseSequence(
  prompt: readonly number[],
  response: readonly number[],
  weights: readonly number[],
): Sequence {
  const before = new Array<number>(prompt.length - 1).fill(0);
  return {
    // The last token is predicted and not read.
    tokens: [...prompt, ...response.slice(0, -1)],
    targets: [...before, ...response],
    weights: [...before, ...weights],
  };
}
