/** What the tests of experiments share. */
import assert from "node:assert/strict";
import type {
  AnyMetrics,
  Cell,
  CellContext,
  CellResult,
  Claim,
  FinishedCell,
} from "../../lib/run/experiment.ts";
import type { TestReport } from "./test_report.ts";

/** A context on one thread whose checkpoints go nowhere. */
export function cellContext(change: Partial<CellContext> = {}): CellContext {
  const checkpoint = { load: () => undefined, save: () => {} };
  return { threads: 1, checkpoint, progress: () => {}, ...change };
}

/**
 * Tests that a cell which is interrupted at any checkpoint ends as one that was not, for any number of threads.
 *
 * @param cells Small ones.
 * @param saves How many checkpoints such a cell writes where it may write one at every point.
 * @param also What else is to be said of a result.
 */
export function interruptionTest<CellConfig, Metrics>(
  { runCell }: {
    runCell(cell: Cell<CellConfig>, context: CellContext): Promise<CellResult<Metrics>>;
  },
  cells: () => readonly Cell<CellConfig>[],
  saves: number,
  also: (cell: Cell<CellConfig>, result: CellResult<Metrics>) => void | Promise<void> = () => {},
): void {
  const name =
    "a cell interrupted at a checkpoint ends as one that was not, for any number of threads";
  Deno.test(name, async () => {
    for (const cell of cells()) {
      const saved: Uint8Array[] = [];
      const save = (bytes: Uint8Array) => void saved.push(bytes);
      const whole = await runCell(
        cell,
        cellContext({ checkpoint: { load: () => undefined, save, seconds: 0 } }),
      );
      const { unpinned: _, ...expected } = whole;
      assert.equal(saved.length, saves);
      for (const [i, bytes] of saved.entries()) {
        const checkpoint = { load: () => bytes, save: () => {} };
        const { unpinned: _, ...resumed } = await runCell(
          cell,
          cellContext({ checkpoint, threads: i % 2 === 0 ? 2 : 1 }),
        );
        assert.deepEqual(resumed, expected, `${cell.id}, checkpoint ${i}`);
      }
      await also(cell, whole);
    }
  });
}

/** Tests that every profile gives cells with unique ids and positive costs. */
export function cellsTest<Config, Input>(
  { cells, profiles, schema }: {
    cells(config: Config): readonly Cell[];
    readonly profiles: Readonly<Record<string, Input>>;
    readonly schema: { parse(input: unknown): Config };
  },
): void {
  Deno.test("every profile gives cells with unique ids and positive costs", () => {
    for (const profile of Object.values(profiles)) {
      const all = cells(schema.parse(profile));
      assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
      for (const { cost, id } of all) assert.ok(cost > 0, id);
    }
  });
}

/** Cells with made-up metrics. */
export function finished<CellConfig, Metrics = AnyMetrics>(
  cells: readonly Cell<CellConfig>[],
  metrics: (cell: Cell<CellConfig>) => Metrics,
): FinishedCell<CellConfig, Metrics>[] {
  return cells.map((cell) => ({ cell, result: { metrics: metrics(cell), digests: {} } }));
}

/** The report of a critic with this error, in which all is parsed; `change` what else is of interest. */
export function fakeReport(penalizedMse: number, change: Partial<TestReport> = {}): TestReport {
  return {
    n: 1,
    parsed: 1,
    parseRate: 1,
    mse: penalizedMse,
    penalizedMse,
    rmse: Math.sqrt(penalizedMse),
    mae: null,
    bias: null,
    r2: null,
    pearson: null,
    spearman: null,
    kendall: null,
    rankingAccuracy: 0.5,
    ece: null,
    brier: null,
    auc: null,
    meanPrediction: null,
    meanExact: 0.5,
    varianceExact: 0.06,
    calibration: [],
    expectation: null,
    traceAccuracy: null,
    ...change,
  };
}

/** The verdicts of claims by id. */
export function verdictsOf<Summary>(
  claims: readonly Claim<Summary>[],
  summary: Summary,
): Record<string, string> {
  return Object.fromEntries(claims.map((claim) => [claim.id, claim.evaluate(summary).verdict]));
}
