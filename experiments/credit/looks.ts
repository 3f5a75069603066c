/** How methods look in figures, and how they are named there. */
import { criticStyle, plainStyle, type SeriesStyle, variant } from "../../lib/report/theme.ts";
import { CRITICS, METHOD_NAMES, type MethodName, methodOf } from "./methods.ts";
import { CENTRAL } from "./profiles.ts";
import type { CreditSummary, MethodRow, TaskRow } from "./summary.ts";

/** Whose values a method has; its colour. In the order of the figure of gains. */
export const FAMILIES = {
  "no critic": plainStyle(0),
  "discriminative critic": criticStyle(CRITICS.discriminative.definition),
  "GenAC": plainStyle(1),
  "generative critic, learning": criticStyle(CRITICS.generative.definition),
  "generative critic, frozen": plainStyle(3),
  "generative critic without ICC": plainStyle(6),
  "generative critic, equal knowledge": plainStyle(4),
  "process reward": plainStyle(2),
  "oracle": criticStyle("oracle"),
} as const satisfies Record<string, SeriesStyle>;

/** One of them. */
export type Family = keyof typeof FAMILIES;

/** A method's family. */
export function familyOf(name: MethodName): Family {
  const { conditioning, critic, training } = methodOf(name);
  if (name === "oracle") return "oracle";
  if (name === "process") return "process reward";
  if (critic === undefined) return "no critic";
  if (critic === "discriminative") return "discriminative critic";
  if (critic === "generative, equal knowledge") return "generative critic, equal knowledge";
  if (training?.method === "reinforce") return "GenAC";
  if (conditioning === "initial") return "generative critic without ICC";
  return training?.method === "frozen"
    ? "generative critic, frozen"
    : "generative critic, learning";
}

/** A family's colour and marker, its line solid. */
export function familyStyle(family: Family): SeriesStyle {
  return { ...FAMILIES[family], dash: [] };
}

/** A method's look in every figure: its family's colour, with a dash and a marker of its own; the seventh's is open. */
export function styleOf(name: MethodName): SeriesStyle {
  const family = familyOf(name);
  const index = METHOD_NAMES.filter((other) => familyOf(other) === family).indexOf(name);
  return { ...variant(familyStyle(family), index), open: index >= 6 };
}

/** A method's name, with the number of its seeds where that is not all of the task's. */
export function nameOf({ seeds, title }: MethodRow, { starts }: TaskRow): string {
  return seeds.length === starts.length ? title : `${title} (${seedsText(seeds.length)})`;
}

/** Whether the confirmatory claims are about it, or it is the reference beside them. */
export function isCentral({ method }: MethodRow): boolean {
  return CENTRAL.includes(method);
}

/** "10 seeds", or where tasks have not as many, "10 seeds on word evaluation, 5 on circuit". */
export function seedsByTask({ tasks }: CreditSummary): string {
  const counts = tasks.map(({ starts }) => starts.length);
  if (new Set(counts).size === 1) return seedsText(counts[0]!);
  return tasks.map(({ task }, i) => `${i === 0 ? seedsText(counts[i]!) : counts[i]} on ${task}`)
    .join(", ");
}

/** "10 seeds". */
export function seedsText(seeds: number): string {
  return seeds === 1 ? "1 seed" : `${seeds} seeds`;
}
