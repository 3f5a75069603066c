import type { CriticContext } from "./environment.ts";
import type { TaskEnvironment } from "./task.ts";

/** Whether a task can be put into words for a pretrained language model. */
export function isTextTask<State, Actor, Teacher>(
  task: TaskEnvironment<State, Actor, Teacher>,
): task is TextTask<State, Actor, Teacher> {
  return "actorPromptText" in task;
}

/**
 * A task whose states can be put into words, so that a pretrained language model can be its actor and its critic. The text of
 * an episode is `actorPromptText` ++ `responseText` (++ is concatenation); each step adds to its end and changes nothing
 * before it. What a model writes is read strictly: what is not the one way to write a step is no step.
 *
 * A critic reads `criticPromptText` and answers at once, or writes `traceText` first. The answer is the paper's,
 * `<answer>0</answer>` to `<answer>10</answer>` (`lib/llm/critic/parse_answer.ts`).
 *
 * `running_sum.ts` is the example; `text_task_test.ts` holds every registered one to the contract.
 */
export interface TextTask<State, Actor, Teacher = unknown>
  extends TaskEnvironment<State, Actor, Teacher> {
  /** What an actor reads; the same in every state of an episode. */
  actorPromptText(state: State): string;
  /** The steps of the response so far; "" at the beginning. */
  responseText(state: State): string;
  /** Ends a response; no step has it. */
  readonly responseStop: string;
  /**
   * The state after the steps of a response, or undefined if it is not made of whole steps of this problem, as it may be if
   * a model wrote it: reward 0. Space around steps does not matter.
   *
   * @param problem A state before the first step.
   * @param text Up to `responseStop`, which it has not.
   */
  parseResponse(problem: State, text: string): State | undefined;
  /**
   * What a critic reads: where it is given, the actor's success rate in percent (In-Context Conditioning), then the episode's
   * text, then a cue.
   */
  criticPromptText(state: State, context?: CriticContext<State>): string;
  /**
   * The reasoning that an ideal critic writes after its prompt, up to the answer. It says the success rate once more, if
   * there is one, right before the answer, where that is needed. Begins with a space and ends without one.
   */
  traceText(state: State, context?: CriticContext<State>): string;
  /** What is easily told of a state by a program, for a regression to set beside critics; the same length in all states. */
  features(state: State): number[];
}

/**
 * The outcome of a response as a language model wrote it: 1 if it is whole and right, else 0.
 *
 * @param problem A state before the first step.
 * @param text Up to `responseStop`, which it has not.
 */
export function textOutcome<State, Actor, Teacher>(
  task: TextTask<State, Actor, Teacher>,
  problem: State,
  text: string,
): 0 | 1 {
  const end = task.parseResponse(problem, text);
  return end !== undefined && task.stepsLeft(end) === 0 ? task.verify(end) : 0;
}

/** The success rate of a context as critics read and write it, in percent, e.g. "45". */
export function ratePercent(rate: number): string {
  return String(Math.floor(100 * rate + 0.5));
}

/** What a critic reads of an episode's text. */
export function criticPromptOf(episode: string, { successRate }: CriticContext): string {
  const rate = successRate === undefined ? "" : `Success rate: ${ratePercent(successRate)}%\n`;
  return `${rate}${episode}\nCritic:`;
}

/** The steps of a response in words. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
