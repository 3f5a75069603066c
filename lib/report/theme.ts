/**
 * How figures look. A critic has one look in every figure, which no other series wears; everything else takes a neutral
 * look. Colours can be told apart by colour-blind readers and have a contrast with white of at least 3, which a test
 * holds them to; and each look has a dash pattern, a marker and a hatch of its own, so that grey print reads too.
 */
import { criticDefinition } from "../critic/registry.ts";

/** A marker's shape; the names are Plotly's. */
export type MarkerShape = keyof typeof MARKERS;

/** How one series is drawn. */
export interface SeriesStyle {
  /** "#rrggbb". */
  readonly color: string;
  /** Lengths of dashes and gaps in pixels; empty = solid. */
  readonly dash: readonly number[];
  readonly marker: MarkerShape;
  /** True = white inside. */
  readonly open: boolean;
  /** Bars only; "" = filled. */
  readonly hatch: "" | "/" | "\\" | "x" | "-" | "|" | ".";
}

/**
 * Critics' own looks: Okabe and Ito's colours, darker ones in place of those that are pale on white, and four dark ones.
 * Controls have open markers. A critic needs no line here: see `criticStyle`.
 */
const CRITICS: Readonly<Record<string, SeriesStyle>> = {
  "discriminative-mse": look("#0072b2", [], "circle", false, ""),
  "discriminative-hl-gauss": look("#2493f1", [7, 3], "square", false, "/"),
  "one-shot": look("#7c5d1d", [2, 3], "triangle-up", false, "\\"),
  cot: look("#d55e00", [], "diamond", false, "x"),
  filler: look("#4a544a", [7, 3, 2, 3], "circle", true, "-"),
  "discriminative-auxiliary": look("#009e73", [12, 3], "square", true, "|"),
  "cot-scalar": look("#cc79a7", [12, 3, 2, 3], "diamond", true, "."),
  oracle: look("#000000", [1, 2], "cross", false, ""),
  "discriminative-gru": look("#9900ff", [4, 2], "triangle-up", true, "/"),
  "discriminative-gru-auxiliary": look("#331199", [4, 2, 1, 2], "triangle-up", true, "|"),
  "discriminative-looped": look("#771100", [9, 2], "cross", true, "\\"),
  "discriminative-looped-auxiliary": look("#550055", [9, 2, 1, 2], "cross", true, "x"),
};

/**
 * For what is not a critic. The colours were searched for by their distance in CIELAB: from critics' colours, and from one
 * another also as readers without red or green cones see them; contrast with white at least 3.
 */
const NEUTRAL: readonly SeriesStyle[] = [
  look("#0e2451", [], "square", false, ""),
  look("#b41a5b", [7, 3], "diamond", false, "/"),
  look("#008e96", [12, 3], "circle", false, "\\"),
  look("#bf7f64", [2, 3], "triangle-down", false, "x"),
  look("#7a5aba", [7, 3, 2, 3], "triangle-up", false, "|"),
  look("#1cac00", [4, 2], "cross", false, "-"),
  look("#586007", [12, 3, 2, 3], "square", true, "."),
  look("#4d65ff", [9, 2], "circle", true, "/"),
];

/** For what a score is compared with that asks no critic: always predicting the mean, and the like. */
export const BASELINE_STYLE: SeriesStyle = look("#59636e", [5, 4], "cross", true, "");

function look(
  color: string,
  dash: readonly number[],
  marker: MarkerShape,
  open: boolean,
  hatch: SeriesStyle["hatch"],
): SeriesStyle {
  return { color, dash, marker, open, hatch };
}

/**
 * A critic's look, for that critic's series alone.
 *
 * @param critic Its name in lib/critic's registry, or "oracle". A critic without a line in the table gets a look that
 *   depends on its name alone, with an open triangle that no other look has.
 */
export function criticStyle(critic: string): SeriesStyle {
  if (Object.hasOwn(CRITICS, critic)) return CRITICS[critic]!;
  const hash = [...critic].reduce((h, char) => (31 * h + char.codePointAt(0)!) % 0xfffff, 7);
  const [dash] = VARIANTS[hash % VARIANTS.length]!;
  return look(hueColor(hash % 360), dash, "triangle-down", true, "\\");
}

