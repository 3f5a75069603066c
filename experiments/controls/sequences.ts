/** What a control's critic is trained on: states, their targets, and the sequences that teach them. */
import type { CriticDefinition } from "../../lib/critic/critic.ts";
import type {
  PermutationActor,
  PermutationEnvironment,
  PermutationState,
} from "../../lib/env/permutation.ts";
import { sampleStates } from "../../lib/env/sampling.ts";
import type { Sequence } from "../../lib/nn/batch.ts";
import { RandomStream, type StreamKey } from "../../lib/numeric/random.ts";
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
    if (traceLabels.kind === "corrupted") {
      const noise = new RandomStream({ seed, purpose: "controls/trace", step, row });
      const trace = corruptedTrace(environment, state, traceLabels.probability, noise);
      return definition.encode(environment, labelled, trace);
    }
    if (traceLabels.kind !== "true") {
      return definition.encode(environment, labelled, rightTrace(environment, state, traceLabels));
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
 * The reasoning trace with wrong labels: each token becomes, with this probability, a uniform one of its kind (a product,
 * or for the last token a distance), which may be the right one. What comes after a wrong product is as without it.
 */
export function corruptedTrace(
  environment: PermutationEnvironment,
  state: PermutationState,
  probability: number,
  random: RandomStream,
): number[] {
  const { vocabulary, group } = environment;
  const product = vocabulary.id(`=${group.elementNames[0]}`), distance = vocabulary.id("D0");
  return environment.reasoningTrace(state).map((token, i, { length }) => {
    if (random.uniform() >= probability) return token;
    return i < length - 1
      ? product + random.integer(group.order)
      : distance + random.integer(group.diameter + 1);
  });
}

/** The chain that counts as right: the reasoning trace, less what these labels leave out. */
export function rightTrace(
  environment: PermutationEnvironment,
  state: PermutationState,
  labels: TraceLabels,
): number[] {
  const trace = environment.reasoningTrace(state);
  if (labels.kind === "sparse") {
    const keeps = (i: number) => labels.kept === "every second" && i % 2 === 1;
    return trace.map((token, i) =>
      i === trace.length - 1 || keeps(i) ? token : environment.vocabulary.filler
    );
  }
  if (labels.kind === "shortened") {
    // Each product moves the count of kept ones up by the fraction; it is kept where that reaches the next integer.
    const keeps = (i: number) => Math.floor((i + 1) * labels.kept) > Math.floor(i * labels.kept);
    return trace.filter((_, i) => i === trace.length - 1 || keeps(i));
  }
  return trace;
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
