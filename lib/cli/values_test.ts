/** The command against a server whose exact values are known: as a user types it where permissions or signals matter. */
import assert from "node:assert/strict";
import { openServer } from "../llm/server.ts";
import { FULL_SAMPLING } from "../llm/language_model.ts";
import { readRollouts } from "../rollouts/read_rollouts.ts";
import type { RolloutRecord } from "../rollouts/record.ts";
import { byteTokenizer, byteTokenizerFiles } from "../rollouts/testdata/byte_tokenizer.ts";
import { writeRollouts } from "../rollouts/write_rollouts.ts";
import { ROOT } from "../root.ts";
import { modelFiles } from "../text_models/testing.ts";
import { execute } from "./command.ts";
import { TASKS } from "./tasks.ts";
import { type MarkovServer, markovValue, startMarkovServer } from "./testdata/markov_server.ts";
import { valuesCommand } from "./values.ts";

const LIMIT = 12;
const LAUNCHER = ["--allow-env", "--allow-run", "lib/cli/launch.ts", "values"];
const tokenizer = byteTokenizer();

/** A folder with rollouts of the server's model, its tokenizer and a verifier; all that the command needs. */
class Setup implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "genac values " });
  readonly rollouts = `${this.folder}/rollouts.jsonl`;
  readonly out = `${this.folder}/out`;

  private constructor(readonly server: MarkovServer) {}

  static async create(options: Parameters<typeof startMarkovServer>[0] = {}): Promise<Setup> {
    await using source = startMarkovServer();
    using model = await openServer({ url: source.url });
    const records: RolloutRecord[] = [];
    for (const group of ["p", "pp", "pb"]) {
      const prompt = tokenizer.encode(group);
      const sampling = { sampling: FULL_SAMPLING, maxTokens: LIMIT, seed: 100 };
      for (const { text, tokens } of await model.complete({ prompt, ...sampling, count: 20 })) {
        records.push({
          ...{ group, prompt: { text: group, tokens: prompt } },
          response: { text, tokens: [...tokens!] },
          ...{ outcome: text.endsWith("b") || text === "" && group === "pb" ? 1 : 0 },
          ...{ tokenLimit: LIMIT, trainingStep: 3 },
        });
      }
    }
    const setup = new Setup(startMarkovServer(options));
    await writeRollouts(setup.rollouts, records.filter(({ response }) => response.text !== ""));
    for (const [name, content] of Object.entries(byteTokenizerFiles())) {
      Deno.writeTextFileSync(`${setup.folder}/${name}`, JSON.stringify(content));
    }
    const verifier = `import { isRight } from "./helper.js";
      export default (response, { prompt }) => isRight(prompt + response);`;
    Deno.writeTextFileSync(`${setup.folder}/verifier.js`, verifier);
    const helper = 'export const isRight = (text) => text.endsWith("b");';
    Deno.writeTextFileSync(`${setup.folder}/helper.js`, helper);
    return setup;
  }

  /** The command's arguments, of which `more` may say some anew. */
  args(more: Record<string, string | number | boolean> = {}): string[] {
    const all: Record<string, string | number | boolean> = {
      ...{ rollouts: this.rollouts, tokenizer: this.folder, server: this.server.url },
      ...{ verifier: `${this.folder}/verifier.js`, out: this.out, every: 3, continuations: 40 },
      ...more,
    };
    return Object.entries(all).flatMap(([name, value]) =>
      value === false ? [] : value === true ? [`--${name}`] : [`--${name}=${value}`]
    );
  }

  spawn(script: readonly string[], more?: Parameters<Setup["args"]>[0]): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...script, ...this.args(more)],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      ...{ stdin: "null", stdout: "piped", stderr: "piped" },
    }).spawn();
  }

  /** In this process. */
  async run(more?: Parameters<Setup["args"]>[0]) {
    const printed: string[] = [], errors: string[] = [];
    const { log, error } = console;
    console.log = (text) => void printed.push(text);
    console.error = (text) => void errors.push(text);
    try {
      const code = await execute(valuesCommand, this.args(more));
      return { code, out: printed.join("\n"), error: errors.join("\n") };
    } finally {
      Object.assign(console, { log, error });
    }
  }

  /** By the task's launcher. */
  async launch(more?: Parameters<Setup["args"]>[0]) {
    const { code, stdout, stderr } = await this.spawn(LAUNCHER, more).output();
    const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out: out!, error: error! };
  }

  parquet(out = this.out): Uint8Array {
    return Deno.readFileSync(`${out}/values.parquet`);
  }

  async records(out = this.out): Promise<RolloutRecord[]> {
    return await Array.fromAsync(readRollouts(`${out}/values.parquet`));
  }

  async [Symbol.asyncDispose]() {
    await this.server[Symbol.asyncDispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("values along rollouts are the policy's, and a recording gives the same bytes without a server", async () => {
  await using setup = await Setup.create();
  const recording = `${setup.folder}/answers.jsonl`;
  const { code, out, error } = await setup.launch({ recording });
  assert.equal(code, 0, error);
  assert.equal(error, "", "quiet where there is no terminal");
  assert.match(
    out,
    /verifier .*verifier\.js: gives the file's outcome for (\d+) of \1 rollouts \(/,
  );
  assert.match(out, /to do: (\d+) states \(\d+ different\), 40 continuations of each: [\d,]+\n/);
  assert.match(out, /tokens: about [\d,]+ to write, [\d,]+ at most; [\d,]+ to read/);
  assert.match(
    out,
    /first states of 3 problems: mean V 0\.\d+; the file's rollouts succeeded in 0\./,
  );
  assert.ok(!out.includes("note:"), out);
  assert.ok(
    out.trimEnd().endsWith(`evaluate --rollouts '${setup.out}/values.parquet' --critic mean`),
  );

  // Each different state is one independent estimate.
  const different = new Map<string, { mean: number; exact: number }>();
  for (const { prompt, response, probes, ...record } of await setup.records()) {
    const tokens = response.tokens!;
    assert.deepEqual([record.actor, record.trainingStep, record.tokenLimit], ["markov", 3, LIMIT]);
    assert.match(record.verifier!, /verifier\.js$/);
    const expected = new Set([0, 3, 6, 9].filter((at) => at < tokens.length));
    assert.deepEqual(probes!.map(({ at }) => at), [...expected.add(tokens.length - 1)]);
    for (const { at, unit, mean, n } of probes!) {
      assert.deepEqual([unit, n], ["token", 40]);
      const text = tokenizer.decode([...prompt.tokens!, ...tokens.slice(0, at)]);
      const exact = markovValue(text.at(-1)!, LIMIT - at);
      const before = different.get(`${text} ${at}`);
      assert.ok(before === undefined || before.mean === mean, "equal states have one value");
      different.set(`${text} ${at}`, { mean, exact });
    }
  }
  const square = [...different.values()].reduce(
    (sum, { mean, exact }) => sum + (mean - exact) ** 2 / (exact * (1 - exact) / 40),
    0,
  );
  const k = different.size;
  assert.ok(k > 20 && Math.abs(square - k) < 4 * Math.sqrt(2 * k), `${square} of ${k}`);

  const asked = setup.server.completions;
  await setup.server[Symbol.asyncDispose]();
  const replay = { recording, replay: true, server: false, out: `${setup.folder}/again` };
  const again = await setup.launch(replay);
  assert.equal(again.code, 0, again.error);
  assert.equal(setup.server.completions, asked);
  assert.deepEqual(setup.parquet(`${setup.folder}/again`), setup.parquet());
  const summary = (folder: string) =>
    Deno.readTextFileSync(`${folder}/values.json`).replace(folder, "");
  assert.equal(summary(`${setup.folder}/again`), summary(setup.out));

  const miss = await setup.run({ ...replay, seed: 2 });
  assert.equal(miss.code, 2);
  assert.match(miss.error, /^error: .*answers\.jsonl.*seed/m);
});

Deno.test("a pretrained model goes on without any server, and says the same again", async () => {
  await using setup = await Setup.create();
  const model = `${setup.folder}/model`;
  Deno.mkdirSync(model);
  for (const [name, content] of Object.entries(modelFiles())) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(`${model}/${name}`, bytes);
  }
  const flags = { server: false, tokenizer: false, pretrained: model, continuations: 8, every: 6 };
  const { code, out, error } = await setup.launch({ ...flags, threads: 2 });
  assert.equal(code, 0, error);
  assert.equal(setup.server.completions, 0);
  const files = [setup.out, `${setup.folder}/again`];
  await setup.launch({ ...flags, threads: 1, out: files[1]! });
  assert.deepEqual(setup.parquet(files[1]), setup.parquet(files[0]));
  assert.match(out, /continued by model\n/);

  const refused = async (more: Parameters<Setup["args"]>[0], message: RegExp) => {
    const { code, error } = await setup.run({ ...flags, out: `${setup.folder}/none`, ...more });
    assert.equal(code, 2);
    assert.match(error, message);
  };
  await refused({ server: "http://127.0.0.1:1" }, /--server: .*leave it out, or --pretrained/);
  await refused({ pretrained: false, adapter: model, tokenizer: model }, /--adapter/);
  await refused({ pretrained: setup.folder }, /config\.json/);
  await refused({ pretrained: false }, /--server/);
});

Deno.test({
  name: "a run that is killed goes on, and ends with the same file",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using setup = await Setup.create({ delay: 30 });
    const kept = `${setup.out}/continuations.jsonl`;
    const lines = () => {
      try {
        return Deno.readTextFileSync(kept).split("\n").length - 1;
      } catch {
        return 0;
      }
    };
    for (const [signal, code, enough] of [["SIGINT", 130, 10], ["SIGKILL", 137, 40]] as const) {
      const child = setup.spawn(["-A", "lib/cli/values.ts"], { concurrency: 2 });
      while (lines() < enough) await new Promise((resolve) => setTimeout(resolve, 20));
      child.kill(signal);
      const ending = await child.output();
      assert.equal(ending.code, code);
      if (signal === "SIGINT") {
        assert.match(new TextDecoder().decode(ending.stderr), /finished continuations are kept/);
      }
    }
    const before = lines();
    Deno.writeTextFileSync(kept, '{"key":"torn', { append: true }); // as by a power cut
    // What probing the server takes.
    const start = setup.server.completions;
    (await openServer({ url: setup.server.url }))[Symbol.dispose]();
    const asked = setup.server.completions, probing = asked - start;
    const { code, error } = await setup.run();
    assert.equal(code, 0, error);
    const resumed = setup.parquet();
    const completions = setup.server.completions - asked - probing;
    assert.equal((lines() - before) * 8, completions, "nothing is asked twice");

    const { code: fresh } = await setup.run({ out: `${setup.folder}/fresh` });
    assert.equal(fresh, 0);
    assert.deepEqual(setup.parquet(`${setup.folder}/fresh`), resumed);
  },
});

