import type { CriticDefinition, Question } from "../critic/critic.ts";
import { responsePrompt } from "../critic/responses.ts";
import type { Environment } from "../env/environment.ts";
import { type EnvironmentName, environments } from "../env/registry.ts";
import { isTask } from "../env/task.ts";
import type { Model } from "../nn/model.ts";
import { RandomStream } from "../numeric/random.ts";

/** What can be exported: a `NeuralCritic` or a `NeuralActor`. */
export interface ExportedModel<State = unknown> {
  readonly model: Model;
  readonly environment: Environment<State, unknown>;
  /** A critic's; an actor has none. */
  readonly definition?: CriticDefinition;
}

/** Which training made it. */
export interface Origin {
  readonly experiment: string;
  readonly profile: string;
  readonly cell: string;
  readonly seed: number;
  /** The kit's commit when it was trained, as far as git knew. */
  readonly commit: string | null;
  /** Whether files differed from the commit. */
  readonly dirty: boolean | null;
}

/** One question put to the model, and what it says in the kit. */
export interface Example {
  /** The state for a human reader. */
  readonly description: string;
  /** What the model is given. */
  readonly tokens: readonly number[];
  /** The position ids of `tokens` and of all that the model may write after them. */
  readonly positions: readonly number[];
  /** What it writes after `tokens`, greedily; of a critic that reads its value off the next token, that token. */
  readonly written: readonly number[];
  /** A critic's value in [0, 1]; null of actors, of a response that cannot be parsed, and of several. */
  readonly value: number | null;
}

/** What the model says of a held-out state; undefined for an environment that is not registered, of which none is known. */
export async function exampleOf<State>(
  { model, environment, definition }: ExportedModel<State>,
): Promise<Example | undefined> {
  if (!Object.hasOwn(environments, environment.name)) return undefined;
  const random = new RandomStream({ seed: 1, purpose: "export/example" });
  const options = { temperature: 0, stop: [] as number[], seed: 1, purpose: "export/example" };
  if (!definition) {
    if (!isTask(environment)) throw new TypeError(`${environment.name}: no task for an actor`);
    const state = environment.problem(random, { split: "test" });
    const tokens = environment.actorPrompt(state), maxTokens = environment.stepsLeft(state);
    const position = (i: number) => environment.actorPosition(i, state);
    const [written] = await model.generate([{ tokens, position, row: 0 }], {
      ...options,
      maxTokens,
    });
    const positions = Array.from({ length: tokens.length + maxTokens - 1 }, (_, i) => position(i));
    const description = environment.describe(state);
    return { description, tokens, positions, written: written!, value: null };
  }
  const [actor] = environments[environment.name as EnvironmentName].examples;
  const state = environment.sampleState(random, { split: "test", actor });
  const question: Question<State> = { state, context: {} };
  const key = { seed: 1, purpose: "export/example", firstRow: 0 };
  const [answer] = await definition.predict(model, environment, [question], key);
  const value = (answer!.responses?.length ?? 1) === 1 ? answer!.value : null;
  const description = environment.describe(state);
  if (!definition.writesChain) {
    const { tokens, positions } = definition.encode(environment, { ...question, value: 0 });
    const written = answer!.responses?.[0] ?? [];
    return { description, tokens, positions: positions!, written, value };
  }
  const { tokens, position, limit } = responsePrompt(environment, question);
  const [written] = await model.generate([{ tokens, position, row: 0 }], {
    ...options,
    maxTokens: limit,
    stop: environment.vocabulary.values,
  });
  const positions = Array.from({ length: tokens.length + limit - 1 }, (_, i) => position(i));
  return { description, tokens, positions, written: written!, value };
}
