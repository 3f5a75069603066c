import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { ROOT } from "../root.ts";
import type { ReadOptions } from "./read_rollouts.ts";
import { provenFormat, rolloutFormat, rolloutFormats } from "./readers.ts";
import type { RolloutRecord } from "./record.ts";
import { inFolder, read, writeLines } from "./testing.ts";

const TESTDATA = `${ROOT}lib/rollouts/testdata/`;

const RANGE: ReadOptions = { outcomeRange: [0, 1] };

/** The fields of a record but for its group, whose name is of no interest where siblings are told by the prompt. */
function withoutGroup({ group: _, ...fields }: RolloutRecord) {
  return fields;
}

const VERL = {
  input: "user\nWhat is 3+4?\nassistant\n",
  output: "3+4 = 7\n#### 7",
  gts: "7",
  score: 1,
  step: 40,
  acc: true,
};

Deno.test(
  "verl: siblings are of equal prompt and step, rewards have the stated range",
  inFolder(async (folder) => {
    const path = writeLines(`${folder}/40.jsonl`, [
      VERL,
      { ...VERL, output: "#### 8", score: -0.5, acc: false },
      { ...VERL, step: 41 },
      { ...VERL, input: "user\nWhat is 3+5?\nassistant\n", gts: 8, acc: false },
    ]);
    const { records, format } = await read(path, { outcomeRange: [-1, 1] });
    assert.equal(format, "verl");
    assert.deepEqual(withoutGroup(records[0]!), {
      prompt: { text: "user\nWhat is 3+4?\nassistant\n" },
      response: { text: "3+4 = 7\n#### 7" },
      outcome: 1,
      groundTruth: "7",
      trainingStep: 40,
    });
    assert.equal(records[1]!.outcome, 0.25);
    assert.equal(records[3]!.groundTruth, "8");
    const groups = records.map(({ group }) => group);
    assert.equal(groups[0], groups[1]);
    assert.equal(new Set(groups).size, 3, "another step and another prompt are other groups");
    const { records: byAccuracy } = await read(path, { map: { outcome: "acc" } });
    assert.deepEqual(byAccuracy.map(({ outcome }) => outcome), [1, 0, 1, 0]);
  }),
);

Deno.test(
  "verl: with uid siblings share the sample, whatever the prompt",
  inFolder(async (folder) => {
    const uids = ["a1-b2_0_0", "a1-b2_1_0", "a1-b3_0_0", "whole"];
    const path = writeLines(`${folder}/40.jsonl`, uids.map((uid) => ({ ...VERL, uid })));
    const { records } = await read(path, RANGE);
    const groups = records.map(({ group }) => group);
    assert.deepEqual(groups, ["40/a1-b2", "40/a1-b2", "40/a1-b3", "40/whole"]);
    const { records: mapped } = await read(path, { ...RANGE, map: { group: "uid" } });
    assert.deepEqual(
      mapped.map(({ group }) => group),
      uids,
      "what the user maps is taken as it is",
    );
  }),
);

Deno.test("TRL: the reward function is named, steps come in order", async () => {
  await assert.rejects(read(`${TESTDATA}trl`, RANGE), (error: Error) => {
    assert(error instanceof UsageError);
    assert.match(error.message, /--map outcome=COLUMN/);
    assert.match(error.message, /step, accuracy_reward, format_reward, advantage/);
    assert.doesNotMatch(error.message, /completion,/);
    return true;
  });
  const named = { ...RANGE, map: { outcome: "accuracy_reward", groundTruth: "solution" } } as const;
  const { records, format } = await read(`${TESTDATA}trl`, named);
  assert.equal(format, "trl");
  assert.deepEqual(records.map(({ trainingStep }) => trainingStep), [9, 9, 10, 10]);
  assert.deepEqual(records.map(({ outcome }) => outcome), [1, 0, 0, 0]);
  assert.deepEqual(withoutGroup(records[1]!), {
    prompt: { text: "<|im_start|>user\n3+4?<|im_end|>\n" },
    response: { text: "#### 8 \u202e \x1b[31m" },
    outcome: 0,
    groundTruth: "7",
    trainingStep: 9,
  });
  assert.equal(records[0]!.group, records[1]!.group);
  assert.notEqual(records[0]!.group, records[2]!.group);
  const withNaN = read(`${TESTDATA}trl`, { ...RANGE, map: { outcome: "format_reward" } });
  await assert.rejects(withNaN, /completions_00009\.parquet, row 2: format_reward: "empty"/);
});

const TRACE = {
  step: 12,
  sample_idx: 5,
  prompt_idx: 1,
  prompt_tokens: [1, 17, 4],
  response_tokens: [51, 12, 2],
  reward: 10,
  advantage: 0.7,
  finish_reason: "stop",
  dataset: "math",
  ground_truth: [55],
  request_info: null,
  logprobs: [-0.1, -1.9, 1e-7],
};

