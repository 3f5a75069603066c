import assert from "node:assert/strict";
import * as z from "zod";
import { parseConfig } from "./parse_config.ts";

const schema = z.strictObject({
  size: z.int().min(1).default(3),
  inner: z.strictObject({ list: z.array(z.string()) }).optional(),
});

Deno.test("defaults are filled in", () => {
  assert.deepEqual(parseConfig(schema, {}, "config"), { size: 3 });
});

Deno.test("errors are one line with field, value and remedy", () => {
  const cases: [unknown, string][] = [
    [{ size: 0 }, "config.size: 0: Too small: expected number to be >=1"],
    [{ size: "4" }, 'config.size: "4": Invalid input: expected number, received string'],
    [
      { inner: { list: [1] } },
      "config.inner.list.0: 1: Invalid input: expected string, received number",
    ],
    [
      { inner: { list: {} } },
      'config.inner.list: "{}": Invalid input: expected array, received object',
    ],
    [{ sise: 4 }, 'config: "sise": unknown field; did you mean size? choose from size, inner'],
    [{ inner: { list: [], more: 1 } }, 'config.inner: "more": unknown field; leave it out'],
    [null, "config: null: Invalid input: expected object, received null"],
  ];
  for (const [value, message] of cases) {
    assert.throws(() => parseConfig(schema, value, "config"), { name: "UsageError", message });
  }
});
