import { exp } from "../../numeric/math.ts";

/** Where a plan leaves the logits of a decoding step: (rows, classes) in panels of 16 columns. */
export interface LogitsPlace {
  /** Bytes from the lane's working memory on. */
  readonly offset: number;
  /** Bytes between panels. */
  readonly stride: number;
  readonly classes: number;
}

/** Parts of a nat in which logits below the largest are sorted, and how many of them there are. */
const BINS_PER_NAT = 64;
const BINS = 40 * BINS_PER_NAT;
/** e^-(i / BINS_PER_NAT). */
const WEIGHTS = Float64Array.from({ length: BINS }, (_, i) => exp(-i / BINS_PER_NAT));

/** e^-y within 1e-11 of it, for y >= 0; 0 from 40 on. */
function weight(y: number): number {
  const bin = binOf(y);
  if (bin === BINS) return 0;
  const r = y - bin / BINS_PER_NAT;
  return WEIGHTS[bin]! * (1 - r * (1 - r / 2 * (1 - r / 3 * (1 - r / 4))));
}

function binOf(y: number): number {
  return y >= BINS / BINS_PER_NAT ? BINS : Math.floor(y * BINS_PER_NAT);
}

/** The logits of a decoding step, before a token is drawn from them. */
export class Logits {
  readonly #values: Float32Array;
  readonly #stride: number;
  readonly #classes: number;

  constructor(buffer: ArrayBufferLike, lane: number, { offset, stride, classes }: LogitsPlace) {
    this.#stride = stride / 4;
    this.#classes = classes;
    const length = Math.ceil(classes / 16) * this.#stride;
    this.#values = new Float32Array(buffer, lane + offset, length);
  }

  /** A copy of a row. */
  #ownRow(row: number): Float32Array {
    const values = this.#values, classes = this.#classes, stride = this.#stride;
    const own = new Float32Array(classes);
    for (let first = 0, at = row * 16; first < classes; first += 16, at += stride) {
      for (let i = 0, end = Math.min(16, classes - first); i < end; i++) {
        own[first + i] = values[at + i]!;
      }
    }
    return own;
  }

  #index(row: number, token: number): number {
    return (token >> 4) * this.#stride + row * 16 + (token & 15);
  }

  /** Whether a token's logit is a number that is not above `limit` in size. */
  isFinite(row: number, token: number, limit: number): boolean {
    return Math.abs(this.#values[this.#index(row, token)]!) <= limit;
  }

  /** `isFinite` of all tokens of a row. */
  areFinite(row: number, limit: number): boolean {
    const values = this.#values, classes = this.#classes, stride = this.#stride;
    for (let first = 0, at = row * 16; first < classes; first += 16, at += stride) {
      for (let i = at, end = at + Math.min(16, classes - first); i < end; i++) {
        if (!(Math.abs(values[i]!) <= limit)) return false;
      }
    }
    return true;
  }

  /**
   * Makes the logits -Infinity of all tokens of a row but those that top-k sampling keeps, and of these the ones that
   * top-p sampling keeps: see `GenerateOptions`.
   *
   * @param k Infinity = all.
   * @param p 1 = all.
   */
  keepTop(row: number, k: number, p: number, inverseTemperature: number): void {
    const falling = this.#ownRow(row);
    falling.sort().reverse();
    let kept = Math.min(k, falling.length);
    if (p < 1) {
      const weights = new Float64Array(kept);
      let total = 0;
      for (let i = 0; i < kept; i++) {
        total += weights[i] = exp((falling[i]! - falling[0]!) * inverseTemperature);
      }
      kept = 0;
      for (let sum = 0; sum < p * total;) sum += weights[kept++]!;
    }
    // Of those that equal the last one, the lowest tokens.
    const last = falling[kept - 1]!;
    let equal = kept - falling.indexOf(last);
    for (let token = 0; token < falling.length; token++) {
      const at = this.#index(row, token), x = this.#values[at]!;
      if (x < last || (x === last && equal-- <= 0)) this.#values[at] = -Infinity;
    }
  }

  /**
   * `keepTop` for a large vocabulary: what is certainly not kept is not sorted. The sum of all weights is that of other
   * roundings, and tokens that are e^40 times less likely than the first have none.
   */
  keepTopOfMany(row: number, k: number, p: number, inverseTemperature: number): void {
    const classes = this.#classes;
    if (k >= classes && p >= 1) return;
    const x = this.#ownRow(row);
    let top = -Infinity;
    for (let token = 0; token < classes; token++) if (x[token]! > top) top = x[token]!;
    const below = (token: number) => (top - x[token]!) * inverseTemperature;
    const bins = new Uint16Array(classes);
    const amounts = new Float64Array(BINS + 1);
    let total = 0;
    for (let token = 0; token < classes; token++) {
      const y = below(token), bin = bins[token] = binOf(y);
      const amount = k < classes ? 1 : weight(y);
      amounts[bin]! += amount;
      total += amount;
    }
    // Bins that are kept whole, and then those among which the last kept token is: sums of other roundings agree on them.
    const wanted = k < classes ? k : p * total, slack = k < classes ? 0 : 1e-9 * total;
    let sum = 0, first = 0;
    if (k >= classes || p >= 1) {
      while (first < BINS && sum + amounts[first]! < wanted - slack) sum += amounts[first++]!;
    }
    let last = first;
    for (let up = sum + amounts[first]!; up < wanted + slack && last < BINS;) {
      up += amounts[++last]!;
    }
    const candidates: number[] = [];
    for (let token = 0; token < classes; token++) {
      if (bins[token]! > last) this.#values[this.#index(row, token)] = -Infinity;
      else if (bins[token]! >= first) candidates.push(token);
    }
    candidates.sort((a, b) => x[b]! - x[a]! || a - b);
    let kept = Math.min(k < classes ? k - sum : k, candidates.length);
    if (p < 1) {
      const weights = candidates.slice(0, kept).map((token) => weight(below(token)));
      const all = k < classes ? weights.reduce((sum, w) => sum + w) : total;
      kept = 0;
      while (sum < p * all && kept < weights.length) sum += weights[kept++]!;
    }
    for (const token of candidates.slice(kept)) this.#values[this.#index(row, token)] = -Infinity;
  }
}
