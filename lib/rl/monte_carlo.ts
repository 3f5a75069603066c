/**
 * Supervised Monte Carlo for a generative critic: cross-entropy on sampled outcomes, the reference that REINFORCE is to be
 * measured against on the same states. With the target "outcomes" the value tokens 0 and 10 are the only ones seen, their
 * probabilities become the value, and the expectation over value tokens is what to read; the emitted integer is useless.
 * With "mean" the target is the value token nearest to the mean of the K outcomes (VinePPO's Monte Carlo value,
 * arXiv 2410.01679).
 *
 * With trace labels the critic also learns the true chain of thought; without, it learns from outcomes only: the value
 * token is trained at the end of the critic's own K sampled responses, which stay as they are.
 */
import * as z from "zod";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import { mean } from "../eval/sums.ts";
import type { Sequence } from "../nn/batch.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import type { StepReport } from "../tensor/backend.ts";
import { type RolloutData, sampleOutcomes, sampleResponses } from "./critic_samples.ts";
import { responseSequence } from "./response_log_probabilities.ts";

/** The choices of the algorithm. */
export const monteCarloConfig = z.strictObject({
  prompts: z.int().min(1).default(32).describe("States in a step (B)."),
  responses: z.int().min(1).default(8).describe("Rollouts from each state (K), and responses."),
  target: z.enum(["outcomes", "mean"]).default("outcomes").describe(
    "What the value token is trained on: each outcome, or the mean of the state's K outcomes.",
  ),
  traceLabels: z.boolean().default(false).describe("Whether the true chain of thought is taught."),
});

/** See the file's header. */
export type MonteCarloConfig = z.output<typeof monteCarloConfig>;

/** One optimizer step on the states and outcomes that `reinforceStep` would see. */
export async function monteCarloStep<State, Actor>(
  critic: NeuralCritic<State>,
  data: RolloutData<Actor>,
  { prompts, responses: count, target, traceLabels }: MonteCarloConfig,
  optimizer: OptimizerConfig,
): Promise<StepReport> {
  const { environment, definition } = critic, { step } = critic.model;
  const states = sampleOutcomes(environment, data, step, { prompts, rollouts: count });
  if (traceLabels) {
    return await critic.train(
      states.flatMap(({ state, context, outcomes }) => {
        const m = mean(outcomes);
        // Outcomes that are equal give equal sequences: one of each, with the weight of all.
        const labels = target === "mean" ? [[m, 1]] : [[0, 1 - m], [1, m]];
        return labels.map(([value, share]): Sequence => {
          const sequence = definition.encode(environment, { state, context, value: value! });
          return { ...sequence, weights: sequence.weights!.map((w) => w * share!) };
        });
      }),
      optimizer,
    );
  }
  const { seed, purpose } = data;
  const responses = await sampleResponses(critic, states, { seed, purpose, step, count });
  const sequences = responses.flatMap((group, b) =>
    group.map((response, k): Sequence => {
      const { outcomes } = states[b]!;
      const value = target === "mean" ? mean(outcomes) : outcomes[k]!;
      const token = environment.vocabulary.valueToken(value);
      const sequence = responseSequence(response), last = sequence.tokens.length - 1;
      return {
        ...sequence,
        targets: sequence.tokens.map((_, i) => i === last ? token : 0),
        weights: sequence.tokens.map((_, i) => i === last ? 1 : 0),
      };
    })
  );
  return await critic.train(sequences, optimizer);
}