Deno.test(
  "open-instruct: token ids with log-probabilities, groups inside of run and step",
  inFolder(async (folder) => {
    writeLines(`${folder}/a_metadata.jsonl`, [{ run_name: "a", model_name: "m" }]);
    writeLines(`${folder}/a_rollouts_000000.jsonl`, [TRACE, { ...TRACE, reward: 0 }]);
    writeLines(`${folder}/a_rollouts_000001.jsonl`, [
      { ...TRACE, ground_truth: "7" },
      { ...TRACE, step: 13, logprobs: null },
    ]);
    writeLines(`${folder}/b_rollouts_000000.jsonl`, [TRACE]);
    const { records, format } = await read(folder, { outcomeRange: [0, 10] });
    assert.equal(format, "open-instruct");
    assert.deepEqual(records[0], {
      group: "a/12/1",
      prompt: { tokens: [1, 17, 4] },
      response: { tokens: [51, 12, 2] },
      // Rounding can lift what is certain above 0.
      logProbabilities: [-0.1, -1.9, 0],
      outcome: 1,
      trainingStep: 12,
    });
    assert.deepEqual(records.map(({ group }) => group), [
      "a/12/1",
      "a/12/1",
      "a/12/1",
      "a/13/1",
      "b/12/1",
    ]);
    assert.deepEqual(records.map(({ groundTruth }) => groundTruth), [
      undefined,
      undefined,
      "7",
      undefined,
      undefined,
    ]);
  }),
);

Deno.test("the fork's Monte Carlo Parquet: probes are at tokens", async () => {
  for (const codec of ["snappy", "zstd"]) {
    const { records, format } = await read(`${TESTDATA}monte_carlo_${codec}.parquet`);
    assert.equal(format, "monte-carlo");
    assert.deepEqual(withoutGroup(records[0]!), {
      prompt: { text: "<|user|>\nWhat is 3+4?\n<|assistant|>\n", tokens: [1, 17, 4] },
      problem: "What is 3+4?",
      response: { text: "3+4 = 7", tokens: [51, 12, 52, 9, 55, 2] },
      outcome: 1,
      groundTruth: "7",
      verifier: "math",
      actor: "my-actor",
      successRate: 0.41,
      tokenLimit: 8192,
      probes: [
        { at: 0, unit: "token", mean: 0.625, n: 32 },
        { at: 3, unit: "token", mean: 0.75, n: 32 },
        { at: 5, unit: "token", mean: 1, n: 32 },
      ],
    });
    assert.equal(records[1]!.outcome, 0);
    assert.deepEqual(records[1]!.probes, []);
    assert.equal(records[0]!.group, records[1]!.group);
  }
});

const SAMPLE = {
  doc_id: 0,
  doc: { question: "3+4?", answer: "#### 7" },
  target: "#### 7",
  arguments: {
    gen_args_0: { arg_0: "Question: 3+4?\nAnswer:", arg_1: { until: ["Question:"] } },
  },
  resps: [["The answer is 7."]],
  filtered_resps: ["7"],
  filter: "strict-match",
  metrics: ["exact_match"],
  doc_hash: "d",
  prompt_hash: "p",
  target_hash: "t",
  exact_match: 1,
};

Deno.test(
  "lm-evaluation-harness: one filter, one metric, one sample a document",
  inFolder(async (folder) => {
    const path = writeLines(`${folder}/samples_gsm8k_2026-01-01.jsonl`, [
      SAMPLE,
      { ...SAMPLE, filter: "flexible-extract", exact_match: 0 },
      { ...SAMPLE, doc_id: 1, arguments: [["Question: 1?", {}]], exact_match: 0 },
    ]);
    const options: ReadOptions = { ...RANGE, map: { outcome: "exact_match" } };
    await assert.rejects(read(path, options), /--filter: "strict-match"/);
    await assert.rejects(read(path, { filter: "strict-match" }), /numbers are in .*exact_match/);
    const { records, counts, format } = await read(path, { ...options, filter: "strict-match" });
    assert.equal(format, "lm-eval");
    assert.deepEqual(withoutGroup(records[0]!), {
      prompt: { text: "Question: 3+4?\nAnswer:" },
      response: { text: "The answer is 7." },
      outcome: 1,
      groundTruth: "#### 7",
    });
    assert.equal(records[1]!.prompt.text, "Question: 1?");
    assert.deepEqual(counts.skipped, { "results of the filter flexible-extract": 1 });
    const map = { ...options.map, problem: "doc.question" };
    const { records: mapped } = await read(path, { ...options, map, filter: "flexible-extract" });
    assert.deepEqual(mapped.map(({ problem, outcome }) => [problem, outcome]), [["3+4?", 0]]);
    await assert.rejects(read(path, { ...options, filter: "x" }), /no rollouts.*strict-match/);

    const repeated = { ...SAMPLE, filter: "none", resps: [["7", "8"]] };
    await assert.rejects(
      read(writeLines(`${folder}/repeated.jsonl`, [repeated]), options),
      /line 1: resps: "2 samples": .*repeats: 1/,
    );
    const choices = { ...repeated, resps: [[-1.5, false], [-2, true]] };
    await assert.rejects(
      read(writeLines(`${folder}/choices.jsonl`, [choices]), options),
      /line 1: resps: .*one generated text/,
    );
  }),
);

