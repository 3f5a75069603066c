import { z } from "zod";
import type { Critic, Prediction, Question } from "../../critic/critic.ts";
import { UsageError } from "../../errors.ts";
import type { SampleKey } from "../../nn/generate_options.ts";
import { RandomStream } from "../../numeric/random.ts";
import { mean, sum } from "../../numeric/sums.ts";
import { parseConfig } from "../../parse_config.ts";
import type { RolloutState } from "../../rollouts/state.ts";
import type { Completion, LanguageModel, Sampling } from "../language_model.ts";
import { type AnswerDistribution, answerDistribution } from "./answer_distribution.ts";
import { ANSWER_END, ANSWER_START, parseAnswer } from "./parse_answer.ts";
import { begunPrompt, type CriticExample, type CriticPrompt, criticPrompt } from "./prompt.ts";
import type { StateTokenizer } from "./state_text.ts";

/** How a language model is asked for values. */
export const llmCriticConfig = z.strictObject({
  conditioning: z.boolean().default(true).describe(
    "In-Context Conditioning: the prompt says who acts, its success rate, its tokens.",
  ),
  reasoning: z.boolean().default(true).describe(
    "A chain of thought comes before the answer, as in the paper; else the answer at once.",
  ),
  chat: z.boolean().default(true).describe(
    "Ask in the model's chat template; else the prompt's text as it is.",
  ),
  samples: z.int().min(1).max(1024).default(1).describe("Responses whose values are averaged."),
  temperature: z.number().min(0).max(100).default(0).describe("0 is greedy."),
  topP: z.number().gt(0).max(1).default(1).describe("Nucleus sampling; 1 for all tokens."),
  topK: z.int().min(0).default(0).describe("Top-k sampling; 0 for all tokens."),
  minP: z.number().min(0).lt(1).default(0).describe("Min-p sampling; 0 for all tokens."),
  maxTokens: z.int().min(1).default(1024).describe("Most tokens of a response; the paper's 1024."),
  force: z.boolean().default(false).describe(
    "Where a response has no answer, begin one after it and have the server force an integer from 0 to 10.",
  ),
  expectation: z.boolean().default(true).describe(
    "Read the probabilities of the eleven answers, too: up to two requests more a response.",
  ),
});

/** See `llmCriticConfig`. */
export type LlmCriticConfig = z.input<typeof llmCriticConfig>;

/** What a critic needs beside its configuration. */
export interface LlmCriticExtras {
  /** Worked examples, shown in this order; default: none. */
  readonly examples?: readonly CriticExample[];
  /** The actor's, for states and lengths that are counted in tokens. */
  readonly tokenizer?: StateTokenizer;
  /** Default: the model's name. */
  readonly name?: string;
}

/** One response of a critic that is a language model. */
export interface LlmResponse {
  /** All that it wrote, the forced answer included; its end tag is put back where the server had cut it. */
  readonly text: string;
  /** In [0, 1]; null for a parse failure. */
  readonly value: number | null;
  /** Whether the answer had to be forced: by itself the response was a parse failure. */
  readonly isForced: boolean;
  /** Of the answers 0 to 10 at the place of its answer, in [0, 1]; null where it was not asked for or could not be had. */
  readonly expectation: number | null;
  /** The probability of an answer from 0 to 10 there; null as `expectation`. */
  readonly mass: number | null;
}

/** The answer of a critic that is a language model. */
export interface LlmPrediction extends Prediction {
  /** As many as `samples`. `value` and `expectation` are means over those that have one. */
  readonly written: readonly LlmResponse[];
  /** How many of them are parse failures by themselves, forced or not. */
  readonly parseFailures: number;
  /** Mean `mass` of those responses that have one; null for none. */
  readonly mass: number | null;
  /** Tokens written for this answer, those of the readings included; null where the server does not say. */
  readonly tokensWritten: number | null;
}

