import assert from "node:assert/strict";
import type { PermutationEnvironment } from "./permutation.ts";
import { createEnvironment, createTask, environments, parseActor, taskNames } from "./registry.ts";

Deno.test("a registered environment knows its name and survives a round trip through its config", () => {
  for (const name of Object.keys(environments)) {
    const environment = createEnvironment(name);
    assert.equal(environment.name, name);
    const config = JSON.parse(JSON.stringify(environment.config));
    assert.deepEqual(createEnvironment(name, config).config, environment.config);
  }
});

Deno.test("a name known at compile time gives the environment's own type", () => {
  const environment: PermutationEnvironment = createEnvironment("permutation", { group: "S3" });
  assert.equal(environment.group.order, 6);
});

Deno.test("every config field of every environment has a description", () => {
  for (const { config, actor } of Object.values(environments)) {
    for (const schema of [config, actor]) {
      const shape =
        (schema as unknown as { shape: Record<string, { description?: string }> }).shape;
      for (const [field, { description }] of Object.entries(shape)) assert.ok(description, field);
    }
  }
});

Deno.test("an unknown name lists the choices, the closest first", () => {
  const all = `choose from ${Object.keys(environments).join(", ")}`;
  for (
    const [name, remedy] of [
      ["permutaton", `did you mean permutation? ${all}`],
      ["constructor", all],
      ["", all],
    ] as const
  ) {
    assert.throws(() => createEnvironment(name), {
      name: "UsageError",
      message: `environment: ${JSON.stringify(name)}: unknown environment; ${remedy}`,
    });
  }
});

Deno.test("a task is an environment whose actor can be a language model", () => {
  assert.ok(taskNames.includes("sat") && !taskNames.includes("permutation"));
  assert.equal(createTask("sat", { maxVariables: 8 }).name, "sat");
  assert.throws(() => createTask("permutation"), {
    name: "UsageError",
    message: /^environment: "permutation": its actor cannot be .*; choose from circuit, sat\b/,
  });
  assert.throws(() => createTask("maze"), /^UsageError: environment: "maze": unknown/);
});

Deno.test("actors are validated", () => {
  assert.deepEqual(parseActor("permutation", { epsilon: 0.3 }), { epsilon: 0.3 });
  assert.throws(
    () => parseActor("permutation", { epsilon: 2 }),
    /^UsageError: actor\.epsilon: 2: /,
  );
});
