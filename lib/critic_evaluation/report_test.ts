/** Reports of evaluations: what is in them, and what of a model's text may not come out of them. */
import assert from "node:assert/strict";
import { DISPLAY, type MimeBundle } from "../report/mime.ts";
import type { Probe, RolloutRecord } from "../rollouts/record.ts";
import type { AskedCritic } from "./asked_critic.ts";
import { CONSTANTS, meanValue } from "./constants.ts";
import { evaluateCritics } from "./evaluate.ts";
import type { Evaluation } from "./evaluation.ts";
import { evaluationReport } from "./report.ts";
import { statesOf } from "./states.ts";
import { textRidge } from "./text_ridge.ts";

const EVIL =
  '<script>alert(1)</script>"><img src=x onerror=alert(2)>|**bold**\u001b[31m\u202e %{x}';

function record(i: number, isBare: boolean): RolloutRecord {
  const outcome = i % 3 === 0 ? 1 : 0, problem = `${Math.floor(i / 4)} ${EVIL}`;
  const probe = (at: number, mean: number): Probe => ({ at, unit: "token", mean, n: 8 });
  const last = outcome === 1 ? 1 : 0.125;
  return {
    group: problem,
    prompt: { text: problem },
    response: { text: EVIL.repeat(3), tokens: [1, 2, 3, 4, 5, 6] },
    outcome,
    tokenLimit: 6,
    actor: EVIL,
    ...(isBare ? {} : { probes: [probe(0, 0.5), probe(3, (0.5 + last) / 2), probe(5, last)] }),
  };
}

/** A generative critic, and the same with ICC; every fifth state has no answer. */
const llm = (withoutIcc?: string): AskedCritic => ({
  name: withoutIcc === undefined ? "llm" : "llm icc",
  title: `model ${EVIL}${withoutIcc === undefined ? "" : " with ICC"}`,
  kind: "generative",
  foresight: "nothing",
  ...(withoutIcc === undefined ? {} : { withoutIcc }),
  answer: ({ states }) =>
    Promise.resolve(states.map(({ at }, i) => ({
      value: i % 5 === 4 ? null : (at + i % 3) / 10,
      expectation: 0.5,
      tokensWritten: 9,
      parseFailures: 0,
      written: { length: 1 },
    }))),
});

async function evaluation(isBare = false): Promise<Evaluation> {
  const records = Array.from({ length: 32 }, (_, i) => record(i, isBare));
  const critics = [...CONSTANTS, textRidge, llm(), llm("llm")];
  return await evaluateCritics(statesOf(records), critics, { file: EVIL, replicates: 100 });
}

function bundles(evaluation: Evaluation): MimeBundle[] {
  return Object.values(evaluationReport(evaluation)).flat().map((part) => part[DISPLAY]());
}

Deno.test("every part shows something, with Monte Carlo values and without", async () => {
  for (const isBare of [false, true]) {
    const report = evaluationReport(await evaluation(isBare));
    for (const [name, parts] of Object.entries(report)) assert.ok(parts.length > 0, name);
  }
  const figures = bundles(await evaluation()).filter((b) => b["image/svg+xml"] !== undefined);
  assert.equal(figures.length, 9);
  const bare = bundles(await evaluation(true)).filter((b) => b["image/svg+xml"] !== undefined);
  assert.equal(bare.length, 6, "without Monte Carlo values no scatter, ranking or choice");
});

Deno.test("only constants: no figure of critics, and it is said", async () => {
  const records = Array.from({ length: 8 }, (_, i) => record(i, false));
  const made = await evaluateCritics(statesOf(records), [meanValue], {
    file: "x",
    replicates: 100,
  });
  const { calibration, parsing, questions } = evaluationReport(made);
  for (const part of [parsing, questions]) {
    assert.match(part[0]![DISPLAY]()["text/plain"], /Nothing to show/);
  }
  assert.equal(calibration.length, 1, "the table only");
});

Deno.test("text from models is shown, never run: in HTML, SVG, Markdown, Plotly and terminals", async () => {
  for (const bundle of bundles(await evaluation())) {
    for (const [type, content] of Object.entries(bundle)) {
      // Plotly shows no group's name: it only tells groups apart.
      const text = typeof content === "string"
        ? content
        : JSON.stringify(content, (key, value) => key === "legendgroup" ? undefined : value);
      // deno-lint-ignore no-control-regex -- what must not be there
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u202e]|\\u001b|\\u202e/, type);
      if (type === "text/plain") continue;
      if (type === "text/markdown") {
        assert.doesNotMatch(text, /(?<!\\)<(script|img)|(?<!\\)\*\*bold/);
      } else assert.doesNotMatch(text, /<(script|img)\b/, type);
    }
  }
  const all = bundles(await evaluation()).map((bundle) => bundle["text/html"] ?? "").join("");
  assert.ok(all.includes("&lt;script&gt;alert(1)&lt;/script&gt;"), "it is shown");
  assert.ok(all.includes("\\x1b[31m\\u{202e}"));
});

Deno.test("cards ask what there is to ask", async () => {
  const { questions } = evaluationReport(await evaluation());
  const text = questions.map((card) => card[DISPLAY]()["text/plain"]).join("\n");
  assert.match(text, /Ridge regression on words is better than always saying the mean value\./);
  assert.match(text, /is better than Ridge regression on words\./);
  assert.match(text, /In-Context Conditioning makes it better/);
  assert.doesNotMatch(text, /Own outcome/);
});
