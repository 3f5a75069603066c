import assert from "node:assert/strict";
import { philox4x32 } from "../../lib/tensor/random.ts";
import { log32, normalMatrix, randomIntegers } from "../wasm/testing.ts";
import { gpuTest, runInstruction } from "./testing.ts";

const SEED = 4123456789, PURPOSE = 3987654321;

for (const classes of [1, 21, 37, 300]) {
  for (const temperature of [0, 0.7]) {
    gpuTest(
      `sampling among ${classes} at temperature ${temperature}: WASM's counters`,
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
        const sampling = Uint32Array.of(SEED, PURPOSE, 0, 0);
        new Float32Array(sampling.buffer)[2] = inverse;
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
          { sampling, step },
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
          const best = forced[(step + 1) * rows + i]! >= 0
            ? 0
            : scores.indexOf(Math.max(...scores));
          const chosen = tokens[(step + 1) * rows + i]!;
          // Fused operations may turn a draw between two scores that are equal but for the last bits.
          if (chosen !== best && scores[best]! - scores[chosen]! < 1e-5 && temperature > 0) close++;
          else assert.equal(chosen, best, `row ${i}`);
        }
        assert.ok(close <= 1, `${close} close draws`);
      },
    );
  }
}
