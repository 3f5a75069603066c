/**
 * Supervised Monte Carlo for a generative critic: cross-entropy on sampled outcomes, the reference that REINFORCE is to be
 * measured against on the same states. With the target "outcomes" the value tokens 0 and 10 are the only ones seen, their
 * probabilities become the value, and the expectation over value tokens is what to read; the emitted integer is useless.
 * With "mean" the target is the value token nearest to the mean of the K outcomes (VinePPO's Monte Carlo value,
 * arXiv 2410.01679).
 *
 * The value token stands at the end of a chain of thought, which is
 * - "own": one of the critic's own K responses; it is not trained on, and nothing holds it;
 * - "reference": the greedy one of a frozen reference (the critic after SFT), trained on: it is held where it was;
 * - "labels": the true one, trained on, as in SFT.
 */
import * as z from "zod";
import { responsePrompt, VALUE_WEIGHT } from "../critic/generative.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import { valueTarget } from "../critic/value_target.ts";
import { UsageError } from "../errors.ts";
import { mean } from "../numeric/sums.ts";
import type { Sequence } from "../nn/batch.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import type { StepReport } from "../tensor/backend.ts";
import {
  type CriticResponse,
  type RolloutData,
  sampleOutcomes,
  sampleResponses,
} from "./samples.ts";
import { responseSequence } from "./log_probabilities.ts";

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

/** See the file's header. */
export type MonteCarloConfig = z.output<typeof monteCarloConfig>;

/**
 * One optimizer step on the states and outcomes that `reinforceStep` would see.
 *
 * @param reference The frozen critic after SFT; needed for its traces.
 */
export async function monteCarloStep<State, Actor>(
  critic: NeuralCritic<State>,
  data: RolloutData<Actor>,
  { prompts, responses: count, target, trace }: MonteCarloConfig,
  optimizer: OptimizerConfig,
  reference?: NeuralCritic<State>,
): Promise<StepReport> {
  const { environment } = critic, { vocabulary } = environment, { step } = critic.model;
  const states = sampleOutcomes(environment, data, step, { prompts, rollouts: count });
  const { seed, purpose } = data;

  // One training sequence for each own response; of a given trace one for each target, weighted by its share.
  const sequences: Sequence[] = [];
  const add = (response: CriticResponse, value: number, share: number, traceWeight: 0 | 1) => {
    const { tokens, prompt } = response, before = prompt.tokens.length - 1;
    const last = before + tokens.length - 1;
    const sequence = responseSequence(response);
    const valueToken = vocabulary.valueToken(valueTarget(value));
    const at = (i: number) => i === last ? valueToken : tokens[i - before]!;
    const weight = (i: number) => i < last ? traceWeight : traceWeight === 1 ? VALUE_WEIGHT : 1;
    sequences.push({
      ...sequence,
      targets: sequence.tokens.map((_, i) => i < before ? 0 : at(i)),
      weights: sequence.tokens.map((_, i) => i < before ? 0 : share * weight(i)),
    });
  };
  if (trace === "own") {
    const groups = await sampleResponses(critic, states, { seed, purpose, step, count });
    groups.forEach((group, b) => {
      const { outcomes } = states[b]!;
      group.forEach((r, k) => add(r, target === "mean" ? mean(outcomes) : outcomes[k]!, 1, 0));
    });
  } else {
    const given = trace === "labels"
      ? states.map((q): CriticResponse => ({
        prompt: responsePrompt(environment, q),
        tokens: [...environment.reasoningTrace(q.state), vocabulary.values[0]!],
        value: null,
      }))
      : (await sampleResponses(requireReference(reference), states, {
        seed,
        purpose,
        step,
        count: 1,
        temperature: 0,
      })).flat();
    given.forEach((response, b) => {
      const m = mean(states[b]!.outcomes);
      if (target === "mean") add(response, m, 1, 1);
      else [1 - m, m].forEach((share, outcome) => add(response, outcome, share, 1));
    });
  }
  return await critic.train(sequences, optimizer);
}

function requireReference<State>(reference: NeuralCritic<State> | undefined): NeuralCritic<State> {
  if (reference) return reference;
  throw new UsageError("trace", "reference", 'give the reference critic, or use "own" or "labels"');
}
