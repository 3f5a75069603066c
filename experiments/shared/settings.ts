/** What was run, in words and numbers, for the reader of a report. */
import type { z } from "zod";
import type { permutationActor, permutationConfig } from "../../lib/env/permutation.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { criticLabel } from "../../lib/report/theme.ts";
import { type criticRuns, type Size, sizeName } from "./config.ts";

/** A line of the table: what, and how it was set. */
export type Setting = readonly [name: string, text: string];

/** The configuration of critics that learn the values of one actor in the permutation puzzle. */
export interface SupervisedSettings {
  readonly environment: z.output<typeof permutationConfig>;
  readonly actor: z.output<typeof permutationActor>;
  readonly runs: z.output<typeof criticRuns>;
  readonly steps: number;
  readonly batchSize: number;
  readonly seeds: readonly number[];
}

/** The puzzle and which of its states are learned. */
export function environmentSetting(
  e: Omit<SupervisedSettings["environment"], "outcomeSlots" | "exampleSlots">,
): Setting {
  return [
    "environment",
    `word problem of the group ${e.group} as a puzzle: words of ${e.minLength} to ${e.maxLength} ` +
    `generators, ${e.maxMoves} moves; states after ${e.minMovesBefore} to ${e.maxMovesBefore} moves`,
  ];
}

/** Which critics, at which sizes. */
function criticsSetting(
  runs: readonly {
    readonly critic: string;
    readonly sizes: readonly Pick<Size, "dModel" | "layers">[];
  }[],
): Setting {
  const text = runs.map(({ critic, sizes }) =>
    `${criticLabel(critic)} (${sizes.map(sizeName).join(", ")})`
  );
  return ["critics", text.join("; ")];
}

/** How much is learned from, and with which seeds. */
export function trainingSetting(
  { batchSize, seeds, steps }: Pick<SupervisedSettings, "batchSize" | "seeds" | "steps">,
): Setting {
  return [
    "training",
    `supervised, ${steps} steps of ${batchSize} states, AdamW with warm-up and cosine; seeds ` +
    seeds.join(", "),
  ];
}

/** Whether learning rates were searched for. */
export function searchSetting(search: { readonly seeds: readonly number[] } | undefined): Setting {
  return [
    "learning-rate search",
    search ? `tuning seeds ${search.seeds.join(", ")}` : "not in this profile",
  ];
}

/** Environment, actor, target, critics and training. */
export function supervisedSettings(config: SupervisedSettings): Setting[] {
  const { actor, environment, runs } = config;
  return [
    environmentSetting(environment),
    [
      "actor",
      `a program: with probability ${actor.epsilon} a uniform move, else one that shortens the distance`,
    ],
    ["target", "the actor's exact probability of success, by dynamic programming"],
    criticsSetting(runs),
    trainingSetting(config),
  ];
}

/** How `TestScores` measures error. */
export const ERROR_SETTING: Setting = [
  "error",
  "root mean squared error against the exact value; 1 for a response that cannot be parsed",
];

/** Settings as a table without a head. */
export function tableOfSettings(rows: readonly Setting[]): Displayable {
  return table({
    rows,
    columns: [{ title: "", cell: ([name]) => name }, { title: "", cell: ([, text]) => text }],
  });
}
