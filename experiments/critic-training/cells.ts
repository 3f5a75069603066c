import { cot } from "../../lib/critic/generative.ts";
import type { CriticSize } from "../../lib/critic/neural_critic.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { cellMemory } from "../shared/cell_memory.ts";
import { criticCost } from "../shared/critic_cost.ts";
import { separateSeeds } from "../shared/search.ts";
import { type CriticTrainingConfig, searchedRates, type Start } from "./config.ts";
import { type Algorithm, type RecipeName, RECIPES } from "./recipes.ts";

/** One recipe at one learning rate. */
export interface TrainingRun {
  /** "loo-kl/lr0.001". */
  readonly id: string;
  readonly recipe: RecipeName;
  readonly learningRate: number;
  readonly algorithm: Algorithm;
}

/** Everything a cell depends on besides its seed: one SFT critic, and all recipes from it. */
export interface CriticTrainingCell extends
  Pick<
    CriticTrainingConfig,
    | "environment"
    | "actor"
    | "sftSteps"
    | "sftBatchSize"
    | "steps"
    | "evaluateEvery"
    | "testSeed"
    | "testStates"
  > {
  /** A run of the search is not reported. */
  readonly role: "report" | "search";
  readonly start: Start;
  /** Whose values SFT teaches. */
  readonly sftActor: CriticTrainingConfig["actor"];
  /** SFT stops after the first step with a lower loss; 0 = never. */
  readonly sftLoss: number;
  readonly size: CriticSize;
  readonly sftLearningRate: number;
  readonly runs: readonly TrainingRun[];
}

type Part = Pick<CriticTrainingConfig, "prompts" | "recipes" | "responses" | "search">;

/** The recipes at their learning rates, in the order of the configuration. */
export function trainingRuns(config: Part): TrainingRun[] {
  return config.recipes.map(({ name, learningRate }) => trainingRun(config, name, learningRate));
}

/** Those of the search: each recipe at its rate and both neighbours. */
export function searchRuns(config: Part): TrainingRun[] {
  const { recipes, search } = config;
  if (!search) return [];
  return recipes.flatMap((recipe) =>
    searchedRates(recipe, search)!.map((rate) => trainingRun(config, recipe.name, rate))
  );
}

function trainingRun(
  { prompts, responses }: Part,
  recipe: RecipeName,
  learningRate: number,
): TrainingRun {
  const algorithm = RECIPES[recipe].algorithm({ prompts, responses });
  return { id: `${recipe}/lr${learningRate}`, recipe, learningRate, algorithm };
}

/** A cell for each start and seed, and for each start and tuning seed of the search. */
export function criticTrainingCells(config: CriticTrainingConfig): Cell<CriticTrainingCell>[] {
  const { actor, environment, search, seeds, sftBatchSize, sftSteps, starts, steps } = config;
  separateSeeds("search.seeds", search?.seeds ?? [], seeds);
  const puzzle = createEnvironment("permutation", environment);
  const { learningRate: sftLearningRate, ...size } = config.size;
  const { training: flops, memory } = criticCost(cot, puzzle, size);
  const parts = [
    { role: "report" as const, seeds, runs: trainingRuns(config) },
    { role: "search" as const, seeds: search?.seeds ?? [], runs: searchRuns(config) },
  ];
  return parts.flatMap(({ role, seeds, runs }) => {
    const cost = sftSteps * flops(sftBatchSize) +
      runs.reduce((sum, { algorithm }) => sum + steps * stepCost(algorithm, flops), 0);
    return starts.flatMap((start) =>
      seeds.map((seed) => ({
        id: `${role === "search" ? "search/" : ""}${start}/seed${seed}`,
        seed,
        config: {
          role,
          start,
          environment,
          actor,
          sftActor: start === "stale" ? config.staleActor : actor,
          sftLoss: start === "weak" ? config.weakLoss : 0,
          size,
          sftLearningRate,
          sftSteps,
          sftBatchSize,
          runs,
          steps,
          evaluateEvery: config.evaluateEvery,
          testSeed: config.testSeed,
          testStates: config.testStates,
        },
        cost,
        // The critic after SFT, and the one that learns.
        memory: cellMemory([memory(), memory()]),
      }))
    );
  });
}

/** FLOPs of one step: a third of a training pass for each forward pass or generation. */
function stepCost(
  { kind, choices }: Algorithm,
  flops: (sequences: number) => number,
): number {
  const { prompts, responses } = choices;
  const all = flops(prompts * responses);
  if (kind === "reinforce") return all * (choices.klCoefficient > 0 ? 2 : 4 / 3);
  if (choices.trace === "own") return all * 4 / 3;
  return flops(prompts) * ((choices.target === "mean" ? 1 : 2) + 1 / 3);
}
