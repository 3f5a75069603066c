import assert from "node:assert/strict";
import { critics } from "../critic/registry.ts";
import { ROOT } from "../root.ts";
import { DISPLAY } from "./mime.ts";
import {
  BASELINE_STYLE,
  criticLabel,
  criticStyle,
  INK,
  plainStyle,
  type SeriesStyle,
  tint,
  translucent,
} from "./theme.ts";
import { tokenSequence, type TokenTone } from "./token_sequence.ts";
import { VERDICT_LOOKS } from "./verdict.ts";

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

type Triple = readonly [number, number, number];

function times(rows: readonly Triple[], [x, y, z]: Triple): Triple {
  return rows.map(([a, b, c]) => a * x + b * y + c * z) as unknown as Triple;
}

/** Linear RGB in [0, 1] of an sRGB colour "#rrggbb" (IEC 61966-2-1). */
function linear(color: string): Triple {
  return [1, 3, 5].map((i) => {
    const part = parseInt(color.slice(i, i + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as unknown as Triple;
}

/** CIE XYZ of linear RGB, for D65. */
const XYZ: readonly Triple[] = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
];

/** WCAG 2's contrast ratio. */
function contrast(one: string, two: string): number {
  const [dark, light] = [one, two].map((color) => times(XYZ, linear(color))[1])
    .sort((a, b) => a - b);
  return (light! + 0.05) / (dark! + 0.05);
}

/** What readers see who lack a kind of cone: Machado et al. 2009, severity 1, on linear RGB. */
const VISIONS: Readonly<Record<string, readonly Triple[]>> = {
  "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** CIELAB as that vision has it. */
function lab(color: string, vision: readonly Triple[]): Triple {
  const seen = times(vision, linear(color)).map((part) => Math.min(Math.max(part, 0), 1));
  const white = times(XYZ, [1, 1, 1]);
  const [x, y, z] = times(XYZ, seen as unknown as Triple).map((part, i) => {
    const t = part / white[i]!;
    return t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 * t + 16) / 116;
  });
  return [116 * y! - 16, 500 * (x! - y!), 200 * (y! - z!)];
}

Deno.test("contrast and colour vision are computed as published", () => {
  assert.ok(Math.abs(contrast("#000000", "#ffffff") - 21) < 1e-4);
  assert.ok(Math.abs(contrast("#767676", "#ffffff") - 4.54) < 0.01, "WebAIM's example");
  // Red has L* 53.24, a* 80.09, b* 67.20 (Lindbloom's calculator).
  lab("#ff0000", VISIONS["all cones"]!).forEach((part, i) =>
    assert.ok(Math.abs(part - [53.24, 80.09, 67.2][i]!) < 0.02)
  );
});

Deno.test("every series stands out from white: WCAG's contrast of graphics is 3", () => {
  // Made-up names: the looks of critics without a line in the table.
  const made = Array.from({ length: 400 }, (_, i) => criticStyle(`critic-${i}`));
  for (const { color } of [...CRITICS.map(criticStyle), ...NEUTRAL, BASELINE_STYLE, ...made]) {
    assert.ok(contrast(color, INK.background) >= 3, `${color} on white`);
  }
});

for (const [vision, seen] of Object.entries(VISIONS)) {
  // A difference of 2.3 is just noticeable; figures show critics, or neutral series beside one another.
  Deno.test(`series differ by 12 in CIELAB: ${vision}`, () => {
    for (const looks of [CRITICS.map(criticStyle), NEUTRAL]) {
      const named = looks.map(({ color }) => ({ color, at: lab(color, seen) }));
      named.forEach((one, i) =>
        named.slice(i + 1).forEach((two) => {
          const distance = Math.hypot(...one.at.map((part, k) => part - two.at[k]!));
          assert.ok(distance >= 12, `${one.color} and ${two.color}: ${distance}`);
        })
      );
    }
  });
}

Deno.test("text can be read on its ground: WCAG's contrast of text is 4.5", () => {
  const { background, text, muted } = INK;
  for (const color of [text, muted, ...Object.values(VERDICT_LOOKS).map(({ color }) => color)]) {
    assert.ok(contrast(color, background) >= 4.5, `${color} on white`);
  }
  const tones = ["prompt", "plain", "right", "wrong", "value"] satisfies TokenTone[];
  for (const tone of tones) {
    const html = tokenSequence([{ text: "a", tone, label: "b" }])[DISPLAY]()["text/html"]!;
    const ground = html.match(/background:(#[0-9a-f]{6})/)![1]!;
    const colors = [...html.matchAll(/[";]color:(#[0-9a-f]{6})/g)].map(([, color]) => color!);
    assert.equal(colors.length, tone === "right" || tone === "wrong" ? 3 : 2);
    for (const color of colors) assert.ok(contrast(color, ground) >= 4.5, `${color} on ${ground}`);
  }
});
