/**
 * The README's commands, as a user types them, in the surroundings of other machines: each computes one small cell to
 * its pinned digits, or says in one line what is missing.
 */
import assert from "node:assert/strict";
import { ROOT } from "../root.ts";
import { skip } from "../testing.ts";
import { copyCheckout, link } from "./testdata/checkout.ts";
import { isVenvReady } from "./venv.ts";

const CELL = "cot/d16-L2/seed1";
/** As short as a run that trains can be. */
const REPRODUCE =
  `deno task reproduce --experiment scaling --profile smoke --cells ${CELL} --no-notebooks`;

interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line of sh's in a checkout. */
async function sh(
  line: string,
  { folder = ROOT, env = {} }: { folder?: string; env?: Record<string, string | undefined> } = {},
): Promise<Ending> {
  const merged = { ...Deno.env.toObject(), PATH: `${programs}:${Deno.env.get("PATH")}`, ...env };
  const set = Object.entries(merged).filter(([name, value]) =>
    value !== undefined && (name in env || !OURS.test(name))
  ) as [string, string][];
  const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", line],
    cwd: folder,
    clearEnv: true,
    env: Object.fromEntries(set),
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/** What the test's own task has set. */
const OURS = /^(DENO_V8_FLAGS|DENO_WEBGPU_BACKEND|GENAC_.*)$/;
/** A folder with this very deno and nothing else. */
const programs = Deno.makeTempDirSync({ prefix: "genac-programs-" });
if (Deno.build.os !== "windows") link(Deno.execPath(), `${programs}/deno`);
globalThis.addEventListener("unload", () => Deno.removeSync(programs, { recursive: true }));

/** Computes the cell and holds it against its pin; returns what is stored of the run. */
async function computesThePinnedCell(
  more = "",
  options: Parameters<typeof sh>[1] = {},
  { before = "", after = "" } = {},
) {
  const out = Deno.makeTempDirSync({ prefix: "genac-runs-" });
  try {
    const line = `${before} ${REPRODUCE} --json --out ${out} ${more} ${after}`;
    const { code, stdout, stderr } = await sh(line, options);
    assert.equal(code, 0, `${line}\n${stdout}${stderr}`);
    const path = [...Deno.readDirSync(`${out}/scaling`)].map(({ name }) =>
      `${out}/scaling/${name}/partial.json`
    );
    const run = JSON.parse(Deno.readTextFileSync(path[0]!));
    assert.equal(run.cells.length, 1);
    assert.equal(run.cells[0].id, CELL);
    assert.equal(run.pins.state, "partly pinned", "the cell is the pinned one");
    assert.deepEqual(run.pins.notPinned, ["the summary", "the verdicts"]);
    return run;
  } finally {
    Deno.removeSync(out, { recursive: true });
  }
}

function test(name: string, body: (t: Deno.TestContext) => Promise<unknown>): void {
  Deno.test({
    name,
    ignore: Deno.build.os === "windows", // sh is needed
    async fn(t) {
      await body(t);
    },
  });
}

for (const threads of [3, 5, 8, 16, 64]) {
  test(`reproduce computes the pinned cell with --threads ${threads}`, async () => {
    await computesThePinnedCell(`--threads ${threads}`);
  });
}

for (
  const [name, env] of Object.entries({
    "LD_LIBRARY_PATH, as for CUDA": { LD_LIBRARY_PATH: "/usr/local/cuda/lib64", LD_PRELOAD: "" },
    "DYLD_LIBRARY_PATH": { DYLD_LIBRARY_PATH: "/opt/lib" },
    "a Latin-1 locale": { LC_ALL: "en_US.ISO-8859-1", LANG: "en_US.ISO-8859-1" },
    "Python's variables": {
      ...{ PIP_USER: "1", PYTHONPATH: "/nonexistent", PYTHONHOME: "/nonexistent" },
      PYTHONIOENCODING: "latin-1",
    },
    "a proxy that does not answer": {
      HTTP_PROXY: "http://127.0.0.1:9",
      HTTPS_PROXY: "http://127.0.0.1:9",
    },
    "no home": { HOME: undefined, DENO_DIR: denoDir() },
    "NO_COLOR and CI": { NO_COLOR: "1", CI: "true" },
    "V8 flags of the user's": { DENO_V8_FLAGS: "--max-old-space-size=2048" },
  })
) {
  test(`reproduce computes the pinned cell with ${name}`, async () => {
    await computesThePinnedCell("", { env });
  });
}

/** Deno's cache, which it finds below HOME. */
function denoDir(): string {
  return Deno.env.get("DENO_DIR") ??
    `${Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`}/deno`;
}

for (
  const [name, after] of Object.entries({
    "stderr closed": "2>&-",
    "stderr on a full device": "2>/dev/full",
    "stdout and stderr closed": ">&- 2>&-",
    "stdout and stderr on a full device": ">/dev/full 2>&1",
  })
) {
  test(`reproduce computes the pinned cell with ${name}`, async (t) => {
    if (after.includes("/dev/full") && (await sh("test -c /dev/full")).code !== 0) {
      return await skip(t, "this system has no /dev/full");
    }
    await computesThePinnedCell("--verbose", {}, { after });
  });
}

test("reproduce computes the pinned cell when the reader of its progress has gone", async () => {
  const code = Deno.makeTempFileSync();
  try {
    // The subshell's code is noted, for a pipe has that of its last command.
    await computesThePinnedCell("--verbose", {}, {
      before: "(",
      // The reader leaves after deno's own line: by then the command has started.
      after: `; echo $? >${code}) 2>&1 >/dev/null | head -n 1; exit $(cat ${code})`,
    });
  } finally {
    Deno.removeSync(code);
  }
});

test("a run whose terminal hangs up is taken up", async (t) => {
  const out = Deno.makeTempDirSync({ prefix: "genac-runs-" });
  try {
    const line = `${REPRODUCE.replace("seed1", "seed*")} --threads 1 --out ${out}`;
    // A terminal of its own, hung up when the first cell has been computed.
    const script = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", sys.argv[1]])
seen = b""
while b" 1/2 cells" not in seen:
    seen += os.read(terminal, 4096)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
    Deno.writeTextFileSync(`${out}/hang_up.py`, script);
    const hungUp = await sh(`python3 ${out}/hang_up.py '${line}'`, { env: { CI: undefined } });
    if (hungUp.code === 127) return await skip(t, "no python3 to make a terminal with");
    assert.equal(hungUp.code, 0, hungUp.stderr);
    assert.notEqual(hungUp.stdout.trim(), "0", "it was cut short");
    const { code, stdout, stderr } = await sh(`${line} --json`);
    assert.equal(code, 0, stderr);
    const { experiments: [scaling] } = JSON.parse(stdout);
    assert.equal(scaling.pins.state, "partly pinned");
    assert(scaling.provenance.cellsTakenUp >= 1, "what was finished was kept");
  } finally {
    Deno.removeSync(out, { recursive: true });
  }
});

test("a zip in a folder with spaces and letters of other languages, in a stranger's repository, records no commit", async () => {
  using checkout = copyCheckout("Kit für Löwen & Bären 試験");
  const { folder } = checkout;
  const git = (args: string) =>
    sh(`git -c user.name=a -c user.email=a@b.c ${args}`, { folder: `${folder}/..` });
  for (const args of ["init -q", "commit -q --allow-empty -m theirs"]) {
    const { code, stderr } = await git(args);
    assert.equal(code, 0, stderr);
  }
  // Emacs' lock file, a link to nowhere, and what macOS leaves in every folder.
  link("somebody@host.1234:1", `${folder}/lib/rl/.#train_actor.ts`);
  link("somebody@host.1234:1", `${folder}/kernels/wasm/assembly/.#gemm.ts`);
  Deno.writeTextFileSync(`${folder}/experiments/scaling/.DS_Store`, "");
  const run = await computesThePinnedCell("", { folder });
  assert.deepEqual([run.provenance.commit, run.provenance.dirty], [null, null]);
});

