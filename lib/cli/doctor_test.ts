import assert from "node:assert/strict";
import { execute } from "./command.ts";
import { doctorCommand, examineMachine, type Finding, formatFindings } from "./doctor.ts";

const fine: Finding = { name: "SIMD", isFine: true, detail: "simd128", remedy: "buy one" };
const optional: Finding = { name: "jsr", isFine: false, detail: "unreachable", remedy: "connect" };
const required: Finding = { ...fine, isFine: false, detail: "missing", isRequired: true };

Deno.test("the page has a line for each finding, and the remedy for what is missing", () => {
  assert.equal(
    formatFindings([fine, optional, required]),
    [
      "ok    SIMD  simd128",
      "--    jsr   unreachable",
      "            connect",
      "FAIL  SIMD  missing",
      "            buy one",
    ].join("\n"),
  );
});

Deno.test("only what nothing works without makes the command fail", async () => {
  for (const [finding, code] of [[fine, 0], [optional, 0], [required, 1]] as const) {
    const command = doctorCommand(() => Promise.resolve([fine, finding]));
    assert.equal(await execute(command, ["--json"]), code);
  }
});

Deno.test("this machine is examined, and has what the tests need", async () => {
  const findings = await examineMachine();
  assert.deepEqual(findings.map(({ name }) => name), [
    ...["Deno", "V8", "CPU", "memory", "threads", "SIMD", "V8 flags"],
    ...["WebGPU", "onnxruntime", "progress", "sources", "git", "Python", "Jupyter", "linker"],
    ...["locale", "jsr"],
  ]);
  for (const { name, isFine, isRequired, detail } of findings) {
    assert(detail !== "", name);
    assert(isFine || !isRequired, `${name}: ${detail}`);
  }
});
