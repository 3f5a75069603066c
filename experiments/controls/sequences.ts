/** What a control's critic is trained on: states, their targets, and the sequences that teach them. */
import type { CriticDefinition } from "../../lib/critic/critic.ts";
import { withTrace } from "../../lib/critic/generative.ts";
import type {
  PermutationActor,
  PermutationEnvironment,
  PermutationState,
} from "../../lib/env/permutation.ts";
import { sampleStates } from "../../lib/env/sampling.ts";
import type { Sequence } from "../../lib/nn/batch.ts";
import { RandomStream, type StreamKey } from "../../lib/tensor/random.ts";
import type { TraceLabels } from "./controls.ts";

/** How a control's training data are made; all of it depends on (seed, step, row) alone. */
export interface TrainingData {
  readonly environment: PermutationEnvironment;
  readonly actor: PermutationActor;
  readonly seed: number;
  readonly batchSize: number;
  readonly traceLabels: TraceLabels;
  readonly denseValues: boolean;
  /** Rollouts behind a sampled target; null for the exact value. */
  readonly rollouts: number | null;
}

/** The states of a training step: the same for all controls of a puzzle and seed. */
export function trainingStates(
  { environment, actor, seed, batchSize }: Omit<
    TrainingData,
    "traceLabels" | "denseValues" | "rollouts"
  >,
  step: number,
): PermutationState[] {
  const options = { actor, split: "train" } as const;
  return sampleStates(environment, { seed, purpose: "controls/train", step }, batchSize, options);
}

/** The sequences of a training step. */
export function trainingSequences(
  definition: CriticDefinition,
  data: TrainingData,
  step: number,
): Sequence[] {
  const { environment, actor, seed, traceLabels, denseValues, rollouts } = data;
  return trainingStates(data, step).map((state, row) => {
    const value = rollouts === null
      ? environment.exactValue(state, actor)
      : meanOutcome(data, state, rollouts, { seed, purpose: "controls/rollouts", step, row });
    const labelled = { state, context: {}, value };
    if (traceLabels.kind !== "true") {
      const noise = new RandomStream({ seed, purpose: "controls/trace", step, row });
      return withTrace(environment, labelled, changedTrace(environment, state, traceLabels, noise));
    }
    const sequence = definition.encode(environment, labelled);
    return denseValues ? withDenseValues(sequence, environment, state, actor) : sequence;
  });
}

/** Mean outcome of independent rollouts, in [0, 1]. */
function meanOutcome(
  { environment, actor }: TrainingData,
  state: PermutationState,
  rollouts: number,
  key: StreamKey,
): number {
  const random = new RandomStream(key);
  let sum = 0;
  for (let k = 0; k < rollouts; k++) sum += environment.rollout(random, state, actor).reward;
  return sum / rollouts;
}

/**
 * The reasoning trace with worse labels: corrupted tokens become a uniform one of their kind (a product, or for the last
 * token a distance), so that one in 120 stays right by chance; what comes after a corrupted product is as without it.
 * Tokens left out become fillers, so that the critic can write such a chain itself.
 */
export function changedTrace(
  environment: PermutationEnvironment,
  state: PermutationState,
  labels: Exclude<TraceLabels, { kind: "true" }>,
  random: RandomStream,
): number[] {
  const { vocabulary, group } = environment;
  const trace = environment.reasoningTrace(state), last = trace.length - 1;
  if (labels.kind === "corrupted") {
    const product = vocabulary.id(`=${group.elementNames[0]}`), distance = vocabulary.id("D0");
    return trace.map((token, i) => {
      if (random.uniform() >= labels.probability) return token;
      return i < last
        ? product + random.integer(group.order)
        : distance + random.integer(group.diameter + 1);
    });
  }
  const kept = {
    "every second": (i: number) => i % 2 === 1,
    "first half": (i: number) => i < last / 2,
    "distance alone": () => false,
  }[labels.kind];
  return trace.map((token, i) => i === last || kept(i) ? token : vocabulary.filler);
}

/**
 * A value target at every symbol of the prompt, all of the same weight: the value of the element that the symbols so far
 * multiply to, with the steps left that the prompt begins with. At the end this is the value of the state.
 */
function withDenseValues(
  sequence: Sequence,
  environment: PermutationEnvironment,
  { word, moves, stepsLeft }: PermutationState,
  actor: PermutationActor,
): Sequence {
  const { group } = environment, width = group.generators.length;
  let element = 0;
  const value = (generator?: number) => {
    if (generator !== undefined) element = group.moves[element * width + generator]!;
    return environment.exactValue({ word, moves, stepsLeft, element }, actor);
  };
  // Word, SEP, moves, Q.
  const values = [...word.map(value), value(), ...moves.map(value), value()];
  const header = sequence.tokens.length - values.length;
  return {
    ...sequence,
    valueTargets: [...new Array<number>(header).fill(0), ...values],
    valueWeights: sequence.tokens.map((_, i) => i < header ? 0 : 1),
  };
}
