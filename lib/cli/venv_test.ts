import assert from "node:assert/strict";
import { ROOT } from "../root.ts";
import { skip } from "../testing.ts";
import { findPython, ISOLATED, pythonOf, run, shielded } from "./python.ts";
import { FAST_V8_FLAGS } from "./tasks.ts";
import { withVariables } from "./testdata/with_variables.ts";
import { ensureVenv, isVenvReady, type Venv } from "./venv.ts";

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

Deno.test("the kernel is this Deno, with no V8 flags but those of the tasks", async (t) => {
  if (!isVenvReady()) return await skip(t, "no .venv: run deno task notebooks once");
  const path = `${ROOT}.venv/share/jupyter/kernels/deno/kernel.json`;
  const { argv, env } = JSON.parse(Deno.readTextFileSync(path));
  assert.deepEqual(argv.slice(1), ["jupyter", "--kernel", "--conn", "{connection_file}"]);
  for (const flag of env.DENO_V8_FLAGS?.split(",") ?? []) assert(FAST_V8_FLAGS.includes(flag));
});

/** A wheel of one module, in a folder that pip looks into. */
const WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/kit_probe-1.0-py3-none-any.whl", "w") as wheel:
    info = "kit_probe-1.0.dist-info/"
    wheel.writestr("kit_probe.py", "print(__file__)")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: kit-probe\\nVersion: 1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
