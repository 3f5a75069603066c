/**
 * The tokens a critic reads and writes.
 *
 * The first ids are the same in every environment: what frames a sequence, the eleven values and the
 * eleven success rates. The environment's own symbols follow.
 */

/** The number of values and of success rates a token can express: 0, 0.1, ..., 1. */
export const LEVELS = 11;

/** Token ids 0..size-1, their names, and those with a meaning in every environment. */
export interface Vocabulary {
  readonly size: number;
  /** The name of every id. All different. */
  readonly names: readonly string[];
  /** Fills the end of shorter sequences; never read, never predicted. */
  readonly pad: number;
  /** "Q", the last token of a critic's prompt: asks for the value. */
  readonly query: number;
  /** "TH", the first token of a chain of thought. */
  readonly think: number;
  /** "F", stands for each token of a chain of thought in the control without one. */
  readonly filler: number;
  /** "R?", stands for the actor's success rate where none is given. */
  readonly noRate: number;
  /** "V0".."V10": value k / 10. Consecutive ids. */
  readonly values: readonly number[];
  /** "R0".."R10": success rate k / 10. Consecutive ids. */
  readonly rates: readonly number[];
  /** The id of a name. Throws a RangeError for a name that does not exist. */
  id(name: string): number;
  /** The value token nearest to a value in [0, 1] (ties upwards). */
  valueToken(value: number): number;
  /** The value in [0, 1] of a value token; undefined for any other token: a parse failure. */
  valueOf(token: number): number | undefined;
  /** The token of the nearest success rate in [0, 1] (ties upwards), or `noRate` if it is not given. */
  rateToken(rate: number | undefined): number;
  /** The tokens' names, separated by spaces. */
  render(tokens: ArrayLike<number>): string;
}

/**
 * The vocabulary of an environment.
 *
 * @param symbols The names of the environment's own tokens, in the order of their ids. They must differ
 *   from each other and from the common names.
 */
export function createVocabulary(symbols: readonly string[]): Vocabulary {
  const levels = Array.from({ length: LEVELS }, (_, k) => k);
  const names = [
    "PAD",
    "Q",
    "TH",
    "F",
    "R?",
    ...levels.map((k) => `V${k}`),
    ...levels.map((k) => `R${k}`),
    ...symbols,
  ];
  const ids = new Map(names.map((name, id) => [name, id]));
  if (ids.size !== names.length) {
    const twice = names.find((name, id) => ids.get(name) !== id);
    throw new RangeError(`symbols: ${JSON.stringify(twice)}: a token's name must be unique`);
  }
  const id = (name: string): number => {
    const found = ids.get(name);
    if (found === undefined) {
      throw new RangeError(`token: ${JSON.stringify(name)}: not in this vocabulary`);
    }
    return found;
  };
  const firstValue = id("V0");
  const firstRate = id("R0");
  const noRate = id("R?");
  return {
    size: names.length,
    names,
    pad: id("PAD"),
    query: id("Q"),
    think: id("TH"),
    filler: id("F"),
    noRate,
    values: levels.map((k) => firstValue + k),
    rates: levels.map((k) => firstRate + k),
    id,
    valueToken: (value) => firstValue + level(value, "value"),
    valueOf: (token) => {
      const k = token - firstValue;
      return Number.isInteger(k) && k >= 0 && k < LEVELS ? k / (LEVELS - 1) : undefined;
    },
    rateToken: (rate) => rate === undefined ? noRate : firstRate + level(rate, "successRate"),
    render: (tokens) => Array.from(tokens, (token) => names[token] ?? `<${token}>`).join(" "),
  };
}

/** floor(10 x + 1/2) for x in [0, 1]. */
function level(x: number, field: string): number {
  if (!(x >= 0 && x <= 1)) throw new RangeError(`${field}: ${x}: must lie in 0..1`);
  return Math.floor((LEVELS - 1) * x + 0.5);
}
