import { textOutcome, type TextTask } from "../env/text_task.ts";
import type { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import type { Sequence } from "../nn/batch.ts";
import type { SampleKey } from "../nn/generate_options.ts";
import { responseSequence } from "./text_critic.ts";
import { type TextTokenizer, tokensOfBytes } from "./text_tokenizer.ts";

/** A step of a response: what a critic is asked about, and the tokens that then followed. */
export interface TextStep<State> {
  /** Before the step. */
  readonly state: State;
  /** The step's first token, counted from the response's. */
  readonly firstToken: number;
}

/** A response to a problem. */
export interface TextResponse<State> {
  readonly problem: State;
  readonly prompt: readonly number[];
  /** At least one. */
  readonly tokens: readonly number[];
  readonly text: string;
  readonly reward: 0 | 1;
  /** At least one; what cannot be read as a step belongs to the last. */
  readonly steps: readonly TextStep<State>[];
}

/** An actor that is a pretrained language model with adapters: it writes the responses to a text task's problems. */
export class TextActor<State> {
  /** @param maxTokens Most tokens of a response. */
  constructor(
    readonly model: CausalLanguageModel,
    readonly tokenizer: TextTokenizer,
    readonly task: TextTask<State, unknown>,
    readonly maxTokens: number,
  ) {}

  /** What it learns from a whole response, as another wrote it. */
  demonstration(end: State): Sequence {
    const { task, tokenizer } = this;
    const prompt = tokenizer.encode(task.actorPromptText(end));
    const response = tokenizer.encode(task.responseText(end) + task.responseStop);
    return responseSequence(prompt, response, response.map(() => 1));
  }

  /** Responses to problems (states before the first step). Response i draws from row firstRow + i. Default: temperature 1. */
  async sample(
    problems: readonly State[],
    { seed, purpose, firstRow }: SampleKey,
    temperature = 1,
  ): Promise<TextResponse<State>[]> {
    const { maxTokens, model, task, tokenizer } = this;
    const prompts = problems.map((problem, i) => ({
      tokens: tokenizer.encode(task.actorPromptText(problem)),
      row: firstRow + i,
    }));
    const responses = await model.generate(prompts, {
      ...{ maxTokens, temperature, seed, purpose },
      stop: model.config.architecture.eosTokenIds,
      stopTexts: [task.responseStop],
      tokenBytes: tokenizer.tokenBytes,
    });
    return responses.map((tokens, i) => this.#read(problems[i]!, prompts[i]!.tokens, tokens));
  }

  /** log pi of each token of each response, in nats. */
  async logProbabilities(responses: readonly TextResponse<State>[]): Promise<number[][]> {
    const sequences = responses.map(({ prompt, tokens }) =>
      responseSequence(prompt, tokens, tokens.map(() => 1))
    );
    const rows = responses.flatMap(({ prompt, tokens }, sequence) =>
      tokens.map((_, t) => ({ sequence, token: prompt.length - 1 + t }))
    );
    const { logProbs } = await this.model.forward(sequences, rows, ["logProbs"]);
    let at = 0;
    // The second of each two is the entropy.
    return responses.map(({ tokens }) => tokens.map(() => logProbs[2 * at++]!));
  }

  #read(problem: State, prompt: readonly number[], tokens: readonly number[]): TextResponse<State> {
    const { task, tokenizer } = this;
    const all = tokenizer.decode(tokens), stop = all.indexOf(task.responseStop);
    const text = stop < 0 ? all : all.slice(0, stop);
    return {
      problem,
      prompt,
      tokens,
      text,
      reward: textOutcome(task, problem, text),
      steps: this.#steps(problem, text, tokens),
    };
  }

  /** The states along a response, as far as it is made of steps. */
  #steps(problem: State, text: string, tokens: readonly number[]): TextStep<State>[] {
    const { task, tokenizer } = this;
    const steps: TextStep<State>[] = [{ state: problem, firstToken: 0 }];
    for (const { index } of text.matchAll(/(?<=\S)(?=\s|$)/g)) {
      const state = task.parseResponse(problem, text.slice(0, index));
      if (state === undefined || task.stepsLeft(state) === 0) break;
      const bytes = new TextEncoder().encode(text.slice(0, index)).length;
      const firstToken = tokensOfBytes(tokenizer, tokens, bytes);
      if (firstToken === undefined || firstToken >= tokens.length) break;
      steps.push({ state, firstToken });
    }
    return steps;
  }
}
