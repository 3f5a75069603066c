/** What the tests of lib/rl share. */
import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { exp, log } from "../numeric/math.ts";
import type { Rollout } from "./rollout.ts";

/** A rollout of as many tokens as `values` has; every token of probability 1/2 unless given. */
export function rolloutOf(
  values: readonly (number | null)[],
  rest: Partial<Rollout> = {},
): Rollout {
  return { group: 0, reward: 1, logProbabilities: values.map(() => log(0.5)), values, ...rest };
}

/** Rollouts with everything an estimator may ask for; four to a prompt. */
export function randomRollouts(count: number, seed = 1): Rollout[] {
  return Array.from({ length: count }, (_, row): Rollout => {
    const random = new RandomStream({ seed, purpose: "test/rollouts", step: 0, row });
    const tokens = 1 + random.integer(12);
    const list = (entry: () => number) => Array.from({ length: tokens }, entry);
    const signed = () => 2 * random.uniform() - 1;
    return {
      group: Math.floor(row / 4),
      reward: random.integer(2),
      logProbabilities: list(() => log(0.02 + 0.97 * random.uniform())),
      referenceLogProbabilities: list(() => log(0.02 + 0.97 * random.uniform())),
      tokenRewards: list(() => 0.1 * signed()),
      values: list(() => random.uniform()),
      processRewards: list(() => random.integer(2)),
      continuations: list(() => 0).map(() => [0, 1, 2].map(() => random.integer(2))),
      exactValues: list(() => random.uniform()),
    };
  });
}

/** Asserts that numbers agree; the tolerance is absolute. */
export function nearAll(
  actual: readonly number[],
  expected: readonly number[],
  what = "",
  tolerance = 1e-12,
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  actual.forEach((x, i) =>
    assert.ok(Math.abs(x - expected[i]!) <= tolerance, `${what}[${i}]: ${x}, not ${expected[i]}`)
  );
}

/**
 * A token MDP small enough to enumerate: three tokens, of which 0 ends the response, at most three to a response, and a
 * softmax policy with logits of its own in each of the seven states.
 */
export class TinyMdp {
  /** Prefixes without 0, shorter than 3. */
  readonly states = ["", "1", "2", "11", "12", "21", "22"];
  /** Every response. */
  readonly responses = this.states.flatMap((s) => ["0", "1", "2"].map((y) => s + y))
    .filter((y) => y.endsWith("0") || y.length === 3);
  /** Outcomes 0 and 1 without a pattern. */
  readonly reward = (response: string): number =>
    ["10", "0", "120", "222", "111", "211"].includes(response) ? 1 : 0;

  /** (states * 3) logits, the parameters. */
  logits(seed: number, spread = 2): number[] {
    const random = new RandomStream({ seed, purpose: "test/logits", step: 0, row: 0 });
    return Array.from(
      { length: this.states.length * 3 },
      () => spread * (2 * random.uniform() - 1),
    );
  }

  /** log pi(token | state). */
  logProbability(logits: readonly number[], state: string, token: number): number {
    const z = logits.slice(3 * this.states.indexOf(state), 3 * this.states.indexOf(state) + 3);
    return z[token]! - log(z.reduce((sum, x) => sum + exp(x), 0));
  }

  /** log pi(y_t | s_t) of every token. */
  logProbabilities(logits: readonly number[], response: string): number[] {
    return [...response].map((y, t) =>
      this.logProbability(logits, response.slice(0, t), Number(y))
    );
  }

  /** The probability of the response. */
  probability(logits: readonly number[], response: string): number {
    return exp(this.logProbabilities(logits, response).reduce((a, b) => a + b));
  }

  /** The sum over all responses of probability * f. */
  expectation(logits: readonly number[], f: (response: string) => number): number {
    return this.responses.reduce((sum, y) => sum + this.probability(logits, y) * f(y), 0);
  }

  /** The exact value of a state: the expected reward of responses that begin with it. */
  value(logits: readonly number[], state: string): number {
    const within = (y: string) => y.startsWith(state) ? 1 : 0;
    return this.expectation(logits, (y) => within(y) * this.reward(y)) /
      this.expectation(logits, within);
  }

  /** sum_t w_t grad log pi(y_t | s_t) in the logits. */
  score(logits: readonly number[], response: string, weights: readonly number[]): number[] {
    const gradient = logits.map(() => 0);
    [...response].forEach((y, t) => {
      const state = response.slice(0, t), first = 3 * this.states.indexOf(state);
      for (let k = 0; k < 3; k++) {
        const pi = exp(this.logProbability(logits, state, k));
        gradient[first + k]! += weights[t]! * ((Number(y) === k ? 1 : 0) - pi);
      }
    });
    return gradient;
  }
}

/** (f(x + h e_i) - f(x - h e_i)) / 2h for each i; error about 1e-10 for smooth f of order 1. */
export function centralDifferences(
  x: readonly number[],
  f: (x: number[]) => number,
  h = 1e-5,
): number[] {
  return x.map((_, i) => {
    const at = (step: number) => f(x.map((v, j) => j === i ? v + step : v));
    return (at(h) - at(-h)) / (2 * h);
  });
}