const LABELED = {
  labeler: "x",
  timestamp: "2023-01-22T04:34:27.052924",
  generation: 9,
  is_quality_control_question: false,
  is_initial_screening_question: false,
  question: {
    problem: "3+4?",
    ground_truth_solution: "It is $7$.",
    ground_truth_answer: "7",
    pre_generated_steps: ["Add.", "7\n\n# Answer\n\n7"],
    pre_generated_answer: "7",
    pre_generated_verifier_score: 0.9,
  },
  label: {
    steps: [{
      completions: [{ text: "Add.", rating: 1, flagged: null }],
      human_completion: null,
      chosen_completion: 0,
    }],
    total_time: 9,
    finish_reason: "solution",
  },
};

Deno.test(
  "PRM800K: labelers' verdicts on whole solutions; no policy, no rollout",
  inFolder(async (folder) => {
    const finished = (finish_reason: string) => ({
      ...LABELED,
      label: { ...LABELED.label, finish_reason },
    });
    const path = writeLines(`${folder}/phase2_train.jsonl`, [
      LABELED,
      finished("found_error"),
      finished("give_up"),
      { ...LABELED, question: { ...LABELED.question, pre_generated_steps: null } },
    ]);
    const { records, counts, format } = await read(path);
    assert.equal(format, "prm800k");
    assert.deepEqual(withoutGroup(records[0]!), {
      prompt: { text: "3+4?" },
      response: { text: "Add.\n7\n\n# Answer\n\n7" },
      steps: ["Add.", "7\n\n# Answer\n\n7"],
      outcome: 1,
      groundTruth: "7",
      verifier: "PRM800K's labelers",
    });
    assert.equal(records[1]!.outcome, 0);
    assert.deepEqual(counts.skipped, {
      give_up: 1,
      "phase 1: its steps were chosen by people": 1,
    });
    const odd = writeLines(`${folder}/odd.jsonl`, [finished("toString")]);
    await assert.rejects(read(odd), /finish_reason: "toString": known are/);
  }),
);

Deno.test(
  "Math-Shepherd: the last label is the outcome",
  inFolder(async (folder) => {
    const text = "Ann has 3, 4 more. How many? Step 1: 3+4=7. ки\nStep 2: The answer is: 7 ки";
    const signs = (first: string, last: string) => text.replace("ки", first).replace("ки", last);
    const rows = [signs("+", "+"), signs("+", "-"), signs("-", "-")].map((label) => ({
      input: text,
      label,
      task: "GSM8K",
    }));
    const { records, format } = await read(writeLines(`${folder}/a.jsonl`, rows));
    assert.equal(format, "math-shepherd");
    assert.deepEqual(records.map(({ outcome }) => outcome), [1, 0, 0]);
    assert.deepEqual(withoutGroup(records[0]!), {
      prompt: { text: "Ann has 3, 4 more. How many?" },
      response: { text: "Step 1: 3+4=7.\nStep 2: The answer is: 7" },
      steps: ["Step 1: 3+4=7.", "Step 2: The answer is: 7"],
      outcome: 1,
    });
    const bad = [
      { input: `${text} and`, label: signs("+", "+"), task: "" },
      { input: text, label: signs("+", "?"), task: "" },
      { input: text, label: signs("+", "+").replace("3+4", "3-4"), task: "" },
      { input: "Step 1 is missing ки", label: "", task: "" },
    ];
    const { counts } = await read(writeLines(`${folder}/b.jsonl`, [...rows, ...bad]), {
      maxBadShare: 0.6,
    });
    assert.equal(counts.bad, bad.length);
  }),
);