const DEFAULT_KEY: SampleKey = { seed: 0, purpose: "llm critic", firstRow: 0 };
/** Questions that wait for an answer at a time; how many requests really run is the language model's affair. */
const IN_FLIGHT = 64;
/** The longest forced answer is `10</answer>`. */
const FORCED = { pattern: "(10|[0-9])</answer>", maxTokens: 12 };
/** The same, not forced. */
const AT_ONCE_TOKENS = 12;

/**
 * A critic that is a language model: asked by the paper's prompt for an integer from 0 to 10 (prompt.ts).
 *
 * @example The value of a state, by a model that always says 7; `openServer` asks a real one
 * ```ts
 * import assert from "node:assert/strict";
 * import { LlmCritic } from "genac";
 *
 * const completions = [{ text: "It is right so far. <answer>7", finishReason: "stop" }];
 * const model = { name: "seven", complete: () => Promise.resolve(completions) };
 * const record = {
 *   ...{ group: "sum-1", prompt: { text: "3 + 4?" }, response: { text: "3 + 4 = 7" }, outcome: 1 },
 *   ...{ actor: "actor-1", successRate: 0.41 },
 * };
 * const critic = new LlmCritic(model, { conditioning: true });
 * const state = { record, at: 6, unit: "char" } as const; // after "3 + 4 "
 * const [answer] = await critic.values([{ state, context: {} }]);
 * assert.equal(answer!.value, 0.7);
 * ```
 */
export class LlmCritic implements Critic<RolloutState> {
  readonly config: z.output<typeof llmCriticConfig>;
  readonly name: string;
  readonly #sampling: Sampling;

  /** @throws UsageError that names a bad field. */
  constructor(
    readonly model: LanguageModel,
    config: LlmCriticConfig = {},
    private readonly extras: LlmCriticExtras = {},
  ) {
    this.config = parseConfig(llmCriticConfig, config, "critic");
    const { samples, temperature, topP, topK, minP } = this.config;
    if (samples > 1 && temperature === 0) {
      throw new UsageError(
        "critic.samples",
        samples,
        "greedy responses are all alike: give a temperature above 0",
      );
    }
    this.#sampling = { temperature, topP, topK, minP };
    this.name = extras.name ?? model.name;
  }

  /** The prompt of a question, for a reader. */
  prompt(question: Question<RolloutState>): CriticPrompt {
    const { conditioning, reasoning, chat } = this.config;
    const { examples = [], tokenizer } = this.extras;
    return criticPrompt(question, { conditioning, reasoning, chat, examples, tokenizer });
  }

  /**
   * Answers, in the order of the questions. Question i's seed comes from row `key.firstRow` + i, where responses are sampled.
   *
   * @throws UsageError as the language model does; for states that cannot be written as text (state_text.ts), and for an
   *   example of a problem that is asked about.
   */
  async values(
    questions: readonly Question<RolloutState>[],
    { seed, purpose, firstRow }: SampleKey = DEFAULT_KEY,
  ): Promise<LlmPrediction[]> {
    this.#checkExamples(questions);
    return await inOrder(questions, IN_FLIGHT, (question, i) => {
      const stream = new RandomStream({ seed, purpose, row: firstRow + i });
      // Servers want a signed 32-bit number, and count upwards from it.
      return this.#answer(question, stream.integer(2 ** 31 - 2 * this.config.samples));
    });
  }

