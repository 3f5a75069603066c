/**
 * What the kit asks of a language model, whether a server answers (`server.ts`), a recording (`recording.ts`) or
 * onnxruntime here: completions of a prompt, and nothing else.
 */

/** How tokens are sampled. Always sent in full: servers fill in defaults of their own, and the policy would be another. */
export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number;
  /** In (0, 1]; 1 for all tokens. */
  readonly topP: number;
  /** 0 for all tokens. */
  readonly topK: number;
  /** In [0, 1); 0 for all tokens. */
  readonly minP: number;
}

/** The model's own distribution, nothing cut off. */
export const FULL_SAMPLING: Sampling = { temperature: 1, topP: 1, topK: 0, minP: 0 };

/** Greedy decoding. */
export const GREEDY: Sampling = { temperature: 0, topP: 1, topK: 0, minP: 0 };

/** One turn of a chat. An assistant's turn that comes last is begun only: the model goes on with it. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** Completions to ask for. */
export interface CompletionRequest {
  /**
   * Text, the exact token ids (decoding and encoding again may move the state), or the turns of a chat, which the server
   * puts into the model's chat template.
   */
  readonly prompt: string | readonly number[] | readonly ChatMessage[];
  readonly sampling: Sampling;
  readonly maxTokens: number;
  /** How many; default: 1. */
  readonly count?: number;
  /** Strings that end a completion; they are not part of its text. */
  readonly stop?: readonly string[];
  /** Ask for the log-probabilities of this many most likely tokens at each position; default: for none. */
  readonly topLogProbabilities?: number;
  /** Seeds the sampler where the server has seeds; completion i of `count` uses seed + i. */
  readonly seed?: number;
  /**
   * Tells equal requests apart in a recording: completion i is sample `sample` + i of this prompt. A recording answers
   * equal requests of equal `sample` alike; default: 0.
   */
  readonly sample?: number;
  /** A regular expression that the completion must match, where the server can force one. */
  readonly pattern?: string;
}

/** A token with its log-probability in nats. */
export interface ScoredToken {
  readonly token: string;
  readonly id?: number;
  readonly logProbability: number;
}

/** A token of a completion, with the most likely ones at its place, the likeliest first. */
export interface CompletionToken extends ScoredToken {
  readonly top: readonly ScoredToken[];
}

/** One completion. */
export interface Completion {
  readonly text: string;
  /** Token ids, where the server gives them. */
  readonly tokens?: readonly number[];
  /** How many tokens were written, the end token included where the server counts it; absent where it does not say. */
  readonly tokenCount?: number;
  /** Why it ended: "stop" at a stop string or the end token, "length" at `maxTokens`; servers have others. */
  readonly finishReason: string;
  /** Where log-probabilities were asked for and given. */
  readonly logProbabilities?: readonly CompletionToken[];
}

/** A language model that completes prompts. */
export interface LanguageModel {
  /** The model's name, as the server calls it. */
  readonly name: string;
  /**
   * Completions of one prompt, `count` of them.
   *
   * @throws UsageError where the server cannot be reached, refuses, or did not do what was asked.
   */
  complete(request: CompletionRequest): Promise<readonly Completion[]>;
}
