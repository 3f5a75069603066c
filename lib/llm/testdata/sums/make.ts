/**
 * Makes the files beside it anew, in about half an hour on two cores:
 * `deno task local-model --install-only && deno run -A lib/llm/testdata/sums/make.ts`. What is finished is taken up again by
 * the same command; to begin anew, remove it and `.cache/sums`.
 *
 * - `rollouts.jsonl`: responses of SmolLM2-135M-Instruct (Apache-2.0) to sums, four each.
 * - `tokenizer.json`: its tokenizer, cut down to the tokens that occur there. It tells what they say, and encodes nothing.
 * - `values.parquet`: the first rollouts with Monte Carlo values of states along them, by `deno task values`.
 * - `continuations.jsonl.gz`: the model's answers on which those rest.
 * - `critic.jsonl.gz`: its answers as a critic of these states.
 * - `evaluation.json`: the evaluation of that and other critics, by `deno task evaluate`.
 */
import { localTokenizer, startLocalModel } from "../../../cli/local_model_server.ts";
import { readRollouts } from "../../../rollouts/read_rollouts.ts";
import { RolloutTokenizer } from "../../../rollouts/tokenizer.ts";
import { writeRollouts } from "../../../rollouts/write_rollouts.ts";
import { ROOT } from "../../../root.ts";
import { exists, writeAtomically } from "../../../run/files.ts";
import { openServer } from "../../server.ts";
import { sumRollouts } from "../../testing/sum_rollouts.ts";
import { EVALUATE_SUMS, sumsFile, VALUES_OF_SUMS } from "./commands.ts";

const WORK = `${ROOT}.cache/sums`;
const PROBLEMS = 40, SIBLINGS = 4;

async function makeRollouts(url: string): Promise<void> {
  const path = sumsFile("rollouts.jsonl");
  if (exists(path)) return;
  using model = await openServer({ url });
  const tokenizer = RolloutTokenizer.load(localTokenizer());
  const sizes = { problems: PROBLEMS, siblings: SIBLINGS };
  await writeRollouts(path, await sumRollouts(model, tokenizer, sizes));
}

async function task(...args: string[]): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), { args: ["task", ...args], cwd: ROOT }).spawn();
  const { code } = await child.status;
  if (code !== 0) Deno.exit(code);
}

async function compress(from: string, name: string): Promise<void> {
  const stream = new Blob([Deno.readFileSync(from)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  writeAtomically(sumsFile(name), new Uint8Array(await new Response(stream).arrayBuffer()));
}

/** The tokenizer without what does not occur in the rollouts. */
async function makeTokenizer(): Promise<void> {
  const ids = new Set<number>();
  for await (const { prompt, response } of readRollouts(sumsFile("rollouts.jsonl"))) {
    for (const id of [...prompt.tokens!, ...response.tokens!]) ids.add(id);
  }
  const tokenizer = JSON.parse(Deno.readTextFileSync(localTokenizer()));
  const { model, added_tokens: added } = tokenizer;
  const vocabulary = Object.entries<number>(model.vocab).filter(([, id]) => ids.has(id));
  const kept = new Set(vocabulary.map(([token]) => token));
  const merges = (model.merges as string[]).filter((merge) => {
    const parts = merge.split(" ");
    return [...parts, parts.join("")].every((token) => kept.has(token));
  });
  const reduced = {
    ...tokenizer,
    added_tokens: added.filter(({ id }: { id: number }) => ids.has(id)),
    model: { ...model, unk_token: null, vocab: Object.fromEntries(vocabulary), merges },
  };
  write("tokenizer.json", `${JSON.stringify(reduced)}\n`);
}

function write(name: string, text: string): void {
  writeAtomically(sumsFile(name), new TextEncoder().encode(text));
}

await using server = await startLocalModel({ port: 28600, onText: console.error });
await makeRollouts(server.url);
await makeTokenizer();

const continuations = `${WORK}/continuations.jsonl`;
await task(
  ...["values", ...VALUES_OF_SUMS, "--server", server.url, "--concurrency", "2"],
  ...["--recording", continuations, "--out", `${WORK}/values`],
);
await compress(continuations, "continuations.jsonl.gz");
Deno.copyFileSync(`${WORK}/values/values.parquet`, sumsFile("values.parquet"));

const answers = `${WORK}/critic.jsonl`;
await task(
  ...["evaluate", ...EVALUATE_SUMS, "--critic", `server:${server.url}`, "--name", "sums"],
  ...["--concurrency", "2", "--recording", answers],
);
await compress(answers, "critic.jsonl.gz");
write("evaluation.json", Deno.readTextFileSync(`${ROOT}runs/evaluations/sums/evaluation.json`));
