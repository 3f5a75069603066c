/**
 * What a generative critic learns from when only outcomes are known: states that the actor reaches, the outcomes of
 * rollouts from there, and the critic's own responses. Everything depends on (seed, purpose, step, row) and the critic's
 * weights alone, so that training resumes to the same bits.
 */
import type { Question } from "../critic/critic.ts";
import { cot, type ResponsePrompt, responsePrompt, responseValue } from "../critic/generative.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import type { SupervisedData } from "../critic/supervised.ts";
import type { CriticContext, Environment } from "../env/environment.ts";
import { sampleStates } from "../env/sampling.ts";
import { UsageError } from "../errors.ts";
import { maximum } from "../numeric/extrema.ts";
import { RandomStream } from "../numeric/random.ts";

/** Where states and outcomes come from; states are of the training split. */
export interface RolloutData<Actor> extends Omit<SupervisedData<Actor>, "batchSize"> {
  /** What the critic is told of the actor; default: nothing. */
  readonly context?: Pick<CriticContext, "successRate">;
}

/** A state and the outcomes of independent rollouts from it. */
export interface StateOutcomes<State> extends Question<State> {
  readonly outcomes: readonly (0 | 1)[];
}

/** A response with all that follows from it. */
export interface CriticResponse {
  readonly prompt: ResponsePrompt;
  /** At least one token, at most `prompt.limit`. */
  readonly tokens: readonly number[];
  /** In [0, 1]; null where the response cannot be parsed. */
  readonly value: number | null;
}

/** `prompts` states of training step `step`, each with `rollouts` outcomes. */
export function sampleOutcomes<State, Actor>(
  environment: Environment<State, Actor>,
  { seed, purpose, actor, difficulty, context = {} }: RolloutData<Actor>,
  step: number,
  { prompts, rollouts }: { prompts: number; rollouts: number },
): StateOutcomes<State>[] {
  const states = sampleStates(environment, { seed, purpose: `${purpose}/states`, step }, prompts, {
    actor,
    split: "train",
    ...(difficulty ? { difficulty } : {}),
  });
  const stream = (row: number) =>
    new RandomStream({ seed, purpose: `${purpose}/outcomes`, step, row });
  return states.map((state, b) => ({
    state,
    context,
    outcomes: Array.from(
      { length: rollouts },
      (_, k) => environment.rollout(stream(b * rollouts + k), state, actor).reward,
    ),
  }));
}

/** How to sample responses. */
export interface ResponseOptions {
  /** Seed and purpose of the random stream. */
  readonly seed: number;
  readonly purpose: string;
  /** Training step. */
  readonly step: number;
  /** Responses to each question. */
  readonly count: number;
  /** Default 1, the policy itself; 0 = greedy. */
  readonly temperature?: number;
}

/**
 * Responses to each question. Response k to question b of training step `step` draws from row
 * (step * questions + b) * count + k of the sampling stream.
 *
 * @throws UsageError for a critic that does not write a chain of thought and a value token.
 */
export async function sampleResponses<State>(
  { model, environment, definition }: NeuralCritic<State>,
  questions: readonly Question<State>[],
  { seed, purpose, step, count, temperature = 1 }: ResponseOptions,
): Promise<CriticResponse[][]> {
  if (definition.name !== cot.name) {
    throw new UsageError("critic", definition.name, `responses are sampled from ${cot.name} only`);
  }
  const prompts = questions.map((q) => responsePrompt(environment, q));
  const first = step * questions.length * count;
  const rows = prompts.flatMap((prompt) => new Array<ResponsePrompt>(count).fill(prompt))
    .map((prompt, i) => ({ ...prompt, row: first + i }));
  const written = await model.generate(rows, {
    maxTokens: maximum(prompts.map((p) => p.limit)),
    temperature,
    stop: environment.vocabulary.values,
    seed,
    purpose: `${purpose}/responses`,
  });
  return prompts.map((prompt, b) =>
    written.slice(b * count, (b + 1) * count).map((all) => {
      const tokens = all.slice(0, prompt.limit);
      return { prompt, tokens, value: responseValue(environment, tokens) };
    })
  );
}
