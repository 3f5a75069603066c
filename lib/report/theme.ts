/**
 * One look for every figure: colours that colour-blind readers can tell apart (Okabe and Ito's, and four dark ones), a
 * dash pattern, a marker and a hatch of its own per kind of critic, so that grey print reads too.
 * A kind looks the same in every figure. Controls have open markers.
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

/** By critic, in the order of legends and tables. */
const CRITICS: Readonly<Record<string, SeriesStyle>> = {
  "discriminative-mse": look("#0072b2", [], "circle", false, ""),
  "discriminative-hl-gauss": look("#56b4e9", [7, 3], "square", false, "/"),
  "one-shot": look("#e69f00", [2, 3], "triangle-up", false, "\\"),
  cot: look("#d55e00", [], "diamond", false, "x"),
  filler: look("#7f7f7f", [7, 3, 2, 3], "circle", true, "-"),
  "discriminative-auxiliary": look("#009e73", [12, 3], "square", true, "|"),
  "cot-scalar": look("#cc79a7", [12, 3, 2, 3], "diamond", true, "."),
  oracle: look("#000000", [1, 2], "cross", false, ""),
  "discriminative-gru": look("#9900ff", [4, 2], "triangle-up", true, "/"),
  "discriminative-gru-auxiliary": look("#331199", [4, 2, 1, 2], "triangle-up", true, "|"),
  "discriminative-looped": look("#771100", [9, 2], "cross", true, "\\"),
  "discriminative-looped-auxiliary": look("#550055", [9, 2, 1, 2], "cross", true, "x"),
};

function look(
  color: string,
  dash: readonly number[],
  marker: MarkerShape,
  open: boolean,
  hatch: SeriesStyle["hatch"],
): SeriesStyle {
  return { color, dash, marker, open, hatch };
}

/** For series that are not critics. */
const LOOKS = Object.values(CRITICS).slice(0, 8);

/** The names of the critics that have a look of their own, in the order of legends and tables. */
export const CRITIC_ORDER: readonly string[] = Object.keys(CRITICS);

/**
 * A critic's look.
 *
 * @param critic Its name in lib/critic's registry, or "oracle". A critic without a look of its own
 *   gets one that only depends on its name.
 */
export function criticStyle(critic: string): SeriesStyle {
  if (Object.hasOwn(CRITICS, critic)) return CRITICS[critic]!;
  const sum = [...critic].reduce((sum, character) => sum + character.codePointAt(0)!, 0);
  return { ...plainStyle(sum), marker: "triangle-down", open: true };
}

/** A critic's name in legends and tables: its title in lib/critic's registry. */
export function criticLabel(critic: string): string {
  return critic === "oracle" ? "Oracle (exact values)" : criticDefinition(critic).title;
}

/** A look for a series that is not a critic: the n-th of eight, the same for the same n. */
export function plainStyle(n: number): SeriesStyle {
  return LOOKS[n % LOOKS.length]!;
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

/** The colour mixed with two parts of white: the ground of a hatch. */
export function tint(color: string): string {
  return mix(color, (part) => Math.round((part + 2 * 255) / 3).toString(16).padStart(2, "0"));
}

/** The colour as "rgba(...)" with an interval band's opacity. */
export function translucent(color: string): string {
  return `rgba(${mix(color, (part) => `${part},`)}${BAND_OPACITY})`;
}

function mix(color: string, write: (part: number) => string): string {
  const parts = [1, 3, 5].map((i) => write(parseInt(color.slice(i, i + 2), 16))).join("");
  return parts.includes(",") ? parts : `#${parts}`;
}
