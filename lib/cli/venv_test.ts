import assert from "node:assert/strict";
import { ROOT } from "../run/provenance.ts";
import { FAST_V8_FLAGS } from "./tasks.ts";
import { isVenvReady } from "./venv.ts";

Deno.test("every package is pinned to one version", () => {
  const lines = Deno.readTextFileSync(`${ROOT}notebooks/requirements.txt`).split("\n")
    .map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "");
  for (const line of lines) {
    assert.match(line, /^[\w.-]+==[\w.]+(; (python_version|sys_platform) .+)?$/);
  }
  for (const name of ["jupyterlab", "nbclient", "nbconvert", "plotly"]) {
    assert.ok(lines.some((line) => line.startsWith(`${name}==`)), name);
  }
});

Deno.test("the kernel is this Deno, with no V8 flags but those of the tasks", () => {
  if (!isVenvReady()) return console.log("skipped: no .venv: run deno task notebooks once");
  const path = `${ROOT}.venv/share/jupyter/kernels/deno/kernel.json`;
  const { argv, env } = JSON.parse(Deno.readTextFileSync(path));
  assert.deepEqual(argv.slice(1), ["jupyter", "--kernel", "--conn", "{connection_file}"]);
  for (const flag of env.DENO_V8_FLAGS?.split(",") ?? []) assert(FAST_V8_FLAGS.includes(flag));
});
