import { criticDefinition } from "../../lib/critic/registry.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { cellMemory } from "../shared/cell_memory.ts";
import { sizeName } from "../shared/config.ts";
import { criticCost } from "../shared/critic_cost.ts";
import { separateSeeds } from "../shared/search.ts";
import type { LadderCell } from "./cell.ts";
import { isOn, type LadderConfig, learningRate, type Shape } from "./config.ts";
import { environmentOf } from "./rungs.ts";

/** The training runs of a configuration: rungs x critics x sizes x seeds, those with more data, the search's. */
export function ladderCells(config: LadderConfig): Cell<LadderCell>[] {
  const { batchSize, moreData, rungs, runs, search, seeds, steps, testSeed, testStates } = config;
  separateSeeds("search.seeds", search?.seeds ?? [], seeds);
  if (search) separateSeeds("search.testSeed", [search.testSeed], [testSeed]);
  return rungs.flatMap((rung) => {
    const environment = environmentOf(rung.environment);
    const cell = (
      critic: string,
      size: Shape,
      seed: number,
      part: Pick<LadderCell, "role" | "learningRate" | "steps" | "testSeed">,
    ): Cell<LadderCell> => {
      const costs = criticCost(criticDefinition(critic), environment, size);
      const suffix = part.role === "search"
        ? `/lr${part.learningRate}`
        : part.role === "more data"
        ? `/steps${part.steps}`
        : "";
      return {
        id: `${rung.name}/${critic}/${sizeName(size)}${suffix}/seed${seed}`,
        seed,
        config: {
          rung: rung.name,
          critic,
          size,
          ...part,
          environment: rung.environment,
          batchSize,
          testStates,
        },
        cost: part.steps * costs.training(batchSize) + costs.forward(testStates),
        memory: cellMemory([costs.memory()]),
      };
    };
    const reported = (
      { critic, sizes }: LadderConfig["runs"][number],
      part: Pick<LadderCell, "role" | "steps">,
    ) =>
      sizes.flatMap((size) =>
        seeds.map((seed) =>
          cell(critic, size, seed, {
            ...part,
            learningRate: learningRate(rung, critic, size),
            testSeed,
          })
        )
      );
    const ours = runs.filter((run) => isOn(run, rung));
    return [
      ...ours.flatMap((run) => reported(run, { role: "report", steps })),
      ...(moreData?.runs ?? []).filter((run) => isOn(run, rung)).flatMap((run) =>
        reported(run, { role: "more data", steps: moreData!.factor * steps })
      ),
      ...(search && isOn(search, rung) ? ours : []).flatMap(({ critic }) =>
        search!.rates.flatMap((learningRate) =>
          search!.seeds.map((seed) =>
            cell(critic, search!.size, seed, {
              role: "search",
              learningRate,
              steps: search!.steps,
              testSeed: search!.testSeed,
            })
          )
        )
      ),
    ];
  });
}
