import assert from "node:assert/strict";
import type { Run } from "../run/run.ts";
import { makeSandbox, type Sandbox, type SandboxOptions, walk } from "../run/testdata/sandbox.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Runs `reproduce` to its end. */
async function reproduce(box: Sandbox, ...flags: string[]) {
  const { code, stdout, stderr } = await box.command(...flags).output();
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/** The summary of `reproduce --json`, which is the last line on stdout. */
async function summary(box: Sandbox, ...flags: string[]) {
  const { code, stdout, stderr } = await reproduce(box, "--json", ...flags);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 1, "all else goes to stderr");
  const parsed = JSON.parse(lines[0]!);
  assert.equal(parsed.exitCode, code);
  return { ...parsed, stderr };
}

/** The digests and metrics of the standard profile, pinned by an undisturbed run. */
async function pinnedBox(standard: SandboxOptions["standard"] = {}) {
  const box = await makeSandbox({ standard });
  const { code, stdout } = await reproduce(box, "--profile=standard", "--update-pins", "--fresh");
  assert.equal(code, 0, stdout);
  return box;
}

// Long enough to be stopped midway: each of 6 cells takes 20 x 10 ms.
const SLOW = { pause: 10 };

for (const signal of ["SIGKILL", "SIGINT"] as const) {
  Deno.test(`a run stopped by ${signal} is taken up and ends with the same digests`, async () => {
    using box = await pinnedBox(SLOW);
    const flags = ["--profile=standard", "--threads=1", "--fresh", "--verbose"];
    const child = box.command(...flags).spawn();
    const log = readUntil(child.stderr, "2/6 cells");
    await log.found;
    while (!hasCheckpoint(box)) await new Promise((done) => setTimeout(done, 5));
    child.kill(signal);
    const { code } = await child.status;
    assert.equal(code, signal === "SIGINT" ? 130 : 137);
    await Promise.all([log.rest, child.stdout.cancel()]);
    if (signal === "SIGINT") assert.match(log.text(), /finished cells are kept/);

    const { stderr, ok, experiments: [fake] } = await summary(box, "--profile=standard");
    assert.match(stderr, /[2-6] cells taken up from an interrupted run/);
    assert(ok);
    assert.equal(fake.pins.state, "matched");
    assert(fake.provenance.cellsTakenUp >= 2, "finished cells were kept");
    assert(tookUpCheckpoint(box), "the cell in progress went on from its checkpoint");
  });
}

/** Reads a stream; `found` resolves when `text` has come. */
function readUntil(stream: ReadableStream<Uint8Array>, text: string) {
  let seen = "";
  const { promise: found, resolve } = Promise.withResolvers<void>();
  const rest = (async () => {
    for await (const chunk of stream) {
      seen += decode(chunk);
      if (seen.includes(text)) resolve();
    }
    resolve();
  })();
  return { found, rest, text: () => seen };
}

/** Whether a cell in progress has saved a checkpoint. */
function hasCheckpoint({ folder }: Sandbox): boolean {
  return walk(`${folder}/runs`).some((path) => /\/checkpoints\/.*\.safetensors$/.test(path));
}

/** Whether any stored cell says that it began from a checkpoint. */
function tookUpCheckpoint({ folder }: Sandbox): boolean {
  const path = walk(`${folder}/runs`).find((path) => /standard-.*\/run\.json$/.test(path))!;
  const run: Run = JSON.parse(Deno.readTextFileSync(path));
  return run.cells.some(({ unpinned }) => unpinned["tookUp"]);
}

Deno.test("the exit code is 0 for matched pins, with table, verdict and run on stdout", async () => {
  using box = await pinnedBox();
  const { code, stdout, stderr } = await reproduce(box, "--profile=standard");
  assert.equal(code, 0);
  assert.match(stdout, /sum\/n5\/seed3 +0\.\d+/);
  assert.match(stdout, /C0 SEE STANDARD: The mean is about a half\./);
  assert.match(stdout, /pins: all 6 cells, the summary and the verdicts are equal/);
  assert.match(stdout, /run: .*runs\/fake\/standard-[0-9a-f]{12}\/run\.json/);
  assert.match(stdout, /\nfake +pins equal +1 see standard +.*\n\nTotal time +.*\n$/);
  assert.doesNotMatch(stderr, /fake standard: 6\/6 cells/, "no terminal, not verbose");
});

Deno.test("--verbose has a line for every cell", async () => {
  using box = await pinnedBox();
  const { code, stderr } = await reproduce(box, "--profile=standard", "--verbose", "--fresh");
  assert.equal(code, 0);
  assert.match(stderr, /fake standard: 1\/6 cells, .*\n[^]*fake standard: 6\/6 cells, 100 %/);
});

