import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { skip } from "../testing.ts";
import { findPython, probe, pythonOf } from "./python.ts";
import { REMOVED } from "./tasks.ts";

Deno.test("a virtual environment's Python is where its system has it", () => {
  assert.equal(pythonOf("a/.venv", "linux"), "a/.venv/bin/python");
  assert.equal(pythonOf("a/.venv", "darwin"), "a/.venv/bin/python");
  assert.equal(pythonOf("a/.venv", "windows"), "a/.venv/Scripts/python.exe");
});

const LOADER = "python3: error while loading shared libraries: libpython3.12.so.1.0: cannot open";
const FIT = `printf 'Welcome!\\nPython 3.12.1 False .so x86_64\\n'`;
const OLD = `printf '\\nPython 3.8.10 False .so x86_64\\n'`;
const BROKEN = `echo '${LOADER}' >&2; exit 127`;
const FATAL =
  `printf 'Fatal Python error: no codec\\nstate: core\\n\\n<no Python frame>\\n' >&2; exit 1`;

interface Surrounding {
  /** Shell scripts by the name of the program that they stand for; null for a file that is no program. */
  readonly programs: Readonly<Record<string, string | null>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly allowed?: string;
  readonly says: RegExp;
}

const SURROUNDINGS: Readonly<Record<string, Surrounding>> = {
  "without a Python": {
    programs: {},
    says: /^UsageError: Python: "python3, python": not on the PATH: install Python >= 3\.10, then/,
  },
  "with a Python >= 3.10 that prints a banner": { programs: { python3: FIT }, says: /^python3$/ },
  "with a Python >= 3.10 under its other name": { programs: { python: FIT }, says: /^python$/ },
  "with a fit Python behind an old one": {
    programs: { python3: OLD, python: FIT },
    says: /^python$/,
  },
  "with a fit Python behind a broken one": {
    programs: { python3: BROKEN, python: FIT },
    says: /^python$/,
  },
  "with an old Python": {
    programs: { python3: OLD },
    says: /: Python: "python3": is Python 3\.8\.10, which is too old: put a Python >= 3\.10 first/,
  },
  "with a Python that lacks a library": {
    programs: { python3: BROKEN },
    says:
      /: Python: "python3": does not start \(.*libpython3.*\): mend it or put a Python >= 3\.10/,
  },
  "with a Python that lacks a library since the launcher removed a variable": {
    programs: { python3: BROKEN },
    env: { [REMOVED]: "LD_LIBRARY_PATH,LD_PRELOAD" },
    says:
      /libpython3.*: if it needs LD_LIBRARY_PATH, LD_PRELOAD, which deno task removes, .*ldconfig/,
  },
  "with a Python that fails at its start": {
    programs: { python3: FATAL, python: OLD },
    says: /: Python: "python3": does not start \(Fatal Python error: no codec\): mend it/,
  },
  "with a Python that ends without a word": {
    programs: { python3: "exit 9" },
    says: /: Python: "python3": does not start \(exit code 9\): mend it/,
  },
  "with a file that is no program": {
    programs: { python3: null },
    says: /: Python: "python3": does not start \(.+\): mend it/,
  },
  "with LD_LIBRARY_PATH set and no launcher to remove it": {
    programs: { python3: FIT },
    env: { LD_LIBRARY_PATH: "/nonexistent" },
    says:
      /: Python: "python3": Deno does not start it where LD_LIBRARY_PATH is set: unset it, or use deno task/,
  },
  "with a Python that may not be started": {
    programs: { python3: FIT },
    allowed: "git",
    says: /: Python: "python3": Deno does not start it \(.*\): allow it with --allow-run, or use/,
  },
};

for (const [name, { programs, env = {}, allowed, says }] of Object.entries(SURROUNDINGS)) {
  // The programs are scripts of sh.
  Deno.test(
    { name: `${name} the answer says so`, ignore: Deno.build.os === "windows" },
    async () => {
      const folder = Deno.makeTempDirSync({ prefix: "genac-python-" });
      try {
        for (const [program, script] of Object.entries(programs)) {
          const text = script === null ? "\x7fELF" : `#!/bin/sh\n${script}\n`;
          Deno.writeTextFileSync(`${folder}/${program}`, text, { mode: 0o755 });
        }
        const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: [
            ...["run", "--quiet", "--no-prompt", `--allow-env=${REMOVED}`],
            ...[`--allow-run=${allowed ?? "python3,python"}`],
            fileURLToPath(new URL("testdata/find_python.ts", import.meta.url)),
          ],
          env: { PATH: folder, [REMOVED]: "", ...env },
        }).output();
        const decoder = new TextDecoder();
        assert.match(decoder.decode(stdout).trim(), says, decoder.decode(stderr));
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    },
  );
}

Deno.test("this machine's Python says what it is", async (t) => {
  let python;
  try {
    python = await findPython();
  } catch (error) {
    return await skip(t, (error as Error).message);
  }
  const found = await probe(python);
  assert.equal(found.state, "fit");
  assert.match(found.state === "fit" ? found.abi : "", /^3\.\d\d+ \S+ \S+$/);
});