Deno.test("a server that dies in the middle ends the command, and finished work is kept", async () => {
  await using setup = await Setup.create({ failsAt: 200 });
  const { code, error } = await setup.run();
  assert.equal(code, 2);
  assert.match(error, /^error: .*out of memory/m);
  const kept = Deno.readTextFileSync(`${setup.out}/continuations.jsonl`).trim().split("\n");
  assert.ok(kept.length > 5, `${kept.length}`);
  assert.throws(() => setup.parquet(), Deno.errors.NotFound);
});

Deno.test("--dry-run says what it would cost and asks nobody; a budget is held before and on the way", async () => {
  await using setup = await Setup.create();
  const dry = await setup.run({ "dry-run": true, server: false, json: true });
  assert.equal(dry.code, 0, dry.error);
  const { cost } = JSON.parse(dry.out);
  assert.match(dry.error, /to do:/);
  assert.equal(cost.continuations, 40 * cost.states);
  assert.ok(cost.expected < cost.most && cost.expected > 0);
  assert.equal(setup.server.completions, 0);
  assert.throws(() => Deno.statSync(setup.out), Deno.errors.NotFound);

  const refused = await setup.run({ "dry-run": true, "max-tokens-total": cost.expected - 1 });
  assert.equal(refused.code, 2);
  assert.match(refused.error, /--max-tokens-total: \d+: about \d+ tokens are to be written/);

  const stopped = await setup.run({ "max-tokens-total": cost.expected });
  assert.equal(stopped.code, 2);
  assert.match(stopped.error, /tokens are written, and what comes next may take/);
  const done = await setup.run({ "max-tokens-total": cost.most, json: true });
  assert.equal(done.code, 0, done.error);
  const result = JSON.parse(done.out);
  assert.ok(result.summary.tokens < cost.most);
  assert.equal(result.summary.states, cost.states);
});

