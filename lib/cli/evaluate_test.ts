/** The command as a user types it: rollouts in, a table, numbers and findings out, with no more permission than it needs. */
import assert from "node:assert/strict";
import { readEvaluation } from "../critic_evaluation/evaluation.ts";
import type { RolloutRecord } from "../rollouts/record.ts";
import { writeRollouts } from "../rollouts/write_rollouts.ts";
import { ROOT } from "../root.ts";
import { modelFiles } from "../text_models/testing.ts";
import { EVALUATIONS } from "./evaluate.ts";
import { TASKS } from "./tasks.ts";
import { startCriticServer } from "./testdata/critic_server.ts";

const AT = { deno: Deno.execPath(), temporary: "/tmp" };

/** Twelve problems with a right and a wrong response each, three states a response, the values between. */
const RECORDS = Array.from({ length: 24 }, (_, i): RolloutRecord => {
  const outcome = i % 2, problem = `problem ${Math.floor(i / 2)}`;
  const word = outcome === 1 ? "right" : "wrong";
  const text = `it is ${word} so`;
  return {
    group: problem,
    prompt: { text: `${problem}?` },
    response: { text },
    outcome,
    actor: "actor",
    successRate: 0.5,
    probes: [0, 8, text.length - 1].map((at, k) => ({
      at,
      unit: "char",
      mean: [0.5, 0.5, outcome === 1 ? 0.875 : 0.125][k]!,
      n: 8,
    })),
  };
});

/** A folder with a space, rollouts in it, and a name of its own for the results. */
class Setup implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "genac evaluate " });
  readonly rollouts = `${this.folder}/my rollouts.jsonl`;
  readonly name = `test-${crypto.randomUUID()}`;

  static async create(records: readonly RolloutRecord[] = RECORDS): Promise<Setup> {
    const setup = new Setup();
    await writeRollouts(setup.rollouts, records);
    return setup;
  }

  /** Runs the task's process with the permissions that the launcher gives it. */
  async run(...more: readonly string[]) {
    const argv = ["--rollouts", this.rollouts, "--name", this.name, "--no-report", ...more];
    const [step] = TASKS.evaluate!([...argv, "--replicates", "200"], AT);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...step!.args],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out: out!, error: error! };
  }

  get result(): string {
    return `${EVALUATIONS}/${this.name}/evaluation.json`;
  }

  [Symbol.dispose]() {
    Deno.removeSync(this.folder, { recursive: true });
    try {
      Deno.removeSync(`${ROOT}${EVALUATIONS}/${this.name}`, { recursive: true });
    } catch { /* It was refused. */ }
  }
}

Deno.test("constants need no server: a table, what it says, where the numbers are", async () => {
  using setup = await Setup.create();
  const { code, out, error } = await setup.run("--critic", "mean,group-mean", "--critic=outcome");
  assert.equal(code, 0, error);
  assert.match(out, /^Own outcome \(sees the end\) +0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]/m);
  assert.match(out, /^- Every problem has as many right responses as wrong ones/m);
  assert.match(out, /^- There are 12 problems only/m);
  assert.ok(out.includes(`numbers: ${setup.result}`));
  const { critics, rollouts, set } = readEvaluation(setup.result);
  assert.deepEqual(critics.map(({ name }) => name), ["mean", "group-mean", "outcome"]);
  assert.deepEqual([rollouts.file, set.states, set.problems], ["my rollouts.jsonl", 72, 12]);
});

Deno.test("a server is asked, then not any more: its answers are replayed to the same bytes", async () => {
  using setup = await Setup.create();
  const ask = ["--icc", "--critic", "group-mean", "--critic"];
  let bytes: string;
  {
    await using server = startCriticServer();
    const { code, out, error } = await setup.run(...ask, `server:${server.url}`);
    assert.equal(code, 0, error);
    // After "right" or "wrong" 9 and 2, with ICC 8 and 3; at the start 2 and 3. Values are 0.5, 0.5, 0.875 or 0.125.
    assert.match(out, /^- critic is as good as|^- critic is worse than|^- critic is better than/m);
    assert.match(out, /^- In-Context Conditioning helps \(critic with ICC\)/m);
    bytes = Deno.readTextFileSync(ROOT + setup.result);
    const { critics } = readEvaluation(setup.result);
    const plain = critics.find(({ name }) => name === "server:critic")!;
    assert.deepEqual(plain.values.slice(0, 6), [0.2, 0.2, 0.2, 0.2, 0.2, 0.9]);
    const withIcc = critics.find(({ withoutIcc }) => withoutIcc === "server:critic")!;
    assert.deepEqual(withIcc.values.slice(0, 6), [0.3, 0.3, 0.3, 0.3, 0.3, 0.8]);
    assert.ok(server.prompts.some((prompt) => prompt.includes("success rate, smoothed: 50.0%")));
  }
  const again = await setup.run(...ask, "server", "--replay");
  assert.equal(again.code, 0, again.error);
  assert.equal(Deno.readTextFileSync(ROOT + setup.result), bytes);
});

