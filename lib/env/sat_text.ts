import { LITERALS, type SatState, statuses, truthOf } from "./sat_formula.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** Tokens before the assignment: success rate, variables left. */
const HEADER = 2;
/** Tokens of a clause, in prompt and trace. */
const STRIDE = LITERALS + 1;
/** The digest counts clauses with a single free literal up to this. */
const MAX_UNIT_CLAUSES = 5;

/** Tokens of a formula's prompt that stand before Q. */
export function formulaLength(variables: number, clauses: number): number {
  return HEADER + variables + STRIDE * clauses;
}

/** Tokens of a formula's trace. */
export function traceLength(clauses: number): number {
  return STRIDE * clauses;
}

/**
 * What a critic reads and writes about a formula.
 *
 * Prompt: `[rate] [variables left] v1=.. .. vn=.. (a b c ;)1..(a b c ;)m Q`: the assignment (`v3=0`, `v3=1`, `v3=?`), then
 * the literals of each clause, with their truth where it is known (`a+3`, `a-3:F` in first place, `b` and `c` behind it),
 * so that no critic has to look it up.
 *
 * Trace: `(s1 s2 S D)1..(s1 s2 S D)m`: the status of the clause after one, two and all of its literals (satisfied, else
 * how many literals are free), then the digest of the clauses so far: whether one is falsified, else how many have a
 * single free literal. The trace has a token for every prompt token of a clause, so each is predicted at a constant
 * distance from the token it is about.
 */
export class SatText {
  readonly vocabulary: Vocabulary;
  /** "0" and "1", whichever variable comes next: the tokens of the first variable. */
  readonly bits: readonly [number, number];
  /** The first ids of runs of tokens. */
  readonly #left: number;
  readonly #assigned: number;
  readonly #literals: number;
  readonly #running: number;
  readonly #status: number;
  readonly #digest: number;
  readonly #separator: number;

  /** @param largest How many variables a formula may have. */
  constructor(readonly largest: number) {
    const each = (f: (variable: number) => string[]) =>
      Array.from({ length: largest }, (_, i) => f(i + 1)).flat();
    this.vocabulary = createVocabulary([
      ";",
      "L0",
      ...each((v) => [`L${v}`]),
      ...each((v) => [`v${v}=?`, `v${v}=0`, `v${v}=1`]),
      ...["a", "b", "c"].flatMap((slot) =>
        each((v) =>
          ["-", "+"].flatMap((sign) => ["", ":F", ":T"].map((truth) => slot + sign + v + truth))
        )
      ),
      ...["sat", "free0", "free1", "free2"],
      ...["SATISFIED", "FALSIFIED", "FREE1", "FREE2", "FREE3"],
      "falsified",
      ...Array.from({ length: MAX_UNIT_CLAUSES + 1 }, (_, i) => `unit${i}`),
    ]);
    const { id } = this.vocabulary;
    this.bits = [id("v1=0"), id("v1=1")];
    this.#left = id("L0");
    this.#assigned = id("v1=?");
    this.#literals = id("a-1");
    this.#running = id("sat");
    this.#status = id("SATISFIED");
    this.#digest = id("falsified");
    this.#separator = id(";");
  }

  /** The prompt. */
  prompt({ variables, clauses, assignment }: SatState, successRate?: number): number[] {
    const tokens = [
      this.vocabulary.rateToken(successRate),
      this.#left + variables - assignment.length,
    ];
    for (let i = 0; i < variables; i++) {
      tokens.push(this.#assigned + 3 * i + (i < assignment.length ? 1 + assignment[i]! : 0));
    }
    for (const clause of clauses) {
      clause.forEach((literal, slot) => {
        const index = slot * this.largest + Math.abs(literal) - 1;
        const truth = truthOf(literal, assignment);
        const known = truth === undefined ? 0 : truth ? 2 : 1;
        tokens.push(this.#literals + 6 * index + (literal > 0 ? 3 : 0) + known);
      });
      tokens.push(this.#separator);
    }
    tokens.push(this.vocabulary.query);
    return tokens;
  }

  /** The trace. */
  trace({ clauses, assignment }: SatState): number[] {
    const tokens: number[] = [];
    let falsified = false, unit = 0;
    for (const clause of clauses) {
      let satisfied = false, free = 0;
      clause.forEach((literal, slot) => {
        const truth = truthOf(literal, assignment);
        if (truth === undefined) free++;
        else satisfied ||= truth;
        const first = slot < LITERALS - 1 ? this.#running : this.#status;
        tokens.push(satisfied ? first : first + 1 + free);
      });
      if (!satisfied && free === 0) falsified = true;
      if (!satisfied && free === 1) unit++;
      tokens.push(falsified ? this.#digest : this.#digest + 1 + Math.min(unit, MAX_UNIT_CLAUSES));
    }
    return tokens;
  }

  /** A clause's status at its literals, D at its end, -1 at what stands before the clauses and at Q. */
  labels(state: SatState): number[] {
    return [...new Array<number>(HEADER + state.variables).fill(-1), ...this.trace(state), -1];
  }

  /** What each token of the trace is about, for a human reader. */
  subjects({ clauses }: SatState): string[] {
    return clauses.flatMap((clause, i) =>
      [...clause.map(literalName), "digest"].map((text) => `clause ${i + 1}, ${text}`)
    );
  }

  /** The state for a human reader: assignment, counts, and each clause with its status. */
  describe(state: SatState): string {
    const { variables, assignment } = state;
    const status = statuses(state);
    const count = (free: number) => status.filter((s) => !s.satisfied && s.free === free).length;
    return [
      `assignment      ${assignment.map((bit, i) => `v${i + 1} = ${bit}`).join(", ") || "none"}`,
      `variables left  ${variables - assignment.length} of ${variables}`,
      `clauses         ${status.length}: ${status.filter((s) => s.satisfied).length} satisfied, ` +
      `${count(0)} falsified, ${count(1)} with one free literal`,
      ...status.map(({ clause, satisfied, free }) => {
        const text = `(${clause.map(literalName).join(" or ")})`;
        const verdict = satisfied ? "satisfied" : free === 0 ? "falsified" : `${free} free`;
        return `${text.padEnd(36)}${verdict}`;
      }),
    ].join("\n");
  }
}

function literalName(literal: number): string {
  return literal > 0 ? `v${literal}` : `not v${-literal}`;
}
