/**
 * Numbers as a reader wants them: few digits, thousands parted, the same on every machine (no
 * locale).
 */

/** An estimate with the ends of its interval; null = undefined. `Interval` of lib/eval is one. */
export interface IntervalLike {
  readonly estimate: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** How to write a number; at most one of the two. */
export interface NumberFormat {
  /** Digits after the decimal point. */
  readonly decimals?: number;
  /** Significant digits; default 3. Integers below 10^6 are written in full unless it is given. */
  readonly significant?: number;
}

/** Written in place of an undefined number. */
export const UNDEFINED_NUMBER = "–";

/**
 * A number in decimal, thousands parted by commas ("25,344", "0.0261"); "1.70e11" from 10^9 and
 * "2.6e-5" below 10^-4; "–" for null, undefined and NaN.
 */
export function formatNumber(value: number | null | undefined, format: NumberFormat = {}): string {
  if (value === null || value === undefined || Number.isNaN(value)) return UNDEFINED_NUMBER;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const magnitude = Math.abs(value);
  if (format.decimals !== undefined) return sign(value, format.decimals);
  const significant = format.significant ?? 3;
  if (value === 0) return "0";
  if (magnitude >= 1e9 || magnitude < 1e-4) {
    return minus(value.toExponential(significant - 1).replace("e+", "e"));
  }
  if (Number.isInteger(value) && magnitude < 1e6 && format.significant === undefined) {
    return sign(value, 0);
  }
  // toPrecision rounds first, so that 0.9996 with three digits is 1.00 and not 1.000.
  const rounded = Number(value.toPrecision(significant));
  const exponent = Number(rounded.toExponential().split("e")[1]);
  return sign(rounded, Math.max(0, significant - 1 - exponent));
}

/** "0.123 [0.110, 0.140]"; the estimate alone if the interval is undefined. */
export function formatInterval(interval: IntervalLike, format: NumberFormat = {}): string {
  const estimate = formatNumber(interval.estimate, format);
  if (interval.low === null || interval.high === null) return estimate;
  // The ends get as many decimals as the estimate, so that the three can be compared.
  const decimals = estimate.includes("e")
    ? format
    : { decimals: estimate.split(".")[1]?.length ?? 0 };
  return `${estimate} [${formatNumber(interval.low, decimals)}, ${
    formatNumber(interval.high, decimals)
  }]`;
}

/** A short number for an axis: "0.05", "3k", "1.5M"; powers of ten ("10¹¹") from 10^9. */
export function formatTick(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1e9 || (magnitude > 0 && magnitude < 1e-4)) {
    const [mantissa, exponent] = value.toExponential().split("e") as [string, string];
    const power = `10${superscript(Number(exponent))}`;
    return minus(mantissa === "1" ? power : `${mantissa}·${power}`);
  }
  if (magnitude >= 1e6) return `${formatPlain(value / 1e6)}M`;
  if (magnitude >= 1e3) return `${formatPlain(value / 1e3)}k`;
  return formatPlain(value);
}

/** A time that has passed or is left: "40 s", "1 min 40 s", "2 h 5 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 1) return "< 1 s";
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  const [large, small] = minutes < 60
    ? [`${minutes} min`, whole % 60 > 0 ? ` ${whole % 60} s` : ""]
    : [`${Math.floor(minutes / 60)} h`, minutes % 60 > 0 ? ` ${minutes % 60} min` : ""];
  return large + small;
}

function sign(value: number, decimals: number): string {
  const [whole, fraction] = Math.abs(value).toFixed(decimals).split(".") as [string, string?];
  const parted = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const text = fraction === undefined ? parted : `${parted}.${fraction}`;
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

function minus(text: string): string {
  return text.replaceAll("-", "−");
}

/** At most 6 significant digits, which hides the rounding noise of a computed tick: "0.3", "1200". */
export function formatPlain(value: number): string {
  return minus(String(Number(value.toPrecision(6))));
}

function superscript(exponent: number): string {
  return String(exponent).replace(/[-\d]/g, (c) => c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]!);
}