Deno.test("a server that breaks down loses nothing: the next try asks only what is missing", async () => {
  using setup = await Setup.create();
  const recording = ["--recording", `${setup.folder}/answers.jsonl`, "--concurrency", "1"];
  {
    await using server = startCriticServer(20);
    const { code, error } = await setup.run(...recording, "--critic", `server:${server.url}`);
    assert.equal(code, 2);
    assert.match(error, /^error: .*out of memory/);
  }
  const kept = () =>
    Deno.readTextFileSync(`${setup.folder}/answers.jsonl`).trim().split("\n").length;
  const before = kept();
  assert.ok(before >= 19, `${before} lines`);
  await using server = startCriticServer();
  const { code, error } = await setup.run(...recording, "--critic", `server:${server.url}`);
  assert.equal(code, 0, error);
  const asked = server.prompts.filter((prompt) => prompt.includes("<rollout>")).length;
  assert.equal(kept(), before + asked);
  assert.ok(asked < 60, `${asked} of at most 60 different states`);
});

Deno.test("answers that cannot be parsed are counted, charged and said", async () => {
  const mute = RECORDS.map((record, i) =>
    i % 4 === 0 ? { ...record, response: { text: "it is mute, so" } } : record
  );
  using setup = await Setup.create(mute);
  await using server = startCriticServer();
  const { code, out, error } = await setup.run("--critic", `server:${server.url}`, "--json");
  assert.equal(code, 0, error);
  const summary = JSON.parse(out);
  const { parseRate } = summary.critics.find(({ name }: { name: string }) =>
    name === "server:critic"
  );
  // Six responses, whose last state has the word; of the second state ("it is mu") it has not.
  assert.equal(parseRate, 1 - 6 / 72);
  assert.ok(
    summary.findings.some((text: string) =>
      text.startsWith("critic: only 91.7% of its answers could be parsed")
    ),
  );
});

Deno.test("what is wrong with flags or files is a line and code 2", async () => {
  using setup = await Setup.create();
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["--critic", "servr:http://127.0.0.1:1"], /--critic: "servr.*choose from mean, group-mean/],
    [["--critic", "server"], /--critic: "server": give its address/],
    [["--replay"], /--replay: "mean": no critic asks a server/],
    [["--critic", "server", "--replay"], /answers\.jsonl: "missing": record it first/],
    [["--critic", "onnx:nothing.onnx"], /--value-scale: "": what do the head's numbers mean/],
    [["--critic", "mean", "--critic", "mean"], /"mean": given twice/],
    [["--name", "a/b"], /--name: "a\/b": letters, digits/],
    [["--samples", "4", "--temperature", "0", "--critic", "server", "--replay"], /answers\.jsonl/],
  ];
  for (const [flags, message] of cases) {
    const { code, error } = await setup.run(...flags);
    assert.equal(code, 2, `${flags}: ${error}`);
    assert.match(error, message);
    assert.equal(error.trim().split("\n").length, 1);
  }
  Deno.writeTextFileSync(setup.rollouts, "");
  const { code, error } = await setup.run();
  assert.equal(code, 2);
  assert.match(error, /my rollouts\.jsonl: "empty"/);
});

Deno.test("the terminal is not obeyed by what a model wrote", async () => {
  using setup = await Setup.create(RECORDS.map((record) => ({
    ...record,
    group: `${record.group}\u001b[2J`,
    actor: "\u202eactor\u0007",
    response: { text: `\u001b]0;title\u0007 ${record.response.text}` },
  })));
  const { code, out, error } = await setup.run();
  assert.equal(code, 0, error);
  // deno-lint-ignore no-control-regex -- what must not be there
  assert.doesNotMatch(out + error, /[\u0000-\u0009\u000b-\u001f\u202e]/);
});

Deno.test("the network only for the server's host, native code only for a value head", () => {
  const granted = (...argv: string[]) => {
    const [step] = TASKS.evaluate!(argv, AT);
    return Object.fromEntries(
      step!.args.flatMap((argument) => {
        const [, kind, values] = /^--allow-(\w+)(?:=(.*))?$/.exec(argument) ?? [];
        return kind === undefined ? [] : [[kind, values]];
      }),
    );
  };
  const plain = granted("--rollouts", "/data/r.jsonl", "--critic", "mean,outcome");
  assert.deepEqual(Object.keys(plain).sort(), ["env", "read", "run", "write"]);
  assert.ok(plain.read!.split(",").includes("/data/r.jsonl"));
  assert.equal(plain.write, "runs,reports,.cache,.venv");
  const server = ["--critic", "mean,server:http://127.0.0.1:8000/v1"];
  assert.equal(granted(...server).net, "127.0.0.1:8000");
  assert.equal(granted(...server, "--replay").net, undefined);
  const onnx = granted("--critic=onnx:/models/head.onnx,mean", "--tokenizer", "/models");
  assert.equal(onnx.ffi, "node_modules");
  assert.equal(onnx.net, undefined);
  assert.ok(onnx.read!.split(",").includes("/models"));
});

Deno.test("a pretrained model is a critic without any server", async () => {
  using setup = await Setup.create();
  const model = `${setup.folder}/model`;
  Deno.mkdirSync(model);
  for (const [name, content] of Object.entries(modelFiles())) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(`${model}/${name}`, bytes);
  }
  const critic = `pretrained:${model}`;
  const flags = ["--max-tokens", "4", "--no-reasoning", "--max-states", "6"];
  const { code, out, error } = await setup.run("--critic", critic, ...flags);
  assert.equal(code, 0, error);
  assert.match(out, /model/);
  const { critics } = readEvaluation(setup.result);
  assert.ok(critics.some(({ name }) => name === critic));
  const refused = await setup.run("--critic", `adapter:${model}`);
  assert.equal(refused.code, 2);
  assert.match(refused.error, /--base/);
});
