import assert from "node:assert/strict";
import { ROOT } from "../root.ts";
import { GIT_ENVIRONMENT } from "../run/provenance.ts";
import { cleanEnvironment, knownV8Flags } from "./launch.ts";
import { FAST_V8_FLAGS, type Step, TASKS } from "./tasks.ts";
import { VENV_PYTHON } from "./venv.ts";

const AT = { deno: "/opt/deno", temporary: "/tmp" };
const configured: Record<string, { command: string; description: string }> =
  JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`)).tasks;

/** The values granted by one of Deno's permission flags: "all" without values, none where it is not there. */
function granted({ args }: Step, kind: string): readonly string[] | "all" {
  const flag = args.find((argument) => argument.split("=")[0] === `--allow-${kind}`);
  if (flag === undefined) return [];
  return flag.includes("=") ? flag.split("=")[1]!.split(",") : "all";
}

Deno.test("every task of deno.json but the one of several is started by the launcher", () => {
  const { ok, ...others } = configured;
  assert(ok);
  assert.deepEqual(Object.keys(others).sort(), Object.keys(TASKS).sort());
  for (const [name, { command }] of Object.entries(others)) {
    assert.equal(command, `deno run --quiet --allow-env --allow-run lib/cli/launch.ts ${name}`);
  }
});

Deno.test("no command may do all, use the network or write all over the disk", () => {
  for (const [name, task] of Object.entries(TASKS)) {
    for (const step of task([], AT)) {
      const isTest = step.args[0] === "test";
      assert(!step.args.some((argument) => /^(-A|--allow-all)$/.test(argument)), name);
      assert.deepEqual(granted(step, "net"), isTest && name === "test" ? granted(step, "net") : []);
      assert.notEqual(granted(step, "write"), "all", name);
      if (!isTest) assert.notEqual(granted(step, "run"), "all", name);
      if (!isTest) assert(Deno.statSync(`${ROOT}${step.args.at(-1)}`).isFile, name);
    }
  }
});

Deno.test("pins may be written by --update-pins only, and the folder of --out by who names it", () => {
  const writes = (...argv: string[]) => granted(TASKS["reproduce"]!(argv, AT)[0]!, "write");
  assert(!writes().includes("experiments"));
  assert(writes("--update-pins").includes("experiments"));
  assert.deepEqual(writes("--out", "/scratch/my runs", "--out=b").slice(-2), [
    "/scratch/my runs",
    "b",
  ]);
  assert.deepEqual(writes("--out"), writes(), "a missing value is the command's to refuse");
  assert.deepEqual(writes("--out", "--fresh"), writes());
  assert.throws(() => writes("--out", "a,b"), /^UsageError: --out: "a,b": .*comma/);
});

Deno.test("what starts git lets it see its user's configuration", () => {
  for (const name of ["reproduce", "doctor"]) {
    const seen = granted(TASKS[name]!([], AT)[0]!, "env");
    if (seen === "all") continue;
    for (const variable of GIT_ENVIRONMENT) assert(seen.includes(variable), `${name}: ${variable}`);
  }
});

Deno.test("what starts Python may start the virtual environment's, and knows it by the name it has here", () => {
  for (const name of ["reproduce", "notebooks", "lab", "bench", "doctor"]) {
    const programs = granted(TASKS[name]!([], AT)[0]!, "run");
    assert(programs.includes(VENV_PYTHON.slice(ROOT.length)), name);
    assert(programs.includes("python3"), name);
  }
});

Deno.test("of the flags only those that this V8 knows are given", async () => {
  const known = await knownV8Flags([
    ...FAST_V8_FLAGS,
    "--no-such-flag",
    "--such-flag",
    "--liftoff",
  ]);
  const has = (flag: string) => known.includes(flag);
  assert.deepEqual([has("--no-such-flag"), has("--such-flag")], [false, false]);
  assert(has("--liftoff") && has("--no-wasm-bounds-checks"), "named with and without no-");
  assert.equal(has("--experimental-wasm-revectorize"), Deno.build.arch === "x86_64");
});

Deno.test("the dynamic linker's variables are left out of the environment, and named", () => {
  const { env, removed } = cleanEnvironment({
    ...{ PATH: "/bin", LD_LIBRARY_PATH: "/cuda", LD_PRELOAD: "", DYLD_INSERT_LIBRARIES: "x" },
    ...{ LDFLAGS: "-L", OLD_HOME: "a" },
  });
  assert.deepEqual(env, { PATH: "/bin", LDFLAGS: "-L", OLD_HOME: "a" });
  assert.deepEqual(removed, ["DYLD_INSERT_LIBRARIES", "LD_LIBRARY_PATH", "LD_PRELOAD"]);
});

/** The launcher with these arguments. */
function launch(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-env", "--allow-run", "lib/cli/launch.ts", ...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

Deno.test("a task's exit code and output are the command's", async () => {
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const help = await launch("reproduce", "--help").output();
  assert.equal(help.code, 0);
  assert.match(decode(help.stdout), /^Usage: deno task reproduce/m);
  const bad = await launch("reproduce", "--profile", "fast").output();
  assert.equal(bad.code, 2);
  assert.match(decode(bad.stderr), /^error: --profile: "fast"/m);
  const unknown = await launch("reproduc").output();
  assert.equal(unknown.code, 2);
  assert.match(decode(unknown.stderr), /^error: task: "reproduc": choose from reproduce, /);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test({
    name: `${signal} ends the command too, which says that what is finished is kept`,
    ignore: Deno.build.os === "windows", // has no such signals
    async fn() {
      const out = Deno.makeTempDirSync({ prefix: "genac-" });
      const child = launch(
        ...["reproduce", "--experiment=scaling", "--profile=quick", "--verbose", "--threads=1"],
        ...["--no-notebooks", `--out=${out}`],
      ).spawn();
      // The lock is there once the run has begun.
      while (![...Deno.readDirSync(out)].length) await new Promise((done) => setTimeout(done, 50));
      await new Promise((done) => setTimeout(done, 500));
      child.kill(signal);
      const { code: got, stderr } = await child.output();
      assert.equal(got, code);
      assert.match(new TextDecoder().decode(stderr), /finished cells are kept/);
      Deno.removeSync(out, { recursive: true });
    },
  });
}
