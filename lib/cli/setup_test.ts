import assert from "node:assert/strict";
import { ROOT } from "../root.ts";
import { copyCheckout } from "./testdata/checkout.ts";

const CELL = "cot/d16-L2/seed1";
const isUnix = Deno.build.os !== "windows";

/** Runs a command line of sh's, with a PATH that has the system's programs and the folders named. */
async function sh(line: string, folder: string, programs: readonly string[] = []) {
  const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", line],
    cwd: folder,
    clearEnv: true,
    env: { PATH: [...programs, "/usr/bin:/bin:/usr/sbin:/sbin"].join(":"), HOME: "/nonexistent" },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/** `line` in a namespace of its own where the folder it is run in is read-only; undefined where that is not allowed. */
async function readOnly(line: string, folder: string, flags = ""): Promise<string | undefined> {
  const unshare = `unshare --mount ${flags} ${Deno.uid() === 0 ? "" : "--map-root-user"}`;
  const mount = `mount --bind "$PWD" "$PWD" && mount -o remount,ro,bind "$PWD" && cd "$PWD"`;
  const wrapped = (inner: string) => `${unshare} sh -c '${mount} && ${inner}'`;
  const { code } = await sh(wrapped("! touch x 2>/dev/null"), folder);
  return code === 0 ? wrapped(line) : undefined;
}

const setup = (flags: string) => `'${Deno.execPath()}' task --quiet setup --no-jupyter ${flags}`;
const SKIPPED = "skipped: no right to a namespace with a read-only folder and without a network";

Deno.test({
  name:
    "with --offline-bundle's Deno a node without network, cache and right to write in the checkout computes a pinned cell",
  ignore: !isUnix,
  async fn() {
    using checkout = copyCheckout("kit für alle");
    const { folder } = checkout;
    const made = await sh(setup("--offline-bundle"), folder);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^packages: .*\nDeno [\d.]+: \.cache\/bin\/deno\n/);
    const [bundled, ...others] = [...Deno.readDirSync(`${folder}/.cache/bin`)];
    assert.deepEqual([bundled?.name, others], ["deno", []], "nothing half written is left");
    const recommended = /export PATH="([^"]*):\$PATH"/.exec(made.stdout)?.[1];
    assert.equal(recommended, `${Deno.realPathSync(folder)}/.cache/bin`);

    const outer = Deno.makeTempDirSync({ prefix: "genac-node-" });
    try {
      const line = await readOnly(
        `exec env DENO_DIR=${outer}/cache deno task --quiet reproduce --experiment scaling --profile smoke ` +
          `--cells =${CELL} --cells-only --no-notebooks --threads 1 --json --out ${outer}/runs`,
        folder,
        "--net",
      );
      if (line === undefined) return console.log(SKIPPED);
      const { code, stdout, stderr } = await sh(line, folder, [recommended!]);
      assert.equal(code, 0, stderr);
      const { experiments: [scaling] } = JSON.parse(stdout);
      assert.equal(scaling.cells, 1);
      assert.deepEqual(scaling.pins.notPinned, ["the summary", "the verdicts"], "the cell is");
    } finally {
      Deno.removeSync(outer, { recursive: true });
    }
  },
});

Deno.test({
  name: "setup says which folder it may not write to, in one line, with exit code 2",
  ignore: !isUnix,
  async fn() {
    using checkout = copyCheckout("kit");
    const { folder } = checkout;
    // What deno itself has to write is there already.
    assert.equal((await sh(setup(""), folder)).code, 0);
    const line = await readOnly(`exec ${setup("--offline-bundle").replaceAll("'", "")}`, folder);
    if (line === undefined) return console.log(SKIPPED);
    const { code, stderr } = await sh(line, folder);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^error: .*\.cache\/bin.*read-only/im);
    assert.doesNotMatch(stderr, /^ +at /m, "no stack trace");
  },
});

/** The array's script with a deno and a scontrol that only say how they were called. */
class FakeNode {
  readonly folder = Deno.makeTempDirSync({ prefix: "genac node " });

