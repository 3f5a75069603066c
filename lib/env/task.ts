import type * as z from "zod";
import type { RandomStream } from "../numeric/random.ts";
import type { CriticContext, Environment, ProblemOptions } from "./environment.ts";

/** Whether an environment is one for actors that are language models. */
export function isTask<State, Actor>(
  environment: Environment<State, Actor>,
): environment is TaskEnvironment<State, Actor> {
  return "actorPrompt" in environment;
}

/**
 * What reinforcement learning asks of an environment besides `Environment`: that a language model can be its actor. It
 * reads `actorPrompt`, writes one action token a step, and the verifier judges what it has written.
 *
 *     actorPrompt(s_0) ++ [a_0] = actorPrompt(s_1),   s_(t+1) = act(s_t, a_t),   until stepsLeft(s_T) = 0
 *
 * The horizon is finite and part of the state: the prompt says how long the response will be. A token that is none of
 * `actionTokens` ends the response with reward 0: it cannot be parsed.
 *
 * `Teacher` describes who wrote the demonstrations. `sat.ts` is the example of a task; the contract is held by
 * `task_test.ts`, for every task of the registry.
 */
export interface TaskEnvironment<State, Actor, Teacher = unknown>
  extends Environment<State, Actor> {
  /** The ids of the tokens of `vocabulary` which an actor may write, the same in every state. */
  readonly actionTokens: readonly number[];
  /** The longest prompt and response of an actor together, in tokens, at the configured difficulty. */
  readonly maxActorLength: number;
  /** Validates a teacher from a configuration file. Unknown fields are errors. */
  readonly teacher: z.ZodType<Teacher>;
  /**
   * The programmatic actor that makes no mistake: reward 1 on every problem. Not the best reply to a mistake made
   * before: it goes on as if there were none. Process rewards are differences of `exactValue(state, expert)`.
   */
  readonly expert: Actor;
  /** The teacher that makes no mistake. */
  readonly expertTeacher: Teacher;
  /**
   * What the actor reads: the prompt, which does not change during an episode, then one token for each action so far.
   *
   * @param context As of a critic's prompt; default: none.
   */
  actorPrompt(state: State, context?: CriticContext<State>): number[];
  /**
   * The position id of token `index` of `actorPrompt`, and of the tokens after it: rising with the index, the same in
   * every state of an episode, and below `positionCount`.
   */
  actorPosition(index: number, state: State): number;
  /** How many tokens the response will have from here; 0 where it is complete. */
  stepsLeft(state: State): number;
  /** What token `index` (from 0) of a response sets, for a human reader, e.g. "g3". */
  responseSubject(index: number): string;
  /** The state after one more token. Throws a RangeError if it is no action token, or the response is complete. */
  act(state: State, token: number): State;
  /** The outcome of a complete response. Throws a RangeError if it is not complete. */
  verify(state: State): 0 | 1;
  /** A problem before the actor's first token. Errors as in `initialState`. */
  problem(random: RandomStream, options: ProblemOptions): State;
  /**
   * The rest of a response as a teacher would write it, `stepsLeft(state)` action tokens: what supervised fine-tuning of
   * the actor learns from.
   */
  demonstration(random: RandomStream, state: State, teacher: Teacher): number[];
  /**
   * A chain of thought about `state` (`reasoningTrace`) by one who knows what the teacher knows and no more: where the
   * teacher is unsure, so is the trace. Equal to `reasoningTrace` where the trace needs only the rules.
   */
  teacherTrace(random: RandomStream, state: State, teacher: Teacher): number[];
}