/** A colour, "#rrggbb", from its hue in degrees (CSS's hsl(hue 60% 35%)). */
function hueColor(hue: number): string {
  return hex([0, 8, 4].map((n) => {
    const k = (n + hue / 30) % 12;
    return 255 * (0.35 - 0.21 * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  }));
}

/** A critic's name in legends and tables: its title in lib/critic's registry. */
export function criticLabel(critic: string): string {
  return critic === "oracle" ? "Oracle (exact values)" : criticDefinition(critic).title;
}

/** A look for a series that is not a critic: the n-th of eight, the same for the same n, and no critic's. */
export function plainStyle(n: number): SeriesStyle {
  return NEUTRAL[n % NEUTRAL.length]!;
}

const VARIANTS: readonly (readonly [SeriesStyle["dash"], MarkerShape])[] = [
  [[], "circle"],
  [[7, 3], "square"],
  [[2, 3], "diamond"],
  [[12, 3], "triangle-up"],
  [[7, 3, 2, 3], "triangle-down"],
  [[4, 2], "cross"],
];

/** The n-th of six looks in a style's colour, by dash and marker: for several series of one kind of critic. */
export function variant(style: SeriesStyle, n: number): SeriesStyle {
  const [dash, marker] = VARIANTS[n % VARIANTS.length]!;
  return { ...style, dash, marker };
}

/** Corners of a marker within the square [-1, 1]^2, y downwards; a circle has none. */
const MARKERS = {
  circle: [],
  square: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  diamond: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  "triangle-up": [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
  "triangle-down": [[0, 1.15], [1.1, -0.85], [-1.1, -0.85]],
  cross: [
    [-0.4, -1.1],
    [0.4, -1.1],
    [0.4, -0.4],
    [1.1, -0.4],
    [1.1, 0.4],
    [0.4, 0.4],
    [0.4, 1.1],
    [-0.4, 1.1],
    [-0.4, 0.4],
    [-1.1, 0.4],
    [-1.1, -0.4],
    [-0.4, -0.4],
  ],
} as const satisfies Record<string, readonly (readonly [number, number])[]>;

/** The part of a canvas that markers need. */
export interface MarkerContext {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  arc(x: number, y: number, radius: number, start: number, end: number): void;
  closePath(): void;
}

/** A marker's outline as drawing calls, centred on (0, 0). */
export function drawMarker(
  shape: MarkerShape,
  radius: number,
  context: MarkerContext,
): void {
  const corners: readonly (readonly [number, number])[] = MARKERS[shape];
  if (corners.length === 0) {
    context.moveTo(radius, 0);
    context.arc(0, 0, radius, 0, 2 * Math.PI);
  }
  corners.forEach(([x, y], i) => {
    if (i === 0) context.moveTo(x * radius, y * radius);
    else context.lineTo(x * radius, y * radius);
  });
  context.closePath();
}

/** How a marker is painted: an open one in white with a thick outline, so that the line does not show inside. */
export function markerPaint({ color, open }: SeriesStyle) {
  return open
    ? { fill: INK.background, stroke: color, strokeWidth: 1.6 }
    : { fill: color, stroke: INK.background, strokeWidth: 0.8 };
}

/** Fonts that are on readers' machines; the last named one is on Linux. */
export const FONT_FAMILY =
  "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif";

/** Colours of everything that is not data. Figures are white also on a dark page. */
export const INK = {
  background: "#ffffff",
  text: "#1f2328",
  muted: "#59636e",
  axis: "#6e7781",
  grid: "#e6e9ed",
} as const;

/** Font sizes in pixels at a figure's natural width. */
export const FONT_SIZE = { title: 15, subtitle: 12.5, axis: 13, tick: 12, legend: 12.5 } as const;

/** A line with more points than this has markers on some of them only. */
export const MOST_MARKERS = 25;

/** Opacity of interval bands: seven may lie over one another. */
export const BAND_OPACITY = 0.16;

/** The colour, "#rrggbb", mixed with `white` in [0, 1] of white; two thirds make the ground of a hatch. */
export function tint(color: string, white = 2 / 3): string {
  return hex(channels(color).map((part) => part + (255 - part) * white));
}

/** The colour as "rgba(...)" with an interval band's opacity. */
export function translucent(color: string): string {
  return `rgba(${channels(color).join(",")},${BAND_OPACITY})`;
}

/** Red, green and blue in 0..255. */
function channels(color: string): number[] {
  return [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
}

function hex(channels: readonly number[]): string {
  return `#${channels.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}
