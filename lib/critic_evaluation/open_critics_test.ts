import assert from "node:assert/strict";
import type { RolloutRecord } from "../rollouts/record.ts";
import { evaluateCritics } from "./evaluate.ts";
import { openCritics } from "./open_critics.ts";
import { statesOf } from "./states.ts";
import { onnxTests, testFile } from "../llm/onnx/testing.ts";
import expected from "../llm/onnx/testdata/expected.json" with { type: "json" };

const resources = { recording: () => ({ path: "never", mode: "replay" as const }) };
const HEAD = testFile("value_head.onnx");
const onnxTest = await onnxTests();

Deno.test("critics are in the order of their names", async () => {
  await using open = await openCritics(["outcome", "text-ridge", "mean"], resources);
  assert.deepEqual(open.critics.map(({ name }) => name), ["outcome", "text-ridge", "mean"]);
});

Deno.test("unknown names are refused, with what was meant", async () => {
  await assert.rejects(
    () => openCritics(["group_mean"], resources),
    /--critic: "group_mean": did you mean group-mean\?/,
  );
  await assert.rejects(() => openCritics([`onnx:${HEAD}`], resources), /--value-scale: ""/);
  await assert.rejects(() => openCritics(["server"], resources), /never: "missing"/);
});

onnxTest("a value head's values of a rollout's states are PyTorch's", async () => {
  const PROMPT = 5, { ids } = expected;
  const record: RolloutRecord = {
    group: "g",
    prompt: { tokens: ids.slice(0, PROMPT) },
    response: { tokens: ids.slice(PROMPT) },
    outcome: 1,
  };
  await using open = await openCritics([`onnx:${HEAD}`], { ...resources, valueScale: "logit" });
  const evaluation = await evaluateCritics(statesOf([record]), open.critics, {
    file: "x",
    replicates: 100,
  });
  const { title, values } = evaluation.critics.find(({ kind }) => kind === "discriminative")!;
  assert.equal(title, "Value head value_head.onnx");
  evaluation.states.forEach(({ at }, i) => {
    const value = 1 / (1 + Math.exp(-expected.values[PROMPT + at - 1]!));
    assert.ok(Math.abs(values[i]! - value) < 1e-5, `${at}: ${values[i]} ${value}`);
  });
});

onnxTest("a language model in a folder is asked as one behind a server is", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "genac critics " });
  try {
    for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
      Deno.copyFileSync(testFile(name), `${folder}/${name}`);
    }
    Deno.copyFileSync(testFile("causal_lm.onnx"), `${folder}/model.onnx`);
    Deno.writeTextFileSync(`${folder}/config.json`, '{"eos_token_id": 2}');
    const llm = { reasoning: false };
    await using open = await openCritics([`onnx-llm:${folder}`], { ...resources, llm, icc: true });
    const [first, second] = open.critics;
    assert.equal(second!.withoutIcc, first!.name);
    const record = { group: "g", prompt: { text: "3+4?" }, response: { text: "7" }, outcome: 1 };
    const set = statesOf([record], { perRollout: 1 });
    const [answer] = await first!.answer(set, () => {});
    assert.equal(answer!.written!.length, 1);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
