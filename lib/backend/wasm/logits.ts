import { exp } from "../../numeric/math.ts";

/** Where a plan leaves the logits of a decoding step: (rows, classes) in panels of 16 columns. */
export interface LogitsPlace {
  /** Bytes from the lane's working memory on. */
  readonly offset: number;
  /** Bytes between panels. */
  readonly stride: number;
  readonly classes: number;
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

  #index(row: number, token: number): number {
    return (token >> 4) * this.#stride + row * 16 + (token & 15);
  }

  /** Whether a token's logit is a number that is not above `limit` in size. */
  isFinite(row: number, token: number, limit: number): boolean {
    return Math.abs(this.#values[this.#index(row, token)]!) <= limit;
  }

  /** `isFinite` of all tokens of a row. */
  areFinite(row: number, limit: number): boolean {
    for (let token = 0; token < this.#classes; token++) {
      if (!this.isFinite(row, token, limit)) return false;
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
    const falling = new Float32Array(this.#classes);
    for (let token = 0; token < falling.length; token++) {
      falling[token] = this.#values[this.#index(row, token)]!;
    }
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
}
