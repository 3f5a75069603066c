import assert from "node:assert/strict";
import { critics } from "../critic/registry.ts";
import { CRITIC_ORDER, criticLabel, criticStyle, tint, translucent } from "./theme.ts";

Deno.test("every critic of the registry has a look and a name", () => {
  assert.deepEqual([...CRITIC_ORDER].sort(), [...Object.keys(critics), "oracle"].sort());
  for (const critic of CRITIC_ORDER) assert.notEqual(criticLabel(critic), "");
});

Deno.test("any two critics differ in colour, and without colour in dash or marker", () => {
  const looks = CRITIC_ORDER.map(criticStyle);
  assert.equal(new Set(looks.map(({ color }) => color)).size, looks.length);
  const grey = looks.map(({ dash, marker, open }) => `${dash} ${marker} ${open}`);
  assert.equal(new Set(grey).size, looks.length);
  assert.equal(
    new Set(looks.filter(({ hatch }) => hatch !== "").map(({ hatch }) => hatch)).size,
    6,
  );
});

Deno.test("a critic without a look of its own always gets the same one", () => {
  assert.deepEqual(criticStyle("my-critic"), criticStyle("my-critic"));
  assert.equal(criticStyle("my-critic").marker, "triangle-down");
});

Deno.test("colours are mixed by parts", () => {
  assert.equal(tint("#000000"), "#aaaaaa");
  assert.equal(translucent("#d55e00"), "rgba(213,94,0,0.16)");
});
