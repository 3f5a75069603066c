/** Supervised training of adapters, the same for critics and actors. */
import type { CausalLanguageModel } from "../../lib/language_model/causal_language_model.ts";
import { batchLength, type Sequence } from "../../lib/nn/batch.ts";
import { adamW, type OptimizerConfig } from "../../lib/nn/optimizer.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
import { sum } from "../../lib/numeric/sums.ts";
import type { CellContext } from "../../lib/run/experiment.ts";

/** What a training run says, of the steps that it has taken. */
export interface Trained {
  /** Tokens of the sequences, padding left out. */
  readonly tokens: number;
  /** Mean loss of each `CURVE_STEPS` steps. */
  readonly curve: readonly number[];
}

/** How a training run is kept, and what was kept of it when it was interrupted; the model is then as it was. */
export interface Keeping {
  readonly trained: Trained | undefined;
  save(trained: Trained): Promise<void>;
}

/** What is being done, for the live line, and how many steps of the cell are before and in all. */
export interface TrainingPart {
  readonly name: string;
  readonly before: number;
  readonly all: number;
}

/** Steps between points of the loss curve. */
const CURVE_STEPS = 5;
/** The least time between checkpoints, in seconds, where the context does not say. */
export const CHECKPOINT_SECONDS = 60;

/** AdamW as for adapters: 10% warm-up, cosine to 5%, no weight decay. */
export function adapterOptimizer(learningRate: number, steps: number): OptimizerConfig {
  return {
    ...adamW(learningRate, steps),
    warmupSteps: Math.ceil(steps / 10),
    finalFraction: 0.05,
    weightDecay: 0,
  };
}

/** Takes the steps that are left, on batches that depend on the step's number alone; keeps the run now and then. */
export async function train(
  model: CausalLanguageModel,
  steps: number,
  batch: (step: number) => readonly Sequence[],
  optimizer: OptimizerConfig,
  { checkpoint, progress }: CellContext,
  { name, before, all }: TrainingPart,
  { save, trained = { tokens: 0, curve: [] } }: Keeping,
): Promise<Trained> {
  const wait = 1000 * (checkpoint.seconds ?? CHECKPOINT_SECONDS);
  let last = performance.now(), losses: number[] = [];
  while (model.step < steps) {
    const sequences = batch(model.step);
    const tokens = trained.tokens + sum(sequences.map(({ tokens }) => tokens.length));
    const { loss, valueLoss } = await model.train(sequences, batchLength(sequences), optimizer);
    losses.push(loss + valueLoss);
    trained = { ...trained, tokens };
    if (model.step % CURVE_STEPS > 0 && model.step < steps) continue;
    trained = { tokens, curve: [...trained.curve, sum(losses) / losses.length] };
    losses = [];
    progress(before + model.step, all, `${name}: loss ${trained.curve.at(-1)!.toPrecision(3)}`);
    if (performance.now() - last >= wait && model.step < steps) {
      await save(trained);
      last = performance.now();
    }
  }
  return trained;
}

/** The row of `states` that comes `index`-th: in their order, in later passes each time in an order of its own. */
export function rowOfPass(states: number, seed: number, index: number): number {
  const pass = Math.floor(index / states), row = index % states;
  if (pass === 0) return row;
  const random = new RandomStream({ seed, purpose: "llm/order", step: pass });
  return random.permutation(states)[row]!;
}