Deno.test("an interval that is narrow ends a state early", async () => {
  await using setup = await Setup.create();
  const { code, out, error } = await setup.run({ "half-width": 0.17, json: true });
  assert.equal(code, 0, error);
  const { summary } = JSON.parse(out);
  assert.ok(summary.continuations < 0.8 * 40 * summary.states, `${summary.continuations}`);
  const counts = (await setup.records()).flatMap(({ probes }) => probes!.map(({ n }) => n));
  assert.ok(new Set(counts).size > 1 && counts.every((n) => n % 8 === 0 && n <= 40));
});

Deno.test("pairs are biased, and said to be; the verifier has to agree with the file", async () => {
  await using setup = await Setup.create();
  const pairs = await setup.run({ selection: "pairs", continuations: 8 });
  assert.equal(pairs.code, 0, pairs.error);
  assert.match(
    pairs.out,
    /note: each problem's right and wrong rollout were selected, which biases/,
  );
  assert.deepEqual((await setup.records()).map(({ group }) => group).length, 6);

  Deno.writeTextFileSync(`${setup.folder}/helper.js`, "export const isRight = () => true;");
  const { code, error } = await setup.run();
  assert.equal(code, 2);
  assert.match(
    error,
    /--verifier: .*another outcome than the file for \d+ of \d+ rollouts, such as/,
  );
  const allowed = await setup.run({ "max-disagreement": 1, "dry-run": true });
  assert.equal(allowed.code, 0);
  const unknown = await setup.run({ verifier: "numeric" });
  assert.match(unknown.error, /no ground truth \("p+b?"\): name its field with --map groundTruth/);
});