  constructor(programs: { deno: string; scontrol?: string }) {
    Deno.mkdirSync(`${this.folder}/.cache/bin`, { recursive: true });
    Deno.mkdirSync(`${this.folder}/lib/cli`, { recursive: true });
    Deno.writeTextFileSync(`${this.folder}/lib/cli/reproduce.ts`, "");
    for (const [name, body] of Object.entries(programs)) {
      const note = `echo "$@" >'${this.folder}/${name}.called'`;
      const path = `${this.folder}/.cache/bin/${name}`;
      Deno.writeTextFileSync(path, `#!/bin/sh\n${note}\n${body}\n`, { mode: 0o755 });
    }
  }

  /** What a program was told; undefined as long as it was not called. */
  called(name: string): string | undefined {
    try {
      return Deno.readTextFileSync(`${this.folder}/${name}.called`).trim() || undefined;
    } catch {
      return undefined;
    }
  }

  async run(args: readonly string[], env: Record<string, string>, { atLimit = false } = {}) {
    const child = new Deno.Command("bash", {
      args: [`${ROOT}experiments/cluster/array.sh`, ...args],
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin", SLURM_SUBMIT_DIR: this.folder, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (atLimit) {
      while (this.called("deno") === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      child.kill("SIGUSR1");
    }
    const { code, stderr } = await child.output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

const TASK = {
  SLURM_ARRAY_JOB_ID: "7",
  SLURM_ARRAY_TASK_ID: "3",
  SLURM_ARRAY_TASK_MAX: "20",
  SLURM_CPUS_PER_TASK: "2",
};

Deno.test({
  name: "a task of the array computes its part, and ends as that does",
  ignore: !isUnix,
  async fn() {
    using node = new FakeNode({ deno: "exit 2" });
    const { code } = await node.run(["scaling", "standard", "--out", "/scratch/my runs"], TASK);
    assert.equal(code, 2);
    assert.equal(
      node.called("deno"),
      "task --quiet reproduce --experiment scaling --profile standard --cells-only --no-notebooks " +
        "--shard 3/20 --threads 2 --out /scratch/my runs",
    );
  },
});

Deno.test({
  name: "at its time limit a task goes back into the queue",
  ignore: !isUnix,
  async fn() {
    using node = new FakeNode({ deno: "exec sleep 60", scontrol: "exit 0" });
    const { code, stderr } = await node.run(["scaling"], TASK, { atLimit: true });
    assert.equal(code, 0, stderr);
    assert.equal(node.called("scontrol"), "requeue 7_3");
  },
});

Deno.test({
  name: "a task that is not put back into the queue says what to do, and fails",
  ignore: !isUnix,
  async fn() {
    using node = new FakeNode({
      deno: "exec sleep 60",
      scontrol: "echo 'Requested operation is presently disabled' >&2; exit 1",
    });
    const { code, stderr } = await node.run(["scaling"], TASK, { atLimit: true });
    assert.equal(code, 75, stderr);
    assert.match(stderr, /^error: the time limit is near, .*submit the same array again/m);
  },
});

Deno.test({
  name: "a task that finished as its time limit was near is not computed again",
  ignore: !isUnix,
  async fn() {
    using node = new FakeNode({
      deno: "trap 'kill $!; exit 0' TERM; sleep 60 & wait",
      scontrol: "exit 0",
    });
    const { code } = await node.run(["scaling"], TASK, { atLimit: true });
    assert.deepEqual([code, node.called("scontrol")], [0, undefined]);
  },
});

Deno.test({
  name:
    "the array's script refuses to be run by hand, from another folder and where there is no deno",
  ignore: !isUnix,
  async fn() {
    using node = new FakeNode({ deno: "exit 0" });
    for (
      const [args, env, message] of [
        [["scaling"], {}, /--array=1-N/],
        [[], TASK, /EXPERIMENT/],
        [["scaling"], { ...TASK, SLURM_SUBMIT_DIR: "/" }, /from the checkout's folder.* in \/$/m],
        [["scaling"], { ...TASK, SLURM_SUBMIT_DIR: "/nonexistent" }, /from the checkout's folder/],
      ] as const
    ) {
      const { code, stderr } = await node.run(args, env);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
    assert.equal(node.called("deno"), undefined);
    Deno.removeSync(`${node.folder}/.cache/bin/deno`);
    const { code, stderr } = await node.run(["scaling"], TASK);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /no deno on .*--offline-bundle/);
  },
});