  /** An example of the problem itself would tell what is asked. */
  #checkExamples(questions: readonly Question<RolloutState>[]): void {
    const shown = new Set(this.extras.examples?.map(({ question }) => question.state.record.group));
    const told = questions.find(({ state }) => shown.has(state.record.group));
    if (told === undefined) return;
    const remedy =
      "an example is of a problem that is asked about: take examples from other problems";
    throw new UsageError("examples", told.state.record.group, remedy);
  }

  async #answer(question: Question<RolloutState>, seed: number): Promise<LlmPrediction> {
    const prompt = this.prompt(question);
    const completions = await this.#respond(prompt, seed);
    const asked: Completion[] = [...completions];
    // Responses with equal words before the answer share their reading.
    const readings = new Map<string, Promise<AnswerDistribution | null>>();
    const reading = (before: string) => {
      const known = readings.get(before);
      if (known) return known;
      const begun = (answer: string) => begunPrompt(prompt, before + answer);
      const started = answerDistribution(this.model, begun).then((distribution) => {
        asked.push(...distribution?.completions ?? []);
        return distribution;
      });
      readings.set(before, started);
      return started;
    };
    const written = await Promise.all(completions.map(async (completion, i) => {
      const parsed = await this.#parse(prompt, completion, seed, i);
      asked.push(...parsed.forced);
      const { text, value, isForced, before } = parsed;
      const read = this.config.expectation && before !== null ? await reading(before) : null;
      const expectation = read?.expectation ?? null, mass = read?.mass ?? null;
      return { text, value, isForced, expectation, mass };
    }));
    const meanOf = (field: "value" | "expectation" | "mass") => {
      const known = written.flatMap((response) => response[field] ?? []);
      return known.length > 0 ? mean(known) : null;
    };
    const counts = asked.flatMap(({ tokenCount }) => tokenCount ?? []);
    const ids = completions.flatMap(({ tokens }) => tokens ? [tokens] : []);
    return {
      value: meanOf("value"),
      expectation: meanOf("expectation"),
      ...ids.length === completions.length ? { responses: ids } : {},
      written,
      parseFailures: written.filter(({ value, isForced }) => isForced || value === null).length,
      mass: meanOf("mass"),
      tokensWritten: counts.length === asked.length ? sum(counts) : null,
    };
  }

  /** What the critic writes by itself. */
  #respond(prompt: CriticPrompt, seed: number): Promise<readonly Completion[]> {
    const { reasoning, maxTokens, samples } = this.config;
    return this.model.complete({
      prompt: begunPrompt(prompt, reasoning ? "" : ANSWER_START),
      sampling: this.#sampling,
      maxTokens: reasoning ? maxTokens : Math.min(maxTokens, AT_ONCE_TOKENS),
      stop: [ANSWER_END],
      count: samples,
      ...this.#seeded(seed),
    });
  }

  /** The value of a response: parsed, else forced; and what stands before its answer, null for no answer. */
  async #parse(prompt: CriticPrompt, completion: Completion, seed: number, sample: number) {
    const { reasoning, force, samples } = this.config;
    const text = `${reasoning ? "" : ANSWER_START}${completion.text}`;
    const isStopped = completion.finishReason === "stop";
    const parsed = parseAnswer(text, isStopped);
    if (parsed !== null) {
      return { ...parsed, text: ended(text), isForced: false, forced: [] };
    }
    // An answer that was begun for the critic has its distribution, whatever became of it.
    const begun = reasoning ? `${text.trimEnd()}\n${ANSWER_START}`.trimStart() : ANSWER_START;
    if (!force) {
      return { text, value: null, isForced: false, before: reasoning ? null : begun, forced: [] };
    }
    const [forced] = await this.model.complete({
      prompt: begunPrompt(prompt, begun),
      sampling: this.#sampling,
      ...FORCED,
      sample,
      ...this.#seeded(seed + samples + sample),
    });
    const answer = forced!.text, isEnded = forced!.finishReason === "stop";
    const value = parseAnswer(ANSWER_START + answer, isEnded)?.value ?? null;
    return { text: begun + answer, value, isForced: true, before: begun, forced: [forced!] };
  }

  #seeded(seed: number): { seed?: number } {
    return this.#sampling.temperature > 0 ? { seed } : {};
  }
}

/** The text with its end tag. */
function ended(text: string): string {
  return text.includes(ANSWER_END) ? text : text + ANSWER_END;
}

/**
 * What `answer` gives for each item, in their order, with at most `limit` at work at a time. After a failure no other is
 * begun.
 */
async function inOrder<T, R>(
  items: readonly T[],
  limit: number,
  answer: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const answers = new Array<R>(items.length);
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const index = next++;
      try {
        answers[index] = await answer(items[index]!, index);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  return answers;
}
