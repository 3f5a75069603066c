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
 *
 * @returns Losses before the step: squared error, or cross-entropy in nats per token.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import {
 *   adamW,
 *   createEnvironment,
 *   criticDefinition,
 *   NeuralCritic,
 *   supervisedStep,
 *   WasmEngine,
 * } from "genac";
 *
 * const engine = await WasmEngine.create({ threads: 1 });
 * const environment = createEnvironment("local-check");
 * const size = { dModel: 16, layers: 1 };
 * const critic = new NeuralCritic(engine, criticDefinition("discriminative-mse"), environment, size, 1);
 * const actor = { epsilon: 0.1 };
 * const data = { seed: 1, purpose: "example/train", batchSize: 32, actor };
 * const losses: number[] = [];
 * for (let step = 0; step < 20; step++) {
 *   const { valueLoss } = await supervisedStep(critic, data, adamW(3e-3, 20));
 *   losses.push(valueLoss);
 * }
 * assert.ok(losses.at(-1)! < losses[0]!);
 * engine.close();
 * ```
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
