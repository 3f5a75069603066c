import type { Critic, Question } from "../critic/critic.ts";
import { clip01 } from "../numeric/clip01.ts";
import { sum } from "../numeric/sums.ts";
import type { RolloutState } from "../rollouts/state.ts";
import type { Answer, AskedCritic } from "./asked_critic.ts";
import type { StateSet } from "./states.ts";

/** How a critic appears in an evaluation. */
export interface AskOptions extends Omit<AskedCritic, "answer" | "foresight"> {
  /** So many states at least are asked about at once, whole responses; progress is told between. Default 64. */
  readonly batch?: number;
}

/** Any critic of rollouts, as one of an evaluation. */
export function askCritic(critic: Critic<RolloutState>, options: AskOptions): AskedCritic {
  const { batch = 64, ...named } = options;
  return {
    ...named,
    foresight: "nothing",
    async answer(set, progress) {
      const questions = questionsOf(set), answers: Answer[] = [];
      const { states } = set;
      while (answers.length < questions.length) {
        const from = answers.length;
        let to = Math.min(from + batch, questions.length);
        while (to < questions.length && states[to]!.rollout === states[to - 1]!.rollout) to++;
        const key = { seed: 0, purpose: "critic-evaluation", firstRow: from };
        answers.push(...await critic.values(questions.slice(from, to), key));
        progress(answers.length);
      }
      return answers;
    },
  };
}

/**
 * The states as questions. The success rate that In-Context Conditioning states is the record's, or the mean outcome of the
 * responses to all other problems: the problem's own would give the answer away.
 */
export function questionsOf(set: StateSet): Question<RolloutState>[] {
  const { rollouts, states, problems } = set;
  const outcomes = Array.from({ length: problems }, () => [] as number[]);
  for (const { record, problem } of rollouts) outcomes[problem]!.push(record.outcome);
  const total = sum(outcomes.map(sum));
  const rates = outcomes.map((own) => {
    const others = rollouts.length - own.length;
    // The difference is rounded, so that it may lie an ulp outside.
    return others > 0 ? clip01((total - sum(own)) / others) : undefined;
  });
  return states.map((state) => {
    const successRate = state.record.successRate ?? rates[rollouts[state.rollout]!.problem];
    return { state, context: successRate === undefined ? {} : { successRate } };
  });
}