test("a checkout records its own commit, whatever GIT_DIR says", async () => {
  const theirs = Deno.makeTempDirSync({ prefix: "genac-theirs-" });
  try {
    assert.equal((await sh(`git init -q ${theirs}`)).code, 0);
    const own = await sh("git rev-parse HEAD");
    const run = await computesThePinnedCell("", {
      env: { GIT_DIR: `${theirs}/.git`, GIT_WORK_TREE: theirs },
    });
    assert.equal(run.provenance.commit, own.code === 0 ? own.stdout.trim() : null);
  } finally {
    Deno.removeSync(theirs, { recursive: true });
  }
});

test("without git and python3 reproduce computes the pinned cell, and notebooks says what is missing", async () => {
  using checkout = copyCheckout("kit");
  const options = { folder: checkout.folder, env: { PATH: programs } };
  const run = await computesThePinnedCell("", options);
  assert.equal(run.provenance.commit, null);
  const { code, stderr } = await sh("deno task --quiet notebooks 00-quickstart", options);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /^error: .*python3/m);
  assert.doesNotMatch(stderr, /^ +at /m, "no stack trace");
});

test("notebooks are executed as ever where variables of CUDA's, Python's and a Latin-1 locale are set", async (t) => {
  if (!isVenvReady()) return await skip(t, "no .venv: run deno task notebooks once");
  const foreign = Deno.makeTempDirSync({ prefix: "genac-foreign-" });
  try {
    Deno.writeTextFileSync(`${foreign}/nbformat.py`, "raise ImportError('not the kit's')");
    Deno.writeTextFileSync(`${foreign}/sitecustomize.py`, "print('hello')");
    const env = {
      ...{ LD_LIBRARY_PATH: "/usr/local/cuda/lib64", LC_ALL: "en_US.ISO-8859-1", PIP_USER: "1" },
      ...{ PYTHONPATH: foreign, PYTHONIOENCODING: "latin-1", PYTHONSTARTUP: `${foreign}/none` },
    };
    const checked = await sh("deno task check:notebooks 00-quickstart", { env });
    assert.equal(checked.code, 0, checked.stderr);
    const { code, stdout, stderr } = await sh("deno task notebooks 00-quickstart", { env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^all reports: reports\/index\.html$/m);
    const text = Deno.readTextFileSync(`${ROOT}reports/00-quickstart.ipynb`);
    assert.match(text, /\u2026/, "it has letters beyond ASCII");
    assert.doesNotMatch(text, /\u00e2\u0080|\u00c3/, "UTF-8 was taken for Latin-1");
  } finally {
    Deno.removeSync(foreign, { recursive: true });
  }
});

test("reproduce computes the pinned cell without a network, from an empty cache of Deno's", async (t) => {
  const cache = Deno.makeTempDirSync({ prefix: "genac-cache-" });
  try {
    // In a namespace of its own, with no device that is up.
    const alone = `unshare ${Deno.uid() === 0 ? "" : "--map-root-user"} --net`;
    if ((await sh(`${alone} true`)).code !== 0) {
      return await skip(t, "no right to a namespace without a network");
    }
    await computesThePinnedCell("", { env: { DENO_DIR: cache } }, { before: alone });
  } finally {
    Deno.removeSync(cache, { recursive: true });
  }
});

test("a read-only checkout computes the pinned cell into --out", async (t) => {
  using checkout = copyCheckout("kit");
  const { folder } = checkout;
  const isRoot = Deno.uid() === 0;
  // Modes do not bind root: a read-only mount does, where this process may make one.
  const mount = `mount --bind "$PWD" "$PWD" && mount -o remount,ro,bind "$PWD"`;
  if (isRoot && (await sh(`unshare -m sh -c '${mount}'`, { folder })).code !== 0) {
    return await skip(t, "root without the right to mount: nothing is read-only for it");
  }
  if (!isRoot) assert.equal((await sh("chmod -R a-w .", { folder })).code, 0);
  try {
    await computesThePinnedCell(
      "",
      { folder },
      isRoot ? { before: `unshare -m sh -c '${mount} && cd "$PWD" &&`, after: "'" } : {},
    );
  } finally {
    if (!isRoot) await sh("chmod -R u+w .", { folder });
  }
});

test("doctor names what it finds", async () => {
  const { code, stdout } = await sh("deno task doctor --json", {
    env: { LD_LIBRARY_PATH: "/usr/local/cuda/lib64", GIT_DIR: "/nonexistent", PIP_USER: "1" },
  });
  assert.equal(code, 0, stdout);
  for (const name of ["LD_LIBRARY_PATH", "GIT_DIR", "PIP_USER"]) {
    assert(stdout.includes(name), name);
  }
});
