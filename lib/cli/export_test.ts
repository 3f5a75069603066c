import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { createEnvironment } from "../env/registry.ts";
import { taskMetadata } from "../export/task_metadata.ts";
import { resolveConfig } from "../run/config.ts";
import type { Cell } from "../run/experiment.ts";
import type { PartialRun } from "../run/run.ts";
import { RunStore } from "../run/store.ts";
import { makeSandbox, type Sandbox } from "../run/testdata/sandbox.ts";
import { saveTraining } from "../run/training_checkpoint.ts";
import { execute } from "./command.ts";
import { makeExportCommand } from "./export.ts";

/** The command in this process, with what it prints. */
async function run(box: Sandbox, ...argv: string[]) {
  const command = makeExportCommand(
    { fake: () => Promise.resolve({ default: box.experiment }) },
    `${box.folder}/runs`,
  );
  const printed: string[] = [], { log, error } = console;
  console.log = console.error = (line: string) => void printed.push(line);
  try {
    return { code: await execute(command, argv), text: printed.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

/** A run of which one cell is there that keeps a critic, and one that keeps nothing. */
async function storeRun(box: Sandbox): Promise<{ digest: string; bytes: Uint8Array }> {
  const engine = await WasmEngine.create({ threads: 1 });
  const environment = createEnvironment("permutation", { group: "S3" });
  const size = { dModel: 16, layers: 1 };
  const critic = new NeuralCritic(engine, criticDefinition("cot"), environment, size, 1);
  const bytes = await saveTraining(critic.model, taskMetadata(critic), { moments: false });
  const digest = await critic.model.digest();
  engine.close();
  const { directory } = resolveConfig(box.experiment, "smoke", { out: `${box.folder}/runs` });
  const code = { experiment: "fake", kernels: "0", engine: "0" };
  const store = new RunStore(directory, () => code);
  const save = (id: string, files: Record<string, Uint8Array>) => {
    const cell: Cell = { id, seed: 1, config: {}, cost: 1 };
    const spent = { threads: 1, seconds: 1 };
    return store.save(cell, { metrics: {}, digests: {}, files }, spent);
  };
  const computed = [save("a/seed1", { "model.safetensors": bytes }), save("b/seed1", {})];
  const cells = [...computed, { ...computed[1]!, id: "pinned/seed1", computedBy: null }];
  const provenance = { commit: "abc123", dirty: true };
  store.finishPart({ cells, provenance } as unknown as PartialRun);
  return { digest, bytes };
}

Deno.test("a cell's critic is exported with its origin, and a file's", async () => {
  using box = await makeSandbox();
  const { digest, bytes } = await storeRun(box);
  const out = `${box.folder}/my critic`;
  const from = ["--from", "fake/a/seed1", "--profile", "smoke"];
  const done = await run(box, "--to", "hf", ...from, "--out", out);
  assert.equal(done.code, 0, done.text);
  assert.match(done.text, /my critic: README\.md, config\.json.*model\.safetensors/);
  const card = Deno.readTextFileSync(`${out}/README.md`);
  for (
    const part of [digest, "`fake`, profile smoke, cell `a/seed1`, seed 1", "abc123`, with changes"]
  ) {
    assert.ok(card.includes(part), part);
  }
  const again = await run(box, "--to", "onnx", ...from, "--out", out);
  assert.equal(again.code, 2);
  assert.match(again.text, /it exists/);

  Deno.writeFileSync(`${box.folder}/own.safetensors`, bytes);
  const file = ["--from", `${box.folder}/own.safetensors`];
  const onnx = await run(box, "--to", "onnx", ...file, "--cache", "--out", `${out} 2`);
  assert.equal(onnx.code, 0, onnx.text);
  assert.ok(Deno.readTextFileSync(`${out} 2/README.md`).includes(digest));
  assert.ok(Deno.statSync(`${out} 2/model.onnx`).size > bytes.length / 2);
});

Deno.test("what cannot be exported is one line and exit code 2", async () => {
  using box = await makeSandbox();
  await storeRun(box);
  Deno.writeTextFileSync(`${box.folder}/text.safetensors`, "no model");
  const out = `${box.folder}/x`, to = ["--to", "hf", "--out", out];
  const cases: [string[], RegExp][] = [
    [["--from", "fake/a/seed1", "--out", out], /--to: .*give hf or onnx/],
    [["--to", "hf", "--from", "fake/a/seed1"], /--out: .*give a folder/],
    [to, /--from: .*give a cell or a file/],
    [
      [...to, "--from", "fakes/a/seed1"],
      /no such file, and no experiment fakes; did you mean fake\?/,
    ],
    [
      [...to, "--from", "fake/a/seed9", "--profile", "smoke"],
      /deno task reproduce --experiment fake --profile smoke --cells a\/seed9/,
    ],
    [[...to, "--from", "fake/a/seed1"], /no such cell in .*quick/],
    [
      [...to, "--from", "fake/pinned/seed1", "--profile", "smoke"],
      /no such cell in .*: compute it/,
    ],
    [[...to, "--from", "fake/b/seed1", "--profile", "smoke"], /cells of fake keep no model/],
    [[...to, "--from", `${box.folder}/text.safetensors`], /not a whole safetensors file/],
    [[...to, "--from", "fake/a/seed1", "--profile", "smoke", "--cache"], /only with --to onnx/],
    [[...to, "--from", "fake/a/seed1", "--profile", "smoke", "--model", "x"], /leave it out/],
  ];
  for (const [argv, message] of cases) {
    const { code, text } = await run(box, ...argv);
    assert.equal(code, 2, text);
    assert.match(text, message);
    assert.ok(!text.includes("\n"), text);
  }
  assert.throws(() => Deno.statSync(out), Deno.errors.NotFound);
});