Deno.test("another policy than the file's is noticed by its first states", async () => {
  await using setup = await Setup.create();
  const { code, out } = await setup.run({ temperature: 0, every: 100 });
  assert.equal(code, 0);
  assert.match(
    out,
    /note: that is [\d.]+ standard errors apart: the server's policy is not the one/,
  );
});

Deno.test("rollouts of text, and a server that takes text only, work and are said aloud", async () => {
  await using setup = await Setup.create({ textOnly: true });
  const records = await Array.fromAsync(readRollouts(setup.rollouts));
  await writeRollouts(
    setup.rollouts,
    records.map((record) => ({
      ...record,
      prompt: { text: record.prompt.text },
      response: { text: record.response.text },
    })),
  );
  const { code, out, error } = await setup.run({ continuations: 8 });
  assert.equal(code, 0, error);
  assert.match(out, /note: \d+ rollouts had no token ids: their text was encoded/);
  assert.match(
    out,
    /note: the server takes no token ids and was sent text.*text of 0 states reads/,
  );
});

Deno.test("the task may reach the server's host and nothing else, and that only where it is asked", () => {
  const at = { deno: "/opt/deno", temporary: "/tmp" };
  const granted = (kind: string, ...argv: string[]) =>
    TASKS["values"]!(argv, at)[0]!.args.find((flag) => flag.startsWith(`--allow-${kind}`));
  const server = ["--server", "http://gpu7:8000/v1"];
  assert.equal(granted("net", ...server), "--allow-net=gpu7:8000");
  assert.equal(granted("net", ...server, "--replay"), undefined);
  assert.equal(granted("net"), undefined);
  assert.equal(granted("write"), "--allow-write=runs,.cache");
  const files = ["--out=/data/v", "--recording=/data/r.jsonl", "--verifier", "/mine/v.ts"];
  assert.equal(granted("write", ...files), "--allow-write=runs,.cache,/data/v,/data/r.jsonl");
  assert.match(granted("read", ...files)!, /,\/mine\/v\.ts,\/mine,/);
  for (const kind of ["run", "ffi", "sys"]) assert.equal(granted(kind, ...files), undefined);
});

Deno.test("what cannot be done is refused in one line, before anything is asked", async () => {
  await using setup = await Setup.create({ contextLength: 500 });
  for (
    const [more, message] of [
      [{ every: false }, /^error: probes: "": say where values are asked for, by one of --every N/],
      [{ steps: true }, /^error: probes: "every, steps"/],
      [{ every: false, sae: 0.2 }, /^error: --sae: "p": the rollout has no log-probabilities/],
      [{ server: false }, /^error: --server: "": give the address/],
      [{ replay: true }, /^error: --replay: true: give the --recording/],
      [{ tokenizer: false }, /^error: --tokenizer: "": give the folder or the tokenizer/],
      [{ verifier: "math-answr" }, /^error: --verifier: "math-answr": did you mean math-answer/],
      [{ limit: 2 }, /^error: --limit: 2: a response of p+b? has \d+ tokens/],
      [{ stop: "\\q" }, /^error: --stop: "\\\\q": escapes are those of JSON/],
      [{ limit: 499 }, /^error: --server: "vllm": its context holds 500 tokens, .* may have 501/],
      [{ server: "http://127.0.0.1:9" }, /^error: server: .*127\.0\.0\.1:9/],
    ] as const
  ) {
    const { code, error } = await setup.run(more);
    assert.equal(code, 2, `${JSON.stringify(more)} ${error}`);
    assert.match(error, message);
    assert.equal(error.trimEnd().split("\n").length, 1, error);
  }
});
