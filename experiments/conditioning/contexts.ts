/** What a critic is told of the actor: the conditions that the experiment compares. */
import { createEnvironment } from "../../lib/env/registry.ts";
import type { PermutationConfigInput, PermutationEnvironment } from "../../lib/env/permutation.ts";

/** One kind of context. */
interface ContextKind {
  /** In tables and legends. */
  readonly title: string;
  /** Whether the prompt states the actor's success rate. */
  readonly rate?: true;
  /** Whether it shows the outcomes of the actor's latest episodes of this problem. */
  readonly outcomes?: true;
  /** Whether it shows whole episodes of this problem: the moves and the outcome. */
  readonly examples?: true;
}

/** The contexts by name, in the order of tables. */
export const contexts = {
  none: { title: "no context" },
  rate: { title: "success rate", rate: true },
  outcomes: { title: "recent outcomes", outcomes: true },
  "rate+outcomes": { title: "success rate and recent outcomes", rate: true, outcomes: true },
  examples: { title: "example episodes", examples: true },
} as const satisfies Record<string, ContextKind>;

/** A context's name. */
export type ContextName = keyof typeof contexts;

/** How many outcomes and example episodes a context shows that shows any. */
export interface Slots {
  readonly outcomes: number;
  readonly examples: number;
}

/** What the context of that name consists of. */
export function contextKind(name: ContextName): ContextKind {
  return contexts[name];
}

/** The puzzle with room in its prompt for what the context shows; the trace keeps its distance from the word. */
export function conditionedEnvironment(
  config: PermutationConfigInput & { readonly traceOffset: number; readonly maxMoves: number },
  context: ContextName,
  slots: Slots,
): PermutationEnvironment {
  const kind = contextKind(context);
  const outcomeSlots = kind.outcomes ? slots.outcomes : 0;
  const exampleSlots = kind.examples ? slots.examples : 0;
  const traceOffset = config.traceOffset + outcomeSlots + exampleSlots * (config.maxMoves + 1);
  return createEnvironment("permutation", { ...config, traceOffset, outcomeSlots, exampleSlots });
}
