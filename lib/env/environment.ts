/**
 * What the kit asks of an environment: states reached by an actor, their exact values, and the text a
 * critic reads and reasons in.
 *
 * An episode starts with a problem, the actor takes a bounded number of steps, and a verifier gives the
 * outcome 0 or 1. The value of a state is the probability of outcome 1 if the actor goes on from there.
 *
 * To add an environment: implement this interface in one file, export an `EnvironmentDefinition`, and
 * list it in `registry.ts`. `permutation.ts` is the example.
 */
import type * as z from "zod";
import type { RandomStream } from "../numeric/random.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** An inclusive range of integers. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

/** Which problems to draw: those a critic may learn from, or those held out. They share none. */
export type Split = "train" | "test";

/** What, besides the state, a critic is told of the actor (In-Context Conditioning). What is left out is not told. */
export interface CriticContext<State = unknown> {
  /** The actor's recent success rate in [0, 1]. */
  readonly successRate?: number;
  /**
   * The actor's latest finished episodes of this problem, the last one last. An environment that has no room for them
   * in its prompt, or for fewer, leaves out the rest, oldest first.
   */
  readonly episodes?: readonly Outcome<State>[];
}

/** Which problems to draw. */
export interface ProblemOptions {
  readonly split: Split;
  /** Problem size in the environment's own unit; default: the configured range. */
  readonly difficulty?: IntegerRange;
}

/** Which states to draw. */
export interface SampleOptions<Actor> extends ProblemOptions {
  /** Who acts. It may differ from state to state. */
  readonly actor: Actor;
}

/** The end of an episode. */
export interface Outcome<State> {
  readonly reward: 0 | 1;
  /** The state in which it ended. */
  readonly state: State;
}

/** The longest sequences that states of some difficulty need, in tokens. */
export interface SequenceLengths {
  /** `criticPrompt`, including the final Q. */
  readonly prompt: number;
  /** `reasoningTrace`, without TH and value token. */
  readonly trace: number;
}

/**
 * An environment. Immutable: every random choice comes from the stream passed in.
 *
 * The sequences of the critics are (++ is concatenation):
 * - one-shot: prompt ++ [V]
 * - chain of thought: prompt ++ [TH] ++ trace ++ [V]
 * - filler control: prompt ++ [TH] ++ one F for each trace token ++ [V]
 *
 * `positionId` gives their position ids: what follows the prompt starts at `traceOffset`, whatever the
 * prompt's length, so that a trace token can keep a constant distance to the symbol it is about.
 */
export interface Environment<State, Actor> {
  /** The name in the registry. */
  readonly name: string;
  /** The configuration with every default filled in, as JSON. */
  readonly config: unknown;
  readonly vocabulary: Vocabulary;
  /** The position id of the first token after Q. No prompt is longer. */
  readonly traceOffset: number;
  /**
   * The longest sequences of states of that difficulty; default: the configured one.
   *
   * @throws UsageError if the environment has no such problems, or a prompt is longer than `traceOffset`.
   */
  maxLengths(difficulty?: IntegerRange): SequenceLengths;
  /** A problem before the actor's first step. */
  initialState(random: RandomStream, options: SampleOptions<Actor>): State;
  /** An undecided state which the actor has reached from an initial one. */
  sampleState(random: RandomStream, options: SampleOptions<Actor>): State;
  /** Lets the actor finish the episode. */
  rollout(random: RandomStream, state: State, actor: Actor): Outcome<State>;
  /** The probability in [0, 1] that the actor finishes with reward 1; exact up to rounding. */
  exactValue(state: State, actor: Actor): number;
  /** How much of the episode's steps are used up, in [0, 1]. */
  progress(state: State): number;
  /** The tokens a critic reads; the last is Q, and Q occurs nowhere else. */
  criticPrompt(state: State, context: CriticContext<State>): number[];
  /** The reasoning an ideal critic writes between TH and the value token. */
  reasoningTrace(state: State): number[];
  /**
   * The trace as labels for the prompt's tokens, for critics that cannot write: entry i is the trace
   * token that can be computed from prompt tokens 0..i, or -1. As long as the prompt.
   */
  promptLabels(state: State): number[];
  /** The state for a human reader, several lines. */
  describe(state: State): string;
  /** For a human reader: what each token of `reasoningTrace` is about (`describeTrace` sets it beside the tokens). */
  traceSubjects(state: State): string[];
}

/** An environment's entry in the registry. */
export interface EnvironmentDefinition<
  State,
  Actor,
  Input,
  Created extends Environment<State, Actor>,
> {
  /** One line for lists and help. */
  readonly title: string;
  /** Validates the configuration and fills in defaults. Every field has a one-line description. */
  readonly config: z.ZodType<unknown, Input>;
  /** Validates an actor from a configuration file. */
  readonly actor: z.ZodType<Actor>;
  /** Two actors of different skill. The contract tests compare the exact values of both with rollouts. */
  readonly examples: readonly [Actor, Actor];
  /** Throws a UsageError if the configuration is not valid. */
  create(config?: Input): Created;
}

/** The position id of token `index` of a sequence whose prompt has `promptLength` tokens. */
export function positionId(index: number, promptLength: number, traceOffset: number): number {
  return index < promptLength ? index : traceOffset + index - promptLength;
}