Deno.test("the exit code is 1 for a changed digit in a pin, which is named", async () => {
  using box = await pinnedBox();
  const path = `${box.folder}/pins/standard.json`;
  const pins = JSON.parse(Deno.readTextFileSync(path));
  pins.cells["sum/n2/seed1"].metrics.mean += 1e-9;
  Deno.writeTextFileSync(path, JSON.stringify(pins));
  const { code, stdout } = await reproduce(box, "--profile=standard");
  assert.equal(code, 1);
  assert.match(
    stdout,
    /FAILED .*pins\/standard\.json: cells: sum\/n2\/seed1: metrics: mean: expected 0\.\d+, got 0\.\d+/,
  );
  const { ok, experiments: [{ failures }] } = await summary(box, "--profile=standard");
  assert(!ok);
  assert.equal(failures.length, 1);
});

Deno.test("some cells are reported as such, without summary and verdicts", async () => {
  using box = await pinnedBox();
  const flags = ["--profile=standard", "--cells=sum/n2/*", "--fresh"];
  const { code, stdout } = await reproduce(box, ...flags);
  assert.equal(code, 0);
  assert.match(stdout, /sum\/n2\/seed3 +0\.\d+/);
  assert.doesNotMatch(stdout, /sum\/n5|SEE STANDARD/);
  assert.match(stdout, /PARTIAL: 3 of 6 cells: no summary, no verdicts/);
  assert.match(stdout, /run: .*\/standard-[0-9a-f]{12}\n/);
  assert.match(stdout, /pins: equal .*; PARTLY PINNED: not compared: the summary, the verdicts/);
  assert.match(stdout, /notebooks: left out: they show whole runs; omit --cells/);
  const { ok, experiments: [fake] } = await summary(box, ...flags);
  assert.equal(ok, true);
  assert.equal(fake.finished, false);
  assert.equal(fake.cells, 3);
  assert.equal(fake.missing.length, 3);
  assert.equal(fake.claims, undefined);
});

Deno.test("what is not pinned is said to be so", async () => {
  using box = await makeSandbox();
  const { code, stdout } = await reproduce(box, "--profile=smoke");
  assert.equal(code, 0);
  assert.match(stdout, /pins: NOT PINNED: no pins to compare with for any cell/);
});

Deno.test("bad usage is one line on stderr and exit code 2, and writes nothing", async () => {
  using box = await makeSandbox();
  const cases: [string[], RegExp][] = [
    [["--frsh"], /^error: flag: "--frsh": unknown: did you mean --fresh\?$/],
    [["--zzzzzz"], /^error: flag: "--zzzzzz": unknown: see deno task reproduce --help$/],
    [["quick"], /^error: argument: "quick": not a flag/],
    [["--experiment=fakr"], /^error: --experiment: "fakr": did you mean fake\?$/],
    [["--experiment", "xyzxyz"], /^error: --experiment: "xyzxyz": choose from fake$/],
    [["--profile=fast"], /^error: --profile: "fast": .*"smoke"\|"quick"\|"standard"$/],
    [["--threads=0"], /^error: --threads: 0: /],
    [["--threads=two"], /^error: --threads: "two": /],
    [["--seeds=1,x"], /^error: --seeds\.1: "x": /],
    [["--seeds=1,1.5"], /^error: --seeds\.1: 1\.5: /],
    [["--profile"], /^error: --profile: "": a value is missing$/],
    [["--seeds=9", "--update-pins"], /^error: --update-pins: "with --seeds": /],
    [
      ["--cells=n2,n7"],
      /^error: --cells: "n7": no cell has such an id; ids are like sum\/n2\/seed1/,
    ],
    [["--cells==sum/n2"], /^error: --cells: "=sum\/n2": no cell has such an id; ids are like sum/],
    ...["x", "1", "0/4", "1/0", "-1/4", "1/4/2", "1.5/4"].map((part): [string[], RegExp] => [
      [`--shard=${part}`],
      /^error: --shard: ".*": give a part, from 1, and their number: 2\/8$/,
    ]),
    [["--shard=5/4"], /^error: --shard: "5\/4": of 4 parts there are 1\/4 to 4\/4$/],
    [
      ["--cells-only", "--fresh"],
      /^error: --fresh: "with --cells-only": it would drop what other processes computed: run/,
    ],
    [["--cells-only", "--prune"], /^error: --prune: "with --cells-only": it goes by the finished/],
    [["--cells-only", "--update-pins"], /^error: --update-pins: "with --cells-only": pins hold/],
    [["--shard=1/2", "--update-pins"], /^error: --update-pins: "with --shard": pins hold whole/],
    [["--cells-only", "--from-pins"], /^error: --from-pins: "with --cells-only": it gives a whole/],
    [["--from-pins"], /^error: --from-pins: ".*quick\.json": there are none: compute the run/],
    [["--adopt=none"], /^error: --adopt: "none": there is no such folder$/],
    [["--out=/sys/runs"], /^error: \/sys\/runs.*: the task may not go there/],
  ];
  for (const [flags, message] of cases) {
    const { code, stdout, stderr } = await reproduce(box, ...flags);
    assert.equal(code, 2, flags.join(" "));
    assert.equal(stdout, "");
    const lines = stderr.trimEnd().split("\n").filter((line) => !line.includes("Download"));
    assert.equal(lines.length, 1, stderr);
    assert.match(lines[0]!, message);
  }
  assert.throws(() => Deno.statSync(`${box.folder}/runs`), Deno.errors.NotFound);
});

