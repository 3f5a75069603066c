import assert from "node:assert/strict";
import { critics } from "../critic/registry.ts";
import { ROOT } from "../root.ts";
import {
  BASELINE_STYLE,
  criticLabel,
  criticStyle,
  plainStyle,
  type SeriesStyle,
  tint,
  translucent,
} from "./theme.ts";

const CRITICS = [...Object.keys(critics), "oracle"];
const NEUTRAL = Array.from({ length: 8 }, (_, n) => plainStyle(n));

function colors(looks: readonly SeriesStyle[]): Set<string> {
  return new Set(looks.map(({ color }) => color));
}

/** The looks as they are in grey print. */
function inGrey(looks: readonly SeriesStyle[]): Set<string> {
  return new Set(looks.map(({ dash, marker, open }) => `${dash} ${marker} ${open}`));
}

Deno.test("every critic has a name in legends", () => {
  for (const critic of CRITICS) assert.notEqual(criticLabel(critic), "");
});

Deno.test("no two critics share a look, and no neutral look is a critic's, in colour or in grey", () => {
  const looks = [...CRITICS.map(criticStyle), ...NEUTRAL, BASELINE_STYLE];
  assert.equal(colors(looks).size, looks.length);
  assert.equal(inGrey(looks).size, looks.length);
});

Deno.test("bars of the main critics and of neutral series have hatches of all kinds", () => {
  for (const looks of [CRITICS.map(criticStyle), NEUTRAL]) {
    assert.equal(new Set(looks.flatMap(({ hatch }) => hatch === "" ? [] : [hatch])).size, 6);
  }
});

Deno.test("a new critic needs no look of its own, and changes nobody's", async () => {
  const known = CRITICS.map(criticStyle);
  const added = { ...critics[CRITICS[0]!]!, name: "voting", title: "Voting" };
  const registry = critics as Record<string, unknown>;
  registry[added.name] = added;
  try {
    // A second copy of the module, which sees the longer registry from its first line on.
    const theme = await import(`${import.meta.resolve("./theme.ts")}?with-a-new-critic`);
    assert.deepEqual(CRITICS.map(theme.criticStyle), known);
    assert.deepEqual(NEUTRAL.map((_, n) => theme.plainStyle(n)), NEUTRAL);
    const own: SeriesStyle = theme.criticStyle("voting");
    const looks = [...known, ...NEUTRAL, BASELINE_STYLE, own];
    assert.equal(colors(looks).size, looks.length);
    assert.equal(inGrey(looks).size, looks.length);
    assert.deepEqual(criticStyle("voting"), own);
    assert.notDeepEqual(criticStyle("voting-2").color, own.color);
    assert.match(own.color, /^#[0-9a-f]{6}$/);
    assert.equal(criticLabel("voting"), "Voting");
  } finally {
    delete registry[added.name];
  }
});

Deno.test("an experiment's figures have a critic's colour by the critic's name only", () => {
  const known = colors([...CRITICS.map(criticStyle), ...NEUTRAL]);
  const folders = [...Deno.readDirSync(`${ROOT}experiments`)].filter((entry) => entry.isDirectory);
  const paths = folders.map(({ name }) => `${ROOT}experiments/${name}`).flatMap((folder) =>
    [...Deno.readDirSync(folder)].filter(({ name }) => name === "figures.ts")
      .map(({ name }) => `${folder}/${name}`)
  );
  assert.ok(paths.length >= 8);
  for (const path of paths) {
    const source = Deno.readTextFileSync(path);
    const written = source.match(/#[0-9a-f]{6}\b/gi) ?? [];
    assert.deepEqual(written.filter((color) => known.has(color.toLowerCase())), [], path);
    for (const [, critic] of source.matchAll(/criticStyle\("([^"]+)"\)/g)) {
      assert.ok(CRITICS.includes(critic!), `${path}: ${critic}`);
    }
  }
});

Deno.test("colours are mixed by parts", () => {
  assert.equal(tint("#000000"), "#aaaaaa");
  assert.equal(translucent("#d55e00"), "rgba(213,94,0,0.16)");
});
