import type { Critic } from "../critic/critic.ts";
import type { TaskEnvironment } from "../env/task.ts";
import { UsageError } from "../errors.ts";
import { RandomStream } from "../numeric/random.ts";
import { mean } from "../numeric/sums.ts";
import type { RolloutRecord } from "../rollouts/record.ts";
import type { RolloutState } from "../rollouts/state.ts";

/** As many continuations as a file of rollouts can hold: what stands beside an exact value, which has no noise. */
export const EXACT_CONTINUATIONS = 2 ** 31 - 1;

/** Which rollouts to make. */
export interface KitRolloutOptions<Actor> {
  /** Who acts. */
  readonly actor: Actor;
  /** Its name in the records; default "programmatic". */
  readonly actorName?: string;
  readonly seed: number;
  /** Held-out problems. */
  readonly problems: number;
  /** Responses to each. */
  readonly responses: number;
  /** The values of the states: from so many continuations, or exact; default "exact". */
  readonly continuations?: number | "exact";
}

/** Rollouts of one of the kit's tasks in the form in which every language model's come, and the way back to its states. */
export interface KitRollouts<State> {
  /** Prompt and response are token ids of the task's vocabulary, with the text of both; a probe at every token. */
  readonly records: readonly RolloutRecord[];
  /**
   * The task's state.
   *
   * @throws UsageError for a state of another file.
   */
  stateOf(state: RolloutState): State;
}

/**
 * Lets an actor of one of the kit's tasks respond to held-out problems. With exact values an evaluation's numbers can be
 * held to the truth.
 */
export function kitRollouts<State, Actor>(
  task: TaskEnvironment<State, Actor>,
  options: KitRolloutOptions<Actor>,
): KitRollouts<State> {
  const { actor, actorName = "programmatic", seed, problems, responses } = options;
  const { continuations = "exact" } = options;
  const starts = new Map<string, State>();
  const passage = (tokens: readonly number[]) => ({
    tokens: [...tokens],
    text: task.vocabulary.render(tokens),
  });
  const valueOf = (state: State, row: number): number => {
    if (continuations === "exact") return task.exactValue(state, actor);
    return mean(Array.from({ length: continuations }, (_, step) => {
      const random = new RandomStream({ seed, purpose: "kit-rollouts/continue", step, row });
      return task.rollout(random, state, actor).reward;
    }));
  };
  const after = (start: State, tokens: readonly number[]) => {
    let state = start;
    for (const token of tokens) state = task.act(state, token);
    return state;
  };
  const records: RolloutRecord[] = [];
  let probed = 0;
  for (let problem = 0; problem < problems; problem++) {
    const random = new RandomStream({ seed, purpose: "kit-rollouts/problem", row: problem });
    const start = task.problem(random, { split: "test" });
    const prompt = task.actorPrompt(start);
    starts.set(prompt.join(" "), start);
    for (let response = 0; response < responses; response++) {
      const { reward, state: end } = task.rollout(
        new RandomStream({ seed, purpose: "kit-rollouts/act", row: problem, step: response }),
        start,
        actor,
      );
      const tokens = task.actorPrompt(end).slice(prompt.length);
      const states = tokens.map((_, at) => after(start, tokens.slice(0, at)));
      records.push({
        group: `${task.name} ${problem}`,
        prompt: passage(prompt),
        problem: task.describe(start),
        response: passage(tokens),
        outcome: reward,
        verifier: task.name,
        actor: actorName,
        tokenLimit: tokens.length,
        probes: states.map((state, at) => ({
          at,
          unit: "token",
          mean: valueOf(state, probed++),
          n: continuations === "exact" ? EXACT_CONTINUATIONS : continuations,
        })),
      });
    }
  }
  return {
    records,
    stateOf({ record, at, unit }) {
      const start = starts.get(record.prompt.tokens?.join(" ") ?? "");
      if (start === undefined || unit !== "token") {
        throw new UsageError(
          "rollout",
          record.group,
          `no state of ${task.name}: ask about rollouts that kitRollouts made`,
        );
      }
      return after(start, record.response.tokens!.slice(0, at));
    },
  };
}

/** A critic of one of the kit's environments, asked about rollouts. */
export function environmentCritic<State>(
  critic: Critic<State>,
  stateOf: (state: RolloutState) => State,
): Critic<RolloutState> {
  return {
    name: critic.name,
    values: (questions, key) =>
      critic.values(
        questions.map(({ state, context: { successRate } }) => ({
          state: stateOf(state),
          context: successRate === undefined ? {} : { successRate },
        })),
        key,
      ),
  };
}