Deno.test(
  "ProcessBench: whether the final answer is right",
  inFolder(async (folder) => {
    const row = {
      id: "gsm8k-0",
      generator: "m",
      problem: "3+4?",
      steps: ["3+4=8", "So 8."],
      final_answer_correct: false,
      label: 0,
    };
    const rows = [row, { ...row, label: -1, final_answer_correct: true }];
    const { records, format } = await read(writeLines(`${folder}/gsm8k.jsonl`, rows));
    assert.equal(format, "processbench");
    assert.deepEqual(withoutGroup(records[0]!), {
      prompt: { text: "3+4?" },
      response: { text: "3+4=8\n\nSo 8." },
      steps: ["3+4=8", "So 8."],
      outcome: 0,
      actor: "m",
    });
    assert.equal(records[1]!.outcome, 1);
    const unnamed = { ...row, generator: null };
    const named = await read(writeLines(`${folder}/named.jsonl`, [row, unnamed]), { actor: "n" });
    assert.deepEqual(named.records.map(({ actor }) => actor), ["m", "n"]);
    const other = writeLines(`${folder}/other.jsonl`, [row, { ...row, generator: "n" }]);
    const groups = (await read(other)).records.map(({ group }) => group);
    assert.notEqual(groups[0], groups[1], "responses of two models are no siblings");
  }),
);

Deno.test(
  "TRL's stepwise sets: the user says what the labels say of the whole",
  inFolder(async (folder) => {
    const row = { prompt: "3+4?", completions: ["3+4=8.", "No: 7."], labels: [false, true] };
    const path = writeLines(`${folder}/train.jsonl`, [row]);
    await assert.rejects(read(path), /numbers are in last-label, every-label/);
    const { records, format } = await read(path, { map: { outcome: "last-label" } });
    assert.equal(format, "trl-stepwise");
    assert.deepEqual(withoutGroup(records[0]!), {
      prompt: { text: "3+4?" },
      response: { text: "3+4=8.\nNo: 7." },
      steps: ["3+4=8.", "No: 7."],
      outcome: 1,
    });
    const { records: judged } = await read(path, { map: { outcome: "every-label" } });
    assert.equal(judged[0]!.outcome, 0);
    for (const labels of [[true], [true, 1]]) {
      const bad = writeLines(`${folder}/bad.jsonl`, [{ ...row, labels }]);
      await assert.rejects(read(bad, { map: { outcome: "last-label" } }), /line 1: labels: /);
    }
  }),
);

Deno.test(
  "plain rows: whatever the user maps",
  inFolder(async (folder) => {
    const row = { id: 3, q: "3+4?", a: [51, 12], meta: { right: true, lp: [-1, -2] }, gt: null };
    const path = writeLines(`${folder}/rows.jsonl`, [row, { ...row, id: "x" }]);
    const map: ReadOptions["map"] = {
      group: "id",
      prompt: "q",
      response: "a",
      outcome: "meta.right",
      logProbabilities: "meta.lp",
    };
    const { records, format } = await read(path, { map });
    assert.equal(format, "jsonl");
    assert.deepEqual(records[0], {
      group: "3",
      prompt: { text: "3+4?" },
      response: { tokens: [51, 12] },
      logProbabilities: [-1, -2],
      outcome: 1,
    });
    const missing = read(path, { map: { ...map, groundTruth: "gt" } });
    await assert.rejects(
      missing,
      /line 1: gt: "empty": no groundTruth.*; --map groundTruth= leaves it out/,
    );
    const chat = writeLines(`${folder}/chat.jsonl`, [{ ...row, q: [{ role: "user" }] }]);
    await assert.rejects(read(chat, { map }), /chat template/);
  }),
);

Deno.test(
  "of Parquet, too, plain rows can be read; ids that no number holds are refused",
  async () => {
    const path = `${TESTDATA}wide_integers.parquet`;
    const options: ReadOptions = { ...RANGE, format: "jsonl" };
    await assert.rejects(read(path, options), /row 1: responseTokens: "?9007199254740992/);
    const { records, counts } = await read(path, { ...options, maxBadShare: 0.5 });
    assert.equal(counts.bad, 1);
    assert.deepEqual(withoutGroup(records[0]!), {
      prompt: { text: "b" },
      response: { text: "b", tokens: [7] },
      outcome: 0.25,
    });
  },
);

Deno.test("no two formats are proved by one row, and each by its own alone", () => {
  const rows = [VERL, TRACE, SAMPLE, LABELED];
  assert.deepEqual(rows.map((row) => provenFormat(row)?.name), [
    "verl",
    "open-instruct",
    "lm-eval",
    "prm800k",
  ]);
  assert.equal(provenFormat({ group: "a", prompt: "b", response: "c", outcome: 1 }), undefined);
  assert.equal(provenFormat(Object.assign({}, ...rows)), undefined, "several at once prove none");
  assert.equal(rolloutFormat("verl"), rolloutFormats.verl);
  assert.throws(() => rolloutFormat("ver1"), /did you mean verl\?/);
  assert.throws(() => rolloutFormat("toString"), /unknown format/);
});
