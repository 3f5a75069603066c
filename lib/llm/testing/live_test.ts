/**
 * What asks a language model asks a real one: SmolLM2-135M-Instruct on llama.cpp's server, by the commands as a user types
 * them. Takes minutes, and so is run where it is asked for (by `.ci/run`):
 * `GENAC_LIVE_TESTS=1 deno task test lib/llm/testing/live_test.ts`.
 */
import assert from "node:assert/strict";
import {
  isLocalModelInstalled,
  localTokenizer,
  startLocalModel,
} from "../../cli/local_model_server.ts";
import { mean } from "../../numeric/sums.ts";
import { readRollouts } from "../../rollouts/read_rollouts.ts";
import type { RolloutRecord } from "../../rollouts/record.ts";
import { checkTokenizer, RolloutTokenizer } from "../../rollouts/tokenizer.ts";
import { writeRollouts } from "../../rollouts/write_rollouts.ts";
import { ROOT } from "../../root.ts";
import { testUnless } from "../../testing.ts";
import { openServer } from "../server.ts";
import { sumRollouts } from "./sum_rollouts.ts";

const PROBLEMS = 4, SIBLINGS = 4, CONTINUATIONS = 8;
const EVALUATION = "live-test";

/** Why these tests are left out; undefined where they are run. */
function reasonToSkip(): string | undefined {
  if (Deno.env.get("GENAC_LIVE_TESTS") !== "1") {
    return "set GENAC_LIVE_TESTS=1 to ask a real language model";
  }
  if (!isLocalModelInstalled()) return "no local model: run deno task local-model --install-only";
  return undefined;
}

interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a task of deno.json. */
async function task(...args: string[]): Promise<Ending> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", ...args],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/** The last line of a task with --json that succeeds. */
// deno-lint-ignore no-explicit-any
async function jsonOf(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await task(...args, "--json");
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

testUnless(
  reasonToSkip(),
  "the commands that ask a language model work with a real one",
  async (t) => {
    const folder = Deno.makeTempDirSync({ prefix: "genac live " });
    const rollouts = `${folder}/rollouts.jsonl`, values = `${folder}/values`;
    await using server = await startLocalModel({ port: 28500, onText: console.error });
    const tokenizer = RolloutTokenizer.load(localTokenizer());
    try {
      await t.step("probe-server finds what llama.cpp's server does", async () => {
        const { abilities } = await jsonOf("probe-server", server.url);
        const known = {
          ...{ kind: "llama.cpp", model: "SmolLM2-135M-Instruct", chat: true },
          ...{ temperature: "honoured", topP: "honoured", topK: "honoured", minP: "honoured" },
          ...{ seed: "honoured", choiceSeeds: "honoured", stop: "cut", tokenPrompts: "honoured" },
          ...{ logProbabilities: "content", echo: "ignored", forcing: "grammar" },
          forcedLogProbabilities: "unmasked",
        };
        for (const [name, value] of Object.entries(known)) {
          assert.equal(abilities[name], value, name);
        }
        assert(abilities.maxChoices >= 8);
      });

      await t.step("rollouts hold exact tokens, and some of them are right", async () => {
        using model = await openServer({ url: server.url });
        const records = await sumRollouts(model, tokenizer, {
          problems: PROBLEMS,
          siblings: SIBLINGS,
        });
        assert.equal(records.length, PROBLEMS * SIBLINGS);
        for (const record of records) {
          checkTokenizer(tokenizer, record);
          assert.equal(record.logProbabilities!.length, record.response.tokens!.length);
        }
        const rate = mean(records.map(({ outcome }) => outcome));
        assert(rate > 0.2 && rate < 0.95, `success ${rate}`);
        await writeRollouts(rollouts, records);
      });

      const valuesTask = [
        ...["values", "--rollouts", rollouts, "--tokenizer", localTokenizer(), "--every", "6"],
        ...["--continuations", `${CONTINUATIONS}`, "--verifier", "numeric", "--stop", "\\n"],
        ...["--recording", `${folder}/continuations.jsonl`],
      ];
      let valued: RolloutRecord[] = [];
      await t.step("values tells right responses' last states from wrong ones'", async () => {
        const asking = ["--server", server.url, "--concurrency", "2"];
        await jsonOf(...valuesTask, ...asking, "--out", values);
        valued = await Array.fromAsync(readRollouts(`${values}/values.parquet`));
        assert.equal(valued.length, PROBLEMS * SIBLINGS);
        for (const probe of valued.flatMap(({ probes }) => probes!)) {
          assert.equal(probe.n, CONTINUATIONS);
          assert(Number.isInteger(probe.mean * CONTINUATIONS));
        }
        const last = (outcome: number) =>
          mean(
            valued.filter((record) => record.outcome === outcome)
              .map(({ probes }) => probes!.at(-1)!.mean),
          );
        assert(last(1) - last(0) > 0.5, `right ${last(1)}, wrong ${last(0)}`);
      });

      await t.step("values can be had again without the server, to the byte", async () => {
        await jsonOf(...valuesTask, "--replay", "--out", `${folder}/again`);
        assert.deepEqual(
          Deno.readFileSync(`${folder}/again/values.parquet`),
          Deno.readFileSync(`${values}/values.parquet`),
        );
      });

      const evaluateTask = [
        ...["evaluate", "--rollouts", `${values}/values.parquet`, "--name", EVALUATION],
        ...["--critic", "mean,leave-one-out", "--no-report", "--max-states", "24"],
        ...["--recording", `${folder}/critic.jsonl`, "--tokenizer", localTokenizer()],
      ];
      const forced = [...evaluateTask, "--no-reasoning", "--force", "--icc"];
      await t.step("evaluate says that the model is no better critic than a constant", async () => {
        const found = await jsonOf(...forced, "--critic", `server:${server.url}`);
        const critic = (name: string) =>
          // deno-lint-ignore no-explicit-any
          found.critics.find((one: any) => one.name === name) ?? assert.fail(JSON.stringify(found));
        const asked = critic("server:SmolLM2-135M-Instruct");
        assert.equal(asked.parseRate, 1, "the answer is forced");
        assert(asked.penalizedMse.estimate > critic("mean").penalizedMse.estimate);
        const said = found.findings.find((text: string) =>
          text.startsWith("SmolLM2-135M-Instruct is ")
        );
        assert.match(said, /worse than a constant|not told from a constant/);
      });

      await t.step("evaluate replays the answers to the same numbers", async () => {
        const path = `${ROOT}runs/evaluations/${EVALUATION}/evaluation.json`;
        const before = Deno.readTextFileSync(path);
        await jsonOf(...forced, "--critic", "server", "--replay");
        assert.equal(Deno.readTextFileSync(path), before);
      });

      await t.step("a free answer that cannot be parsed is counted", async () => {
        const free = [...evaluateTask, "--max-states", "4", "--max-tokens", "48"];
        const { critics } = await jsonOf(...free, "--critic", `server:${server.url}`);
        // deno-lint-ignore no-explicit-any
        const asked = critics.find(({ name }: any) => name === "server:SmolLM2-135M-Instruct");
        assert(asked.parseRate < 1, "48 tokens are too few for four steps");
      });

      await t.step("a prompt that is longer than the server's context is refused", async () => {
        const long = `${folder}/long.jsonl`;
        const [record] = valued;
        const prompt = { text: "long ".repeat(4000) };
        await writeRollouts(long, [{ ...record!, prompt, problem: prompt.text }]);
        const { code, stderr } = await task(
          ...["evaluate", "--rollouts", long, "--name", EVALUATION, "--no-report"],
          ...["--tokenizer", localTokenizer(), "--recording", `${folder}/long-critic.jsonl`],
          ...["--critic", `server:${server.url}`],
        );
        assert.equal(code, 2, stderr);
        assert.match(stderr, /^error: .*\b(context|long)/m);
      });
    } finally {
      Deno.removeSync(folder, { recursive: true });
      const results = `${ROOT}runs/evaluations/${EVALUATION}`;
      await Deno.remove(results, { recursive: true }).catch(() => {});
    }
  },
);
