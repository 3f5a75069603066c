import type { Environment } from "../env/environment.ts";
import type { Critic, Prediction, Question } from "./critic.ts";

/** The exact value of the actor, by the environment: the reference that every critic is measured against. */
export class OracleCritic<State, Actor> implements Critic<State> {
  readonly name = "oracle";

  constructor(
    private readonly environment: Environment<State, Actor>,
    private readonly actor: Actor,
  ) {}

  values(questions: readonly Question<State>[]): Promise<Prediction[]> {
    return Promise.resolve(questions.map(({ state }) => ({
      value: this.environment.exactValue(state, this.actor),
      expectation: null,
    })));
  }
}
