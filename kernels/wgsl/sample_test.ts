import assert from "node:assert/strict";
import { samplingWords } from "../../lib/backend/webgpu/decoding.ts";
import { keptTokens } from "../../lib/nn/testing.ts";
import { NOT_FINITE } from "../../lib/backend/generated_tokens.ts";
import { philox4x32 } from "../../lib/numeric/random.ts";
import { log32, normalMatrix, randomIntegers } from "../wasm/testing.ts";
import { gpuTest, runInstruction } from "./testing.ts";

const SEED = 4123456789, PURPOSE = 3987654321;

const CASES = [1, 21, 37, 300].flatMap((classes) => [
  { classes, temperature: 0 },
  ...[{}, { topK: 5 }, { topP: 0.8 }, { topK: 64, topP: 0.3 }, { topK: 300, topP: 1e-40 }]
    .map((filter) => ({ classes, temperature: 0.7, ...filter })),
]);

const filtered = (options: object) => ({
  FILTERED: Number("topK" in options || "topP" in options),
});

for (const options of CASES) {
  const { classes, temperature } = options;
  gpuTest(
    `sampling with ${JSON.stringify(options)}: WASM's counters`,
    async () => {
      const rows = 50, step = 3, cols = Math.ceil(classes / 16) * 16;
      const x = normalMatrix(classes, "logits", rows, cols);
      // Padding must never win, and of equals the first.
      for (let i = 0; i < rows; i++) {
        for (let k = classes; k < cols; k++) x.data[i * cols + k] = 100;
        if (classes > 9 && i % 5 === 0) x.data[i * cols + 3] = x.data[i * cols + 9] = 50;
      }
      const inverse = temperature === 0 ? 0 : Math.fround(1 / temperature);
      const ids = randomIntegers(1, "ids", rows, 1 << 30);
      const forced = new Int32Array((step + 2) * rows).fill(-1);
      forced[(step + 1) * rows + 4] = 0;
      const sampling = samplingWords({ ...options, seed: SEED, purpose: PURPOSE });
      const size = (step + 2) * rows;
      const { next } = await runInstruction(
        "sample",
        {
          x,
          forced: { rows: size, cols: 1, data: forced },
          rowIds: { rows, cols: 1, data: ids },
          next: { rows: size, cols: 1, data: new Int32Array(size).fill(-7) },
        },
        { classes },
        { sampling, step, constants: filtered(options) },
      );
      const tokens = new Int32Array(next!.buffer, next!.byteOffset, size);
      assert.ok(tokens.subarray(0, (step + 1) * rows).every((t) => t === -7));
      const words = new Uint32Array(4);
      let close = 0;
      for (let i = 0; i < rows; i++) {
        const scores = Array.from({ length: classes }, (_, k) => {
          const logit = x.data[i * cols + k]!;
          if (temperature === 0) return logit;
          if (k % 4 === 0) philox4x32([k / 4, ids[i]!, step, 0], [SEED, PURPOSE], words);
          const u = ((words[k % 4]! >>> 9) + 0.5) / 2 ** 23;
          return Math.fround(logit * inverse) - log32(-log32(u));
        });
        const logits = x.data.subarray(i * cols, i * cols + classes);
        const kept = new Set(temperature === 0 ? scores.keys() : keptTokens(logits, options));
        scores.forEach((_, k) => kept.has(k) || (scores[k] = -Infinity));
        const best = forced[(step + 1) * rows + i]! >= 0 ? 0 : scores.indexOf(Math.max(...scores));
        const chosen = tokens[(step + 1) * rows + i]!;
        // Fused operations may turn a draw between two scores that are equal but for the last bits.
        if (chosen !== best && scores[best]! - scores[chosen]! < 1e-5 && temperature > 0) close++;
        else assert.equal(chosen, best, `row ${i}`);
      }
      assert.ok(close <= 1, `${close} close draws`);
    },
  );
}

gpuTest("a row with a logit that is not finite has no token, whatever is forced has", async () => {
  const rows = 9, classes = 70, cols = 80, size = 2 * rows;
  const changes = [NaN, Infinity, -Infinity, 1e38, -1e38, NaN];
  for (const options of [{ temperature: 1e-3 }, { temperature: 1e-3, topK: 2, topP: 0.5 }]) {
    const x = normalMatrix(1, "logits", rows, cols);
    changes.forEach((change, i) => x.data[i * cols + 69 - 13 * i] = change);
    const forced = new Int32Array(size).fill(-1);
    forced[rows + 5] = 3;
    const { next } = await runInstruction(
      "sample",
      {
        x,
        forced: { rows: size, cols: 1, data: forced },
        rowIds: { rows, cols: 1, data: new Int32Array(rows) },
        next: { rows: size, cols: 1, data: new Int32Array(size) },
      },
      { classes },
      {
        sampling: samplingWords({ ...options, seed: 1, purpose: 2 }),
        constants: filtered(options),
      },
    );
    const tokens = new Int32Array(next!.buffer, next!.byteOffset + 4 * rows, rows);
    assert.deepEqual([...tokens.subarray(0, 6)], [...new Array(5).fill(NOT_FINITE), 3]);
    assert.ok(tokens.subarray(6).every((token) => token >= 0 && token < classes), `${tokens}`);
  }
});

for (const filter of [{}, { topK: 5 }, { topP: 0.6 }]) {
  gpuTest(
    `a row at a step of its own draws as all rows do then, ${JSON.stringify(filter)}`,
    async () => {
      const rows = 7, classes = 530, cols = 544;
      const x = normalMatrix(1, "logits", rows, cols),
        ids = randomIntegers(2, "ids", rows, 1 << 30);
      x.data[3 * cols + 17] = NaN;
      for (const temperature of [0, 0.8]) {
        const options = {
          sampling: samplingWords({ temperature, seed: SEED, purpose: PURPOSE, ...filter }),
          constants: filtered(filter),
        };
        const common = { x, rowIds: { rows, cols: 1, data: ids } };
        const steps = Int32Array.from({ length: rows }, (_, i) => (5 * i) % 4);
        const all = await Promise.all([0, 1, 2, 3].map(async (step) => {
          const size = (step + 2) * rows,
            operand = (data: Int32Array) => ({ rows: size, cols: 1, data });
          const { next } = await runInstruction(
            "sample",
            {
              ...common,
              forced: operand(new Int32Array(size).fill(-1)),
              next: operand(new Int32Array(size)),
            },
            { classes },
            { ...options, step },
          );
          return new Int32Array(next!.buffer, next!.byteOffset, size).slice((step + 1) * rows);
        }));
        const { next } = await runInstruction(
          "sample_at",
          { ...common, steps: { rows, cols: 1, data: steps }, next: { rows, cols: 1 } },
          { classes },
          options,
        );
        const tokens = new Int32Array(next!.buffer, next!.byteOffset, rows);
        assert.deepEqual([...tokens], [...steps].map((step, row) => all[step]![row]));
        assert.equal(tokens[3], NOT_FINITE);
      }
    },
  );
}
