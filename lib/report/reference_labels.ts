/**
 * Where the names of reference lines go: beside the line, where they hide the least data.
 */
import type { ResolvedFigure, StraightLine } from "./figure_description.ts";
import { textWidth } from "./text_width.ts";
import { FONT_SIZE } from "./theme.ts";

/** A label's place along its line and on which side of it. */
export interface LabelPlace {
  /**
   * Where along the line, 0 = left or bottom end, 1 = right or top end. The label starts there if
   * it is below 0.5 and ends there otherwise.
   */
  readonly along: number;
  /** Above the line (of a vertical line: to its right). */
  readonly above: boolean;
}

/** A panel of middling size, in pixels: the choice need not be exact. */
const [WIDTH, HEIGHT, SQUARE] = [660, 330, 400];

/** One place for each of the figure's lines, judged by the first panel, the only one with labels. */
export function placeLabels(figure: ResolvedFigure): LabelPlace[] {
  const [width, height] = figure.square ? [SQUARE, SQUARE] : [WIDTH, HEIGHT];
  const size = { width: width / figure.columns, height: height / Math.sqrt(figure.columns) };
  const data = dataPixels(figure, size);
  return figure.lines.map((line) => {
    const places = line.axis === "x" ? VERTICAL : HORIZONTAL;
    const costs = places.map((place) =>
      data.filter(([x, y]) =>
        labelPixels(figure, line, place, size).some(([a, b]) =>
          Math.abs(a - x) < 7 && Math.abs(b - y) < 11
        )
      ).length
    );
    return places[costs.indexOf(Math.min(...costs))]!;
  });
}

const HORIZONTAL: readonly LabelPlace[] = [
  { along: 1, above: true },
  { along: 0, above: true },
  { along: 1, above: false },
  { along: 0, above: false },
];
const VERTICAL: readonly LabelPlace[] = [{ along: 1, above: true }, { along: 0, above: true }];
interface Size {
  readonly width: number;
  readonly height: number;
}

/** Points every few pixels along the data of the first panel. */
function dataPixels(figure: ResolvedFigure, size: Size): (readonly [number, number])[] {
  return figure.series.filter(({ panel }) => panel === 0).flatMap(({ runs }) =>
    runs.flatMap((run) =>
      run.flatMap((point, i) => {
        const next = run[i + 1] ?? point;
        const [from, to] = [pixel(figure, point, size), pixel(figure, next, size)];
        const ends = [point.low, point.high].flatMap((end) =>
          end === null
            ? []
            : [pixel(figure, figure.horizontal ? { ...point, x: end } : { ...point, y: end }, size)]
        );
        const between = Array.from({ length: 20 }, (_, k) => {
          const t = k / 20;
          return [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])] as const;
        });
        return [...between, ...ends];
      })
    )
  );
}

/** Points every few pixels through the middle of a label. */
function labelPixels(
  figure: ResolvedFigure,
  line: StraightLine,
  { along, above }: LabelPlace,
  size: Size,
): (readonly [number, number])[] {
  const length = textWidth(line.label, FONT_SIZE.tick);
  const direction = along < 0.5 ? 1 : -1;
  const steps = Array.from({ length: Math.ceil(length / 8) }, (_, k) => direction * k * 8);
  if (line.axis === "y") {
    const [, y] = pixel(figure, { x: figure.x.domain[0], y: line.value }, size);
    return steps.map((step) => [along * size.width + step, y + (above ? -9 : 9)]);
  }
  const [x] = pixel(figure, { x: line.value, y: figure.y.domain[0] }, size);
  const y = along === 1 ? 10 : size.height - 10;
  return steps.map((step) => [x + 6 + Math.abs(step), y]);
}

function pixel(
  { x, y }: ResolvedFigure,
  point: { readonly x: number; readonly y: number },
  { width, height }: Size,
): readonly [number, number] {
  const along = ({ log, domain }: typeof x, value: number) => {
    const to = log ? Math.log : Number;
    return (to(value) - to(domain[0])) / (to(domain[1]) - to(domain[0]));
  };
  return [along(x, point.x) * width, (1 - along(y, point.y)) * height];
}
