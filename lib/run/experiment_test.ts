import assert from "node:assert/strict";
import type { Experiment, Jsonable, JsonObject } from "./experiment.ts";

/** A compile error unless A and B are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : never;

interface Good {
  readonly loss: number | null;
  readonly curve: readonly number[];
  readonly tests: Readonly<Record<string, { readonly name: string; readonly iqm?: number }>>;
}

function accepts<T extends JsonObject<T>>(metrics: T): T {
  return JSON.parse(JSON.stringify(metrics));
}

Deno.test("metrics are JSON by their type", () => {
  const good: Good = { loss: null, curve: [1], tests: { a: { name: "a" } } };
  assert.deepEqual(accepts(good), good);
  true satisfies Same<Jsonable<Good>, Good>;
  // What JSON would drop or change does not compile.
  // @ts-expect-error undefined
  accepts<{ loss: number | undefined }>;
  // @ts-expect-error a function
  accepts<{ loss: () => number }>;
  // @ts-expect-error a Map
  accepts<{ tests: Map<string, number> }>;
  // @ts-expect-error a typed array
  accepts<{ curve: Float32Array }>;
  // @ts-expect-error a bigint, deep inside
  accepts<{ tests: Record<string, { flops: bigint }> }>;
  // @ts-expect-error nothing is known of it
  accepts<{ tests: unknown }>;
  // @ts-expect-error and so for an experiment
  null as unknown as Experiment<unknown, unknown, { date: Date }, unknown>;
});
