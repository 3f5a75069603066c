/**
 * The contract of an environment. A new one (checklist: lib/README.md) is a file that implements `Environment` and exports
 * an `EnvironmentDefinition`, and its line in `registry.ts`: `environments_test.ts` then holds it to the contract.
 * `local_check.ts` is the example in one file; `problems.ts` has what environments share.
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

/** What a critic reads about the actor besides the state (In-Context Conditioning). All of it may be left out. */
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
 * An environment: states reached by an actor, their exact values, and the text in which a critic reads and reasons.
 *
 * An episode starts with a problem, the actor takes a bounded number of steps, and a verifier gives the outcome 0 or 1.
 * The value of a state is the probability of outcome 1 if the actor goes on from there.
 *
 * Environments and states are immutable and states are JSON. Every random choice comes from the stream passed in, and
 * what is drawn depends on nothing else: results are pinned bit by bit.
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
  /** The tokens of prompts and traces, ids 0..size-1. */
  readonly vocabulary: Vocabulary;
  /** The position id of the first token after Q. No prompt is longer. */
  readonly traceOffset: number;
  /**
   * The longest sequences of states of that difficulty; default: the configured one.
   *
   * @throws UsageError if the environment has no such problems, or a prompt is longer than `traceOffset`.
   */
  maxLengths(difficulty?: IntegerRange): SequenceLengths;
  /**
   * A problem before the actor's first step.
   *
   * @throws UsageError for a difficulty that `maxLengths` refuses, and where the split has no problem.
   */
  initialState(random: RandomStream, options: SampleOptions<Actor>): State;
  /** An undecided state which the actor has reached from an initial one. Errors as `initialState`. */
  sampleState(random: RandomStream, options: SampleOptions<Actor>): State;
  /** Lets the actor finish the episode. One that has ended stays as it is. */
  rollout(random: RandomStream, state: State, actor: Actor): Outcome<State>;
  /** The probability in [0, 1] that the actor finishes with reward 1; exact up to rounding. */
  exactValue(state: State, actor: Actor): number;
  /** How much of the episode's steps are used up, in [0, 1]; 0 for initial states. */
  progress(state: State): number;
  /**
   * The tokens a critic reads. The last is Q, and Q occurs nowhere else. Exactly one is the success rate's
   * (`Vocabulary.rateToken`), and none is a token of a response (PAD, TH, F, values).
   */
  criticPrompt(state: State, context: CriticContext<State>): number[];
  /** The reasoning an ideal critic writes between TH and the value token: tokens of the environment's own. */
  reasoningTrace(state: State): number[];
  /**
   * The trace as labels for the prompt's tokens, for critics that cannot write: entry i is the trace token that can be
   * computed from prompt tokens 0..i, or -1. As long as the prompt; without the -1 it is the trace.
   */
  promptLabels(state: State): number[];
  /** The state for a human reader, several lines. */
  describe(state: State): string;
  /** What each token of `reasoningTrace` is about, for a human reader: `describeTrace` sets it beside the tokens. */
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
  /** Validates the configuration, a strict object, and fills in defaults. Every field has a one-line description. */
  readonly config: z.ZodType<unknown, Input>;
  /** Validates an actor, a strict object, from a configuration file. Every field has a one-line description. */
  readonly actor: z.ZodType<Actor>;
  /** Two actors of different skill. The contract tests compare the exact values of both with rollouts. */
  readonly examples: readonly [Actor, Actor];
  /** Throws a UsageError if the configuration is not valid. */
  create(config?: Input): Created;
}

/** How many position ids a transformer needs: prompts, and traces at most as long, with some room for what frames them. */
export function positionCount(traceOffset: number): number {
  return 2 * traceOffset + 8;
}

/** The position id of token `index` of a sequence whose prompt has `promptLength` tokens: below `positionCount`. */
export function positionId(index: number, promptLength: number, traceOffset: number): number {
  return index < promptLength ? index : traceOffset + index - promptLength;
}
