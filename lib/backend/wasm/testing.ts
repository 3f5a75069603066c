/** What the backend's tests share. Test code only. */
import assert from "node:assert/strict";
import type { Buffer, Tape } from "../../tensor/tape.ts";
import { WasmEngine } from "./engine.ts";
import { lower } from "./lower.ts";
import { bytesOf, type Layout, makePlan } from "./plan.ts";

/** A layout in which every shared buffer stands at 0: enough to plan working memory. */
export const NOWHERE: Layout = {
  parameter: () => 0,
  gradient: () => 0,
  transposed: () => 0,
  constant: () => 0,
  frozen: () => 0,
  collected: () => 0,
  batch: () => ({ address: 0 }),
};

/**
 * Fails unless the tape's plan gives every buffer of working memory one place, on a 64-byte line inside the lane's
 * memory, that no buffer shares which is in use at the same time. Returns bytes: planned, of all buffers together,
 * and of the most that are in use at once.
 */
export function checkPlan(tape: Tape): { planned: number; sum: number; peak: number } {
  const { calls, laneBytes } = makePlan(tape, NOWHERE);
  const spans = new Map<Buffer, { start: number; first: number; last: number }>();
  calls.forEach(({ kernel, args }, i) => {
    // The plan's arguments stand in the order of the lowered instruction's.
    const { kernel: op, args: symbols } = lower(tape.instructions[i]!);
    assert.equal(kernel, op);
    assert.equal(args.length, symbols.length);
    symbols.forEach((b, k) => {
      if (typeof b !== "object" || (b.space !== "activation" && b.space !== "cache")) return;
      const { base, value } = args[k]!;
      assert.equal(base, "lane", b.label);
      const start = value as number, known = spans.get(b);
      assert.equal(start, known?.start ?? start, `${b.label} moves`);
      const forEver = b.space === "cache";
      spans.set(b, { start, first: forEver ? 0 : known?.first ?? i, last: forEver ? Infinity : i });
    });
  });
  const all = [...spans];
  let sum = 0, peak = 0;
  for (const [b, s] of all) {
    sum += bytesOf(b);
    assert.ok(s.start % 64 === 0 && s.start >= 0, `${b.label} at ${s.start}`);
    assert.ok(s.start + bytesOf(b) <= laneBytes, `${b.label} ends beyond ${laneBytes}`);
    for (const [c, t] of all) {
      if (c.id <= b.id || s.last < t.first || t.last < s.first) continue;
      const apart = s.start + bytesOf(b) <= t.start || t.start + bytesOf(c) <= s.start;
      assert.ok(apart, `${b.label} (${b.id}) and ${c.label} (${c.id}) overlap`);
    }
    const together = all.filter(([, t]) => t.first <= s.first && s.first <= t.last);
    peak = Math.max(peak, together.reduce((bytes, [c]) => bytes + bytesOf(c), 0));
  }
  return { planned: laneBytes, sum, peak };
}

/** What `run` makes of an engine of so many threads, which is closed after it. */
export async function withEngine<T>(
  threads: number,
  run: (engine: WasmEngine) => Promise<T>,
): Promise<T> {
  const engine = await WasmEngine.create({ threads });
  try {
    return await run(engine);
  } finally {
    engine.close();
  }
}
