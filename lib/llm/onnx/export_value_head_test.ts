/** Runs export_value_head.py on a tiny checkpoint: skipped, with the reason, where no Python has PyTorch. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { pythonWith, runPython } from "../../export/testing.ts";
import { testUnless } from "../../testing.ts";
import expected from "./testdata/expected.json" with { type: "json" };
import { missingRuntime, testFile } from "./testing.ts";
import { OnnxValueCritic } from "./value_critic.ts";

const SCRIPT = fileURLToPath(new URL("export_value_head.py", import.meta.url));
const runtime = await missingRuntime();
const found = runtime === undefined
  ? await pythonWith("torch", "transformers", "onnx", "onnxscript")
  : { reason: runtime };

testUnless(
  "reason" in found ? found.reason : undefined,
  "a checkpoint's value head becomes an ONNX file with its values",
  async () => {
    if ("reason" in found) return;
    const folder = Deno.makeTempDirSync({ prefix: "genac value head " });
    try {
      const out = `${folder}/new folder/critic.onnx`;
      const printed = await runPython(found.python, [
        SCRIPT,
        "--model",
        testFile("value_model"),
        "--out",
        out,
      ]);
      assert.match(
        printed,
        /critic\.onnx: score\.weight and bias; (not compared|largest difference)/,
      );
      assert.deepEqual([...Deno.readDirSync(`${folder}/new folder`)].map(({ name }) => name), [
        "critic.onnx",
      ]);
      const critic = await OnnxValueCritic.open(out, {
        scale: { kind: "linear", low: -4, high: 4 },
      });
      const record = {
        group: "1",
        prompt: { tokens: expected.ids },
        response: { tokens: [] },
        outcome: 1,
      };
      const [answer] = await critic.values([{
        state: { record, at: 0, unit: "token" },
        context: {},
      }]);
      assert.ok(Math.abs(answer!.raw - expected.values.at(-1)!) < 1e-5);
      await critic.close();

      const refused = (...options: string[]) =>
        runPython(found.python, [SCRIPT, "--out", out, ...options]);
      await assert.rejects(
        refused("--model", testFile("value_model"), "--head", "v_head"),
        /--head v_head: no v_head\.weight; one-row matrices: score/,
      );
      await assert.rejects(refused("--model", folder), /no config\.json/);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);