`;

/** Tests with a virtual environment of their own, without PyPI. */
function testWithVenv(
  name: string,
  body: (venv: Venv, outer: string, setUp: () => Promise<boolean>) => Promise<void>,
): void {
  Deno.test(name, async (t) => {
    const outer = Deno.makeTempDirSync({ prefix: "genac-venv-" });
    const venv = { folder: `${outer}/a kit/.venv`, requirements: `${outer}/requirements.txt` };
    Deno.mkdirSync(`${outer}/a kit`);
    Deno.writeTextFileSync(venv.requirements, "");
    try {
      const python = await findPython();
      const { code } = await run(python, [...ISOLATED, "-c", "import ensurepip, venv"]);
      if (code !== 0) return await skip(t, `${python} has no ensurepip or no venv module`);
    } catch (error) {
      return await skip(t, (error as Error).message);
    }
    /** Returns whether there was anything to do. */
    const setUp = async () => {
      const said: string[] = [];
      await ensureVenv((line) => said.push(line), venv);
      return said.length > 0;
    };
    try {
      await body(venv, outer, setUp);
    } finally {
      Deno.removeSync(outer, { recursive: true });
    }
  });
}

testWithVenv(
  "the user's settings change neither what is installed nor where; pip still reaches its packages",
  async (venv, outer, setUp) => {
    const packages = `${outer}/packages`, foreign = `${outer}/foreign`;
    Deno.mkdirSync(packages);
    Deno.mkdirSync(foreign);
    await run(await findPython(), [...ISOLATED, "-c", WHEEL, packages]);
    Deno.writeTextFileSync(venv.requirements, "kit-probe==1.0\n");
    for (const name of ["pip", "json", "venv"]) {
      Deno.writeTextFileSync(`${foreign}/${name}.py`, 'raise ImportError("foreign")\n');
    }
    Deno.writeTextFileSync(`${foreign}/sitecustomize.py`, 'print("Welcome!")\n');
    // In the file the way to the packages, and what must not count.
    const config = `[global]\nfind-links = ${packages}\nuser = true\nrequire-hashes = true\n` +
      `quiet = 3\n[install]\ntarget = ${foreign}/by-file\ndry-run = true\n`;
    Deno.writeTextFileSync(`${outer}/pip.conf`, config);
    const machines = Object.keys(Deno.env.toObject()).filter((name) => name.startsWith("PIP_"));
    const variables = {
      ...Object.fromEntries(machines.map((name) => [name, ""])),
      ...{ PIP_CONFIG_FILE: `${outer}/pip.conf`, PIP_NO_INDEX: "1", PIP_TIMEOUT: "7" },
      ...{ PIP_USER: "1", PIP_TARGET: `${foreign}/by-variable`, PIP_PREFIX: `${foreign}/prefix` },
      ...{ PIP_REQUIRE_HASHES: "1", PIP_CONSTRAINT: "/nonexistent", PIP_NO_BINARY: ":all:" },
      ...{ PIP_PYTHON: "/nonexistent", PYTHONPATH: foreign, PYTHONHOME: "/nonexistent" },
      ...{ PYTHONIOENCODING: "ascii", VIRTUAL_ENV: "/nonexistent", CONDA_PREFIX: "/nonexistent" },
    };
    await withVariables(variables, async () => {
      assert(await setUp());
      assert(!await setUp(), "ready");
      const python = pythonOf(venv.folder);
      const { stdout } = await run(python, [...ISOLATED, "-c", "import kit_probe"]);
      assert(stdout.startsWith(Deno.realPathSync(venv.folder)), stdout);
      const { stdout: list } = await run(python, shielded("pip", "config", "list"));
      const settings = new Map(
        list.trim().split("\n").map((line) => {
          const [, name, value] = line.match(/^:env:\.(.*)='(.*)'\r?$/) ?? [];
          return [name, value];
        }),
      );
      assert.deepEqual(
        ["find-links", "no-index", "timeout", "retries"].map((name) => settings.get(name)),
        [packages, "1", "7", "2"],
      );
      // What else there is, is this machine's way to its packages.
      for (const name of settings.keys()) {
        assert.match(String(name), /link|index|time|retries|cert|proxy|host|cache|config-file/);
      }
    });
    assert.deepEqual(
      [...Deno.readDirSync(foreign)].map(({ name }) => name).sort(),
      ["json.py", "pip.py", "sitecustomize.py", "venv.py"],
    );
  },
);

testWithVenv(
  "a moved environment goes on; one of another Python, machine or none is made anew",
  async (venv, outer, setUp) => {
    assert(await setUp());
    const python = pythonOf(venv.folder);
    const { folder } = venv;
    Deno.renameSync(`${outer}/a kit`, `${outer}/ein ändérer`);
    const moved = { ...venv, folder: `${outer}/ein ändérer/.venv` };
    await ensureVenv(() => assert.fail("moved: as good as before"), moved);
    Deno.renameSync(`${outer}/ein ändérer`, `${outer}/a kit`);

    // Where no Python can be found, making it anew is refused at once.
    const isMadeAnew = (name: string) =>
      withVariables(
        { PATH: outer },
        () => assert.rejects(setUp(), /Python: ".*": not on the PATH/, name),
      );
    const stamp = `${folder}/installed.txt`, config = `${folder}/pyvenv.cfg`;
    const text = Deno.readTextFileSync(stamp);
    Deno.writeTextFileSync(stamp, text.replace(/\n.*/, "\n2.0 other\n"));
    await isMadeAnew("installed for another Python");
    Deno.writeTextFileSync(stamp, text);
    Deno.renameSync(config, `${outer}/config`);
    await isMadeAnew("no environment: pip would install into the user's Python");
    Deno.renameSync(`${outer}/config`, config);
    assert(!await setUp(), "as it was");

    Deno.writeTextFileSync(`${folder}/left over`, "");
    Deno.removeSync(python);
    assert(await setUp());
    assert(!await setUp());
    assert.equal((await run(python, [...ISOLATED, "-c", "import pip"])).code, 0);
    assert(![...Deno.readDirSync(folder)].some(({ name }) => name === "left over"));
  },
);

Deno.test({
  name: "a Python without the means to make environments is named with the remedy",
  ignore: Deno.build.os === "windows", // It is a script of sh.
  async fn() {
    const outer = Deno.makeTempDirSync({ prefix: "genac-venv-" });
    try {
      const venv = { folder: `${outer}/.venv`, requirements: `${outer}/requirements.txt` };
      Deno.writeTextFileSync(venv.requirements, "");
      // As Debian's says it.
      const script =
        `#!/bin/sh\ncase "$*" in *"-m venv"*) echo "ensurepip is not\navailable."; exit 1;; esac\n` +
        `printf '\\nPython 3.11.2 False .so x86_64\\n'\n`;
      Deno.writeTextFileSync(`${outer}/python3`, script, { mode: 0o755 });
      await withVariables({ PATH: outer }, () =>
        assert.rejects(
          ensureVenv(() => {}, venv),
          /^UsageError: python3 -m venv: "no ensurepip": install .*python3-venv/,
        ));
    } finally {
      Deno.removeSync(outer, { recursive: true });
    }
  },
});
