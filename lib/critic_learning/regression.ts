import * as z from "zod";
import type { LabelledState } from "../critic/critic.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import { checkWritesChain } from "../critic/responses.ts";
import { UsageError } from "../errors.ts";
import { mean } from "../numeric/sums.ts";
import type { Sequence } from "../nn/batch.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import type { StepReport } from "../tensor/backend.ts";
import { greedyChains, type RolloutData, sampleOutcomes } from "./samples.ts";

/** The choices of the algorithm. Defaults: the recipe that did best in experiments/critic-training. */
export const monteCarloConfig = z.strictObject({
  prompts: z.int().min(1).default(32).describe("States in a step (B)."),
  responses: z.int().min(1).default(8).describe("Rollouts from each state (K), and own responses."),
  target: z.enum(["outcomes", "mean"]).default("mean").describe(
    "What the value token is trained on: each outcome, or the mean of the state's K outcomes.",
  ),
  trace: z.enum(["own", "reference", "labels"]).default("reference").describe(
    "The chain of thought before the value: own samples, the reference's, or the true one.",
  ),
});

/** The choices of `monteCarloStep`. */
export type MonteCarloConfig = z.output<typeof monteCarloConfig>;

/**
 * Supervised Monte Carlo for a critic that writes a chain of thought: cross-entropy on sampled outcomes, the reference that
 * REINFORCE is to be measured against on the same states. One optimizer step on the states and outcomes that
 * `reinforceStep` would see.
 *
 * With the target "outcomes" the value tokens 0 and 10 are the only ones seen, their probabilities become the value, and the
 * expectation over value tokens is what to read; the emitted integer is useless. With "mean" the target is the value token
 * nearest to the mean of the K outcomes (VinePPO's Monte Carlo value, arXiv 2410.01679).
 *
 * The value token stands at the end of a chain of thought, which is
 * - "own": that of one of the critic's own K responses; it is not trained on, and nothing holds it;
 * - "reference": the greedy one of a frozen reference (the critic after SFT), trained on: it is held where it was;
 * - "labels": the true one, trained on, as in SFT.
 *
 * @param reference The frozen critic after SFT; needed for its chains.
 * @throws UsageError for a critic that writes no chain of thought, and without a reference whose chains are needed.
 */
export async function monteCarloStep<State, Actor>(
  critic: NeuralCritic<State>,
  data: RolloutData<Actor>,
  { prompts, responses: count, target, trace }: MonteCarloConfig,
  optimizer: OptimizerConfig,
  reference?: NeuralCritic<State>,
): Promise<StepReport> {
  const { definition, environment } = critic, { step } = critic.model;
  checkWritesChain(definition);
  const states = sampleOutcomes(environment, data, step, { prompts, rollouts: count });
  const encode = (labelled: LabelledState<State>, chain?: readonly number[]) =>
    definition.encode(environment, labelled, chain);
  if (trace === "own") {
    const key = { ...data, purpose: `${data.purpose}/responses`, firstRow: step * prompts };
    const groups = await critic.respond(states, key, { count });
    const sequences = groups.flatMap((group, b) => {
      const { outcomes } = states[b]!;
      return group.map(({ tokens }, k) => {
        const value = target === "mean" ? mean(outcomes) : outcomes[k]!;
        return valueAlone(encode({ ...states[b]!, value }, tokens.slice(0, -1)));
      });
    });
    return await critic.train(sequences, optimizer);
  }
  if (trace === "reference" && !reference) {
    throw new UsageError("trace", trace, 'give the reference critic, or use "own" or "labels"');
  }
  const chains = trace === "reference" ? await greedyChains(reference!, states) : undefined;
  const sequences = states.flatMap((state, b) => {
    const m = mean(state.outcomes);
    // Of K outcomes with one chain, one sequence for each of the two, weighted by its share.
    return target === "mean"
      ? [encode({ ...state, value: m }, chains?.[b])]
      : [1 - m, m].map((share, value) => scaled(encode({ ...state, value }, chains?.[b]), share));
  });
  return await critic.train(sequences, optimizer);
}

/** The sequence with the weight of all its losses multiplied. */
function scaled(sequence: Sequence, factor: number): Sequence {
  const by = (weights: readonly number[]) => weights.map((w) => factor * w);
  const { weights, valueWeights } = sequence;
  return {
    ...sequence,
    ...(weights ? { weights: by(weights) } : {}),
    ...(valueWeights ? { valueWeights: by(valueWeights) } : {}),
  };
}

/** The sequence without the loss of the chain of thought: the value token's weight is 1. */
function valueAlone(sequence: Sequence): Sequence {
  const last = sequence.tokens.length - 1;
  return { ...sequence, weights: sequence.tokens.map((_, i) => i === last ? 1 : 0) };
}