Deno.test("a part without cells is done at once, and says so", async () => {
  using box = await makeSandbox();
  const { code, stdout } = await reproduce(box, "--profile=smoke", "--shard=3/3");
  assert.equal(code, 0);
  assert.equal(stdout, "--shard 3/3: nothing to do: there are fewer cells than parts\n");
  const { stderr, ...said } = await summary(box, "--profile=smoke", "--shard=3/3");
  assert.match(stderr, /nothing to do/);
  assert.deepEqual(said, {
    ...{ ok: true, exitCode: 0, profile: "smoke", experiments: [] },
    notebooks: { executed: [], reports: [], failures: [] },
  });
  assert.throws(() => Deno.statSync(`${box.folder}/runs`), Deno.errors.NotFound);
});

Deno.test("two checkouts of different commits that write to one folder at once gather their own cells", async () => {
  const standard = { pause: 10 };
  using ours = await makeSandbox({ standard });
  using theirs = await makeSandbox({ standard, runs: `${ours.folder}/runs` });
  Deno.writeTextFileSync(`${theirs.folder}/cell.ts`, "\n// another commit", { append: true });
  const flags = ["--profile=standard", "--threads=2"];
  const both = await Promise.all([ours, theirs].map((box) => summary(box, ...flags)));
  for (const { ok, experiments: [fake] } of both) {
    assert(ok);
    assert.deepEqual([fake.cells, fake.provenance.cellsTakenUp], [6, 0]);
  }
  assert.deepEqual(both[0].experiments[0].summary, both[1].experiments[0].summary);
  const stored = () =>
    walk(`${ours.folder}/runs`).filter((path) => path.endsWith("/result.json")).toArray();
  assert.equal(stored().length, 12, "each has its own, and none is gone");
  // The finished run is one's own or the other's: of the second it is the other's, and all cells are taken up.
  const again = [await summary(ours, ...flags), await summary(theirs, ...flags)];
  assert.equal(again[1]!.experiments[0].provenance.cellsTakenUp, 6);
  for (const { stderr } of again) assert.match(stderr, /6 cells left aside: other code or kernels/);
  assert.equal(stored().length, 12);
});

Deno.test("cells computed elsewhere are adopted, and what became of them is said", async () => {
  using away = await makeSandbox();
  using box = await makeSandbox();
  await reproduce(away, "--profile=quick", "--cells=n2");
  const adopting = ["--profile=quick", `--adopt=${away.folder}/runs`];
  await reproduce(box, "--profile=quick", "--cells=sum/n2/seed1", "--cells-only");
  // One is damaged, and of one there is another by other code.
  const results = walk(`${away.folder}/runs`).filter((path) => path.endsWith("/result.json"))
    .toArray().sort();
  Deno.truncateSync(results.find((path) => path.includes("n2-seed2"))!, 9);
  const third = results.find((path) => path.includes("n2-seed3"))!.replace("/result.json", "");
  await new Deno.Command("cp", {
    args: ["-r", third, third.replace(/-[0-9a-f]{12}$/, "-0123456789ab")],
  }).output();

  const { code, stdout } = await reproduce(box, ...adopting, "--cells-only");
  assert.equal(code, 0, stdout);
  assert.match(
    stdout,
    /\nfake: adopted 1 cell, 1 were here already, 1 left aside: other code or kernels computed them, or another/,
  );
  assert.match(
    stdout,
    /\ncomputed again: damaged: .*n2-seed2-.*result\.json: expected a whole file/,
  );
  const { experiments: [{ adopted, cells, damaged }] } = await summary(box, ...adopting);
  assert.deepEqual(adopted.present, ["sum/n2/seed1", "sum/n2/seed3"]);
  assert.equal(damaged.length, 1, "what is damaged stays where it is");
  assert.equal(cells, 6);

  Deno.mkdirSync(`${away.folder}/empty`);
  const { code: refused, stderr } = await reproduce(box, `--adopt=${away.folder}/empty`);
  assert.equal(refused, 2);
  assert.match(stderr, /^error: --adopt: .*empty": there are no stored cells in it: give a run's/m);
});

Deno.test("bad usage with --json is told there as well", async () => {
  using box = await makeSandbox();
  const { ok, exitCode, error } = await summary(box, "--profile=fast");
  assert.deepEqual([ok, exitCode], [false, 2]);
  assert.match(error, /^--profile: "fast"/);
});

Deno.test("--help describes every flag", async () => {
  using box = await makeSandbox();
  const { code, stdout } = await reproduce(box, "--help");
  assert.equal(code, 0);
  const flags = [
    ...["experiment", "profile", "threads", "seeds", "cells", "fresh", "out", "update-pins"],
    ...["no-notebooks", "verbose", "json", "help"],
  ];
  for (const flag of flags) assert.match(stdout, new RegExp(`^  --${flag} .*\\w`, "m"));
});
