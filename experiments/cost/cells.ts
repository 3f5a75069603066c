import { actorTransformer } from "../../lib/actor/neural_actor.ts";
import { cot } from "../../lib/critic/generative.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { CircuitEnvironment } from "../../lib/env/circuit.ts";
import { promptLength } from "../../lib/env/circuit_text.ts";
import { trainingFlops } from "../../lib/nn/flops.ts";
import { methodCritics } from "../../lib/rl/methods.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { maximum } from "../../lib/numeric/extrema.ts";
import { cellMemory, modelMemory } from "../shared/cell_memory.ts";
import { criticCost } from "../shared/critic_cost.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import type { CostConfig } from "./config.ts";
import { type CostMethod, costMethods, methodOf } from "./methods.ts";

/** Everything a cell depends on besides its seed: one response length, all methods. */
export interface CostCell extends Pick<CostConfig, "dModel" | "layers" | "warmUp" | "training"> {
  readonly gates: number;
  /** The longest response of the experiment: position ids are the same for all. */
  readonly maxGates: number;
  readonly methods: readonly CostMethod[];
}

/** A cell for each response length and seed. */
export function costCells(config: CostConfig): Cell<CostCell>[] {
  const { dModel, layers, seeds, training, warmUp } = config;
  const maxGates = maximum(config.gates);
  return config.gates.flatMap((gates) => {
    const methods = costMethods(config.segments, gates);
    const own = { gates, maxGates, methods, dModel, layers, warmUp, training };
    return seeds.map((seed) => ({
      id: `gates${gates}/seed${seed}`,
      seed,
      config: own,
      cost: cost(own),
      memory: memory(own),
    }));
  });
}

/** Circuits of so many gates, positions for the longest. */
export function costEnvironment(
  { gates, maxGates }: Pick<CostCell, "gates" | "maxGates">,
): CircuitEnvironment {
  return new CircuitEnvironment({
    minGates: gates,
    maxGates: gates,
    traceOffset: Math.max(24, promptLength(maxGates)),
  });
}

/** Estimated bytes: the warm models, and for each method that is run an actor and its critic. */
function memory(cell: CostCell): number {
  const environment = costEnvironment(cell);
  const actor = modelMemory(actorTransformer(environment, cell), environment.maxActorLength);
  const critic = (name: string) => criticCost(criticDefinition(name), environment, cell).memory();
  const models = cell.methods.filter(({ method }) => method !== "ppo-one-pass").flatMap((each) => {
    const { critic: own } = methodOf(each);
    return [actor, ...own ? [critic(methodCritics[own].definition)] : []];
  });
  return cellMemory([actor, critic(DISCRIMINATIVE), critic(GENERATIVE), ...models]);
}

/** Estimated FLOPs. */
function cost(cell: CostCell): number {
  const { methods, training, warmUp } = cell, environment = costEnvironment(cell);
  const actor = (batch: number) =>
    trainingFlops(actorTransformer(environment, cell), batch, environment.maxActorLength);
  const critic = criticCost(cot, environment, cell).training;
  const batch = training.problems * training.responses;
  const asked = methods.reduce((sum, { segments }) => sum + (segments ?? 1), 0);
  return warmUp.steps * (actor(warmUp.batchSize) + critic(warmUp.batchSize)) +
    training.iterations * (methods.length * 2 * actor(batch) + critic(asked * batch) / 2);
}
