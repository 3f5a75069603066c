/** Supervised training of critics on exact values: the reference of every value-modelling experiment. */
import { sampleStates } from "../env/sampling.ts";
import type { SampleOptions } from "../env/environment.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import type { StepReport } from "../tensor/backend.ts";
import type { NeuralCritic } from "./neural_critic.ts";

/** Where the training states come from. */
export interface SupervisedData<Actor> extends Pick<SampleOptions<Actor>, "actor" | "difficulty"> {
  readonly seed: number;
  /** Name of the random stream, e.g. "scaling/train". */
  readonly purpose: string;
  /** States in a batch. */
  readonly batchSize: number;
}

/**
 * One optimizer step on fresh states of the training split, labelled with exact values. The states depend on the
 * model's step alone, so that training resumes where it stopped. See `Model.train` on when to await the report.
 */
export function supervisedStep<State, Actor>(
  critic: NeuralCritic<State>,
  { seed, purpose, batchSize, actor, difficulty }: SupervisedData<Actor>,
  optimizer: OptimizerConfig,
): Promise<StepReport> {
  const { environment } = critic;
  const key = { seed, purpose, step: critic.model.step };
  const states = sampleStates(environment, key, batchSize, {
    actor,
    split: "train",
    ...(difficulty ? { difficulty } : {}),
  });
  return critic.update(
    states.map((state) => ({ state, context: {}, value: environment.exactValue(state, actor) })),
    optimizer,
  );
}
