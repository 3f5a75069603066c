/** The formats of rollouts by name. A new one is one file in `formats/` and one line here. */
import { UsageError } from "../errors.ts";
import { chooseFrom } from "../suggest.ts";
import type { RolloutFormat } from "./format.ts";
import { genac } from "./formats/genac.ts";
import { jsonl } from "./formats/jsonl.ts";
import { lmEval } from "./formats/lm_eval.ts";
import { mathShepherd } from "./formats/math_shepherd.ts";
import { monteCarlo } from "./formats/monte_carlo.ts";
import { openInstruct } from "./formats/open_instruct.ts";
import { prm800k } from "./formats/prm800k.ts";
import { processbench } from "./formats/processbench.ts";
import { trl } from "./formats/trl.ts";
import { trlStepwise } from "./formats/trl_stepwise.ts";
import { verl } from "./formats/verl.ts";
import type { Row } from "./row.ts";

/** Every format that can be read. */
export const rolloutFormats: Readonly<Record<string, RolloutFormat>> = Object.fromEntries(
  [
    verl,
    trl,
    openInstruct,
    monteCarlo,
    lmEval,
    prm800k,
    mathShepherd,
    processbench,
    trlStepwise,
    genac,
    jsonl,
  ].map((format) => [format.name, format]),
);

/** The format of that name. Throws UsageError with the choices for an unknown one. */
export function rolloutFormat(name: string): RolloutFormat {
  const format = Object.hasOwn(rolloutFormats, name) ? rolloutFormats[name] : undefined;
  if (format) return format;
  const choices = chooseFrom(name, Object.keys(rolloutFormats));
  throw new UsageError("format", name, `unknown format of rollouts; ${choices}`);
}

/** The format that this row, a file's first, can only be of; undefined where its columns prove none. */
export function provenFormat(row: Row): RolloutFormat | undefined {
  const proved = Object.values(rolloutFormats).filter((format) => format.isProvedBy(row));
  return proved.length === 1 ? proved[0] : undefined;
}
