import assert from "node:assert/strict";
import { parameterCount } from "../nn/flops.ts";
import { withFiles } from "../pretrained/testing.ts";
import { modelFiles } from "../text_models/testing.ts";
import { benchCommand } from "./bench.ts";
import { benchLanguageModel } from "./bench_language_model.ts";
import { profileDecoding, profileTraining } from "./bench_kernels.ts";
import { BenchProcess } from "./bench_process.ts";
import {
  type Comparison,
  comparisonTable,
  kernelTable,
  median,
  speedUpTable,
} from "./bench_report.ts";
import { benchConfig, type BenchWork } from "./bench_worker.ts";
import { execute } from "../cli/command.ts";

const WORK: BenchWork = {
  work: "training",
  threads: 1,
  d: 16,
  layers: 1,
  vocabulary: 21,
  headDim: 16,
  mlpRatio: 4,
  length: 12,
  sequences: 8,
  prompt: 4,
};

const side = (milliseconds: number[], mebibytes: number) => ({
  milliseconds,
  peakBytes: mebibytes * 2 ** 20,
  baselineBytes: 2 ** 20,
});

function comparison(change: Partial<BenchWork>, ours: number[], theirs: number[]): Comparison {
  return {
    work: { ...WORK, ...change },
    ours: side(ours, 100),
    peer: { ...side(theirs, 80), note: "" },
  };
}

Deno.test("the training table has medians, bests, ratios and verdicts", () => {
  const table = comparisonTable([
    comparison({}, [60, 50, 55], [100, 90, 110]),
    comparison({ threads: 2 }, [66, 80, 70], [100, 101, 99]),
  ]);
  assert.equal(
    table,
    `
| size          | threads |    ours, ms | PyTorch, ms |       ratio |          target | ours, MiB | PyTorch, MiB | ratio |       target |
| ------------- | ------: | ----------: | ----------: | ----------: | --------------: | --------: | -----------: | ----: | -----------: |
| d 16, 1 layer |       1 | 55.0 (50.0) |  100 (90.0) | 0.55 (0.56) |    <= 0.65: met |       100 |           80 |  1.25 | <= 1: missed |
| d 16, 1 layer |       2 | 70.0 (66.0) |  100 (99.0) | 0.70 (0.67) | <= 0.65: missed |       100 |           80 |  1.25 | <= 1: missed |
`.trim(),
  );
});

Deno.test("the generation table counts generated tokens", () => {
  // 8 rows of 8 tokens after the prompt: 64 tokens.
  const table = comparisonTable([
    comparison({ work: "generation" }, [64, 32, 64], [128, 160, 256]),
  ]);
  const [, , row] = table.split("\n");
  assert.match(row!, /\|\s+1000 \(2000\) \|\s+400 \(500\) \| 2\.50 \(4\.00\) \| >= 2: met \|/);
});

Deno.test("without a peer there are no ratios", () => {
  const { peer: _, ...alone } = comparison({}, [50], []);
  assert.deepEqual(comparisonTable([alone]).split("\n").map((line) => line.split("|").length - 2), [
    4,
    4,
    4,
  ]);
});

Deno.test("the speed-up table compares with one thread at the same size", () => {
  const rows = [
    comparison({}, [100], [200]),
    comparison({ threads: 2 }, [50], [125]),
    comparison({ d: 32, threads: 2 }, [50], [125]),
  ];
  const table = speedUpTable(rows)!.split("\n");
  assert.equal(table.length, 3);
  assert.match(
    table[2]!,
    /^\| training, d 16, 1 layer \|\s+2 \|\s+2\.00 \| >= 1\.8: met \|\s+1\.60 \|$/,
  );
  assert.equal(speedUpTable(rows.slice(0, 1)), undefined);
});

Deno.test("the median of an even number is the upper one", () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 3, 2]), median([5])], [2, 3, 5]);
});

Deno.test("our worker prepares, measures and ends", async () => {
  const worker = BenchProcess.ours();
  try {
    for (const work of ["training", "generation"] as const) {
      const { parameters } = await worker.ask({ op: "prepare", ...WORK, work, threads: 2 });
      assert.equal(parameters, parameterCount(benchConfig(WORK)));
      const { milliseconds, peakBytes, baselineBytes } = await worker.ask({
        op: "measure",
        runs: 3,
      });
      assert.equal(milliseconds.length, 3);
      assert.ok(milliseconds.every((ms) => ms > 0));
      assert.ok(peakBytes >= baselineBytes && baselineBytes > 2 ** 20);
    }
    await assert.rejects(
      worker.ask({ op: "choose", ...WORK }),
      /the kit ended: .*nothing to choose/s,
    );
  } finally {
    await worker.end();
  }
});

Deno.test("a pretrained model's works are measured in a process of their own", () =>
  withFiles(modelFiles(), async (folder) => {
    const lines: string[] = [];
    const report = await benchLanguageModel({
      ...{ path: folder, storage: "bfloat16", threads: [2], python: undefined, quick: true },
      say: (line) => lines.push(line),
    });
    assert.equal(lines.length, 3);
    assert.match(report, /LoRA step, 4 x 16 tokens +\| +2 \| +[\d.]+ \([\d.]+\) ms \|/);
    assert.match(report, /generation, 4 x 8 tokens after 8 \| +2 \| +\d+ \(\d+\) tokens\/s \|/);
  }));

Deno.test("the profile has every kernel of a program", async () => {
  const config = benchConfig(WORK);
  const training = await profileTraining(config, { sequences: 8, length: 12, rounds: 2 });
  const kernels = new Set(training.map((t) => t.kernel));
  for (const name of ["gemm_nn", "gemm_tn", "attention_backward", "adamw", "transpose", "rope"]) {
    assert.ok(kernels.has(name), name);
  }
  // Two chunks of four sequences.
  assert.equal(training.find((t) => t.kernel === "cross_entropy")!.calls, 2);
  const decoding = await profileDecoding(config, { rows: 4, length: 12, rounds: 1 });
  assert.equal(decoding.find((t) => t.kernel === "sample")!.calls, 11);
  assert.equal(kernelTable(decoding).split("\n").length, 2 + decoding.length + 2);
});

Deno.test("bad flags end with code 2", async () => {
  const error = console.error;
  const lines: string[] = [];
  console.error = (line: string) => lines.push(line);
  try {
    for (const flag of ["--peer=jax", "--threads=8", "--fast"]) {
      assert.equal(await execute(benchCommand, [flag]), 2);
    }
  } finally {
    console.error = error;
  }
  assert.match(lines.join("\n"), /--peer: "jax".*\n.*--threads.*8.*\n.*"--fast"/);
});
