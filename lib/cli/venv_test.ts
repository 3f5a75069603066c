import assert from "node:assert/strict";
import { ROOT } from "../run/provenance.ts";
import { isVenvReady, V8_FLAGS, VENV_PYTHON } from "./venv.ts";

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

Deno.test("the tasks may run what sets Jupyter up, and nothing else", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
  const python = VENV_PYTHON.slice(ROOT.length);
  for (const name of ["lab", "notebooks"]) {
    assert.match(tasks[name].command, new RegExp(`--allow-run=python3,${python} `));
    assert.doesNotMatch(tasks[name].command, /-A|--allow-all|--allow-net|--allow-write /);
  }
});

Deno.test("the kernel is this Deno, with the tasks' V8 flags", () => {
  if (!isVenvReady()) return console.log("skipped: no .venv: run deno task notebooks once");
  const path = `${ROOT}.venv/share/jupyter/kernels/deno/kernel.json`;
  const { argv, env } = JSON.parse(Deno.readTextFileSync(path));
  assert.deepEqual(argv.slice(1), ["jupyter", "--kernel", "--conn", "{connection_file}"]);
  assert.equal(env.DENO_V8_FLAGS, V8_FLAGS);
});
