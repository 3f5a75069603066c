/**
 * `deno task values`: Monte Carlo values of states along rollouts, by continuations of a language model behind a server, or
 * of one that is run here.
 */
import { basename, resolve } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import {
  type ContinuationOptions,
  type ContinuationValue,
  continuationValues,
  stateKey,
} from "../llm/continuation_values.ts";
import { ContinuationStore } from "../llm/continuation_store.ts";
import {
  compareFirstStates,
  continuationCost,
  type ProbedState,
  probedStates,
  summarizeValues,
  withValues,
} from "../llm/probed_rollouts.ts";
import type { LanguageModel } from "../llm/language_model.ts";
import { openServer, type ServerModel } from "../llm/server.ts";
import { maximum } from "../numeric/extrema.ts";
import { sha256 } from "../numeric/digest.ts";
import { writeMonteCarloParquet } from "../rollouts/monte_carlo_parquet.ts";
import { PROBE_MODES, PROBE_SEMANTICS, type ProbeRule } from "../rollouts/segments.ts";
import { type SelectedRollouts, SELECTIONS, selectRollouts } from "../rollouts/select_rollouts.ts";
import { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import { type VerifierAgreement, verifierAgreement } from "../rollouts/verifiers/agreement.ts";
import { openVerifier, VERIFIERS } from "../rollouts/verifiers/registry.ts";
import type { Verifier } from "../rollouts/verifiers/verifier.ts";
import { checkWritable, writeAtomically } from "../run/files.ts";
import { openPretrained } from "../text_models/open_pretrained.ts";
import { PretrainedLanguageModel } from "../text_models/pretrained_language_model.ts";
import { pretrainedText } from "../text_models/pretrained_text.ts";
import { type Command, printJson, runCommand } from "./command.ts";
import { endOnSignals } from "./end_on_signals.ts";
import { pretrainedFlags } from "./pretrained_flags.ts";
import { describeLeftOut, rolloutFlags, rolloutsOf } from "./rollout_flags.ts";
import { serverFlags } from "./server_flags.ts";
import { type TerminalProgress, terminalProgress } from "./terminal_progress.ts";
import {
  formatAgreement,
  formatCost,
  formatResult,
  formatValuesProgress,
  type ValuesResult,
} from "./values_report.ts";

/** The folder of results, unless --out gives another. */
const VALUES = "runs/values";

const flags = z.object({
  ...rolloutFlags,
  tokenizer: z.string().optional().describe(
    "folder or tokenizer.json of the model that goes on; --pretrained has its own",
  ),
  server: z.string().optional().describe(
    "address of the OpenAI-compatible server of the model that wrote the rollouts",
  ),
  ...serverFlags,
  pretrained: z.string().optional().describe(
    "in the place of a server: folder or GGUF file of that model, of Llama's kind, which is run here",
  ),
  adapter: z.string().optional().describe(
    "for --pretrained: folder of an adapter, as PEFT saves it",
  ),
  ...pretrainedFlags,
  recording: z.string().optional().describe("file to which the server's answers are added"),
  every: z.int().min(1).optional().describe("probe before every N-th token"),
  steps: z.boolean().default(false).describe(
    "probe before each step: the rollout's own, else parted by blank lines, else by line breaks",
  ),
  sae: z.number().gt(0).max(1).optional().describe(
    "probe behind tokens sampled with a lower probability, e.g. 0.2; 16 segments at most",
  ),
  limit: z.int().min(1).optional().describe(
    "the most tokens of a response when the rollouts were sampled; default: what the rollouts say",
  ),
  continuations: z.int().min(1).max(100_000).default(32).describe("continuations of each state"),
  halfWidth: z.number().gt(0).lt(0.5).optional().describe(
    "leave a state once its 95% interval is as narrow, e.g. 0.1; estimates are biased by up to 0.02",
  ),
  verifier: z.string(`give ${VERIFIERS.join(", ")}, or the path of your own`).describe(
    `what grades responses: ${
      VERIFIERS.join(", ")
    }, or your TypeScript file: its default export is ` +
      "(response, { groundTruth, prompt }) => number or boolean; it is run without any permission",
  ),
  maxDisagreement: z.number().min(0).max(1).default(0.02).describe(
    "share of the rollouts whose outcome the verifier may not give",
  ),
  selection: z.enum(SELECTIONS).default("all").describe(
    "each problem's rollouts: all, the first, or the first right and the first wrong one, which " +
      "biases the mean value to 1/2",
  ),
  problems: z.int().min(1).optional().describe("only the first N problems"),
  temperature: z.number().min(0).default(1).describe("sampling, as for the rollouts"),
  topP: z.number().gt(0).max(1).default(1).describe("likewise"),
  topK: z.int().min(0).default(0).describe("likewise; 0: all tokens"),
  minP: z.number().min(0).lt(1).default(0).describe("likewise"),
  stop: z.array(z.string()).default([]).describe(
    "strings that end a response, likewise; \\n and \\u002c (a comma) are understood",
  ),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1).describe("seed of the sampling"),
  maxTokensTotal: z.int().min(1).optional().describe("never write more tokens than this"),
  dryRun: z.boolean().default(false).describe("say what it would cost, ask no server"),
  out: z.string().optional().describe(
    `folder of the results; default: one of the rollouts' own in ${VALUES}`,
  ),
  json: z.boolean().default(false)
    .describe("print a machine-readable summary as the last line of stdout, all else on stderr"),
});
type Flags = z.output<typeof flags>;

/** The command. */
export const valuesCommand: Command<typeof flags.shape> = {
  name: "values",
  summary:
    "Estimates values of states along rollouts by continuations, and writes them as Parquet.",
  flags,
  run: computeValues,
};

async function computeValues(chosen: Flags): Promise<number> {
  const rule = ruleOf(chosen);
  checkServerFlags(chosen);
  const stop = chosen.stop.map(unescape);
  const out = chosen.out ?? `${VALUES}/${nameOf(chosen.rollouts)}`;
  const say = chosen.json ? console.error : console.log;
  const progress = terminalProgress();
  const verifier = await openVerifier(chosen.verifier);
  try {
    const tokenizer = tokenizerOf(chosen);
    const rollouts = rolloutsOf(chosen, progress);
    const selected = await selectRollouts(rollouts, chosen.selection, chosen.problems)
      .finally(() => progress.clear());
    const leftOut = describeLeftOut(rollouts.counts);
    if (leftOut !== "") say(leftOut);
    const states = probedStates(selected.records, rule, tokenizer, chosen.limit);
    const { temperature, topP, topK, minP, continuations, halfWidth, maxTokensTotal } = chosen;
    const options = {
      ...{ tokenizer, verifier, stop, continuations, halfWidth, maxTokensTotal },
      sampling: { temperature, topP, topK, minP },
      ...{ seed: chosen.seed, asText: false, concurrency: chosen.concurrency },
    };
    const plan = { chosen, rule, states, selected, options, verifier, out, say };

    const agreement = await checkVerifier(plan);
    const cost = costOf(plan);
    if (chosen.dryRun) {
      if (chosen.json) printJson({ ok: true, exitCode: 0, dryRun: true, cost, agreement });
      return 0;
    }
    checkWritable(`${out}/values.parquet`);
    using opened = await openModel(chosen, states, progress);
    const { model, asText } = opened;
    const values = await compute(plan, { ...options, model, asText }, progress)
      .finally(() => progress.clear());
    const result = await write(plan, { ...options, model, asText }, values, agreement);
    say(formatResult(result));
    if (chosen.json) printJson({ ok: true, exitCode: 0, ...result });
    return 0;
  } finally {
    verifier.close();
  }
}

/** What is to be done. */
interface Plan {
  readonly chosen: Flags;
  readonly rule: ProbeRule;
  readonly states: readonly ProbedState[];
  readonly selected: SelectedRollouts;
  readonly options: Omit<ContinuationOptions, "model">;
  readonly verifier: Verifier;
  readonly out: string;
  say(text: string): void;
}

/** Holds the verifier against the file's outcomes, and says how far they agree. */
async function checkVerifier({ chosen, states, verifier, say }: Plan): Promise<VerifierAgreement> {
  const records = [...new Set(states.map(({ record }) => record))];
  const agreement = await verifierAgreement(records, verifier);
  say(formatAgreement(verifier.name, agreement));
  const share = 1 - agreement.agreed / agreement.rollouts;
  if (share <= chosen.maxDisagreement) return agreement;
  throw new UsageError(
    "--verifier",
    verifier.name,
    `it gives another outcome than the file for ${agreement.rollouts - agreement.agreed} of ` +
      `${agreement.rollouts} rollouts, such as: ${agreement.example}; choose the one that the rollouts were ` +
      "graded by, look at --outcome-range, or allow it by --max-disagreement",
  );
}

/** Says what the continuations may cost. Throws a UsageError where that is more than allowed. */
function costOf({ chosen, states, options, say }: Plan) {
  // The model's name is the same for all.
  const keys = states.map((state) => stateKey(state, { ...options, model: { name: "" } }));
  const cost = continuationCost(states, keys, chosen.continuations);
  say(formatCost(cost, states.length, chosen.continuations, chosen.halfWidth));
  const { maxTokensTotal } = chosen;
  if (maxTokensTotal !== undefined && cost.expected > maxTokensTotal) {
    throw new UsageError(
      "--max-tokens-total",
      maxTokensTotal,
      `about ${cost.expected} tokens are to be written: give a higher one, fewer --continuations or ` +
        "--problems, or rarer probes",
    );
  }
  return cost;
}

function tokenizerOf({ tokenizer, pretrained }: Flags): RolloutTokenizer {
  if (tokenizer !== undefined) return RolloutTokenizer.load(tokenizer);
  if (pretrained !== undefined) return pretrainedText(pretrained).tokenizer;
  throw new UsageError("--tokenizer", "", "give the folder or the tokenizer.json of the model");
}

/** Who goes on from the states. */
interface OpenModel extends Disposable {
  readonly model: LanguageModel;
  /** Whether it has to be given text. */
  readonly asText: boolean;
}

async function openModel(
  chosen: Flags,
  states: readonly ProbedState[],
  progress: TerminalProgress,
): Promise<OpenModel> {
  if (chosen.pretrained !== undefined) {
    const { adapter, storage, backend, threads } = chosen;
    const options = { adapter, storage, backend, threads };
    using kept = new DisposableStack();
    const opened = kept.use(await openPretrained(chosen.pretrained, options));
    const model = new PretrainedLanguageModel(opened);
    checkRoom(states, model.contextLength, { flag: "--pretrained", model: chosen.pretrained });
    const moved = kept.move();
    return { model, asText: false, [Symbol.dispose]: () => moved.dispose() };
  }
  const model = await openServer({
    url: chosen.server,
    model: chosen.model,
    apiKeyVariable: chosen.apiKeyVariable,
    timeoutSeconds: chosen.timeout,
    concurrency: chosen.concurrency,
    onNote: (note) => progress.line(note),
    ...(chosen.recording === undefined ? {} : {
      recording: { path: chosen.recording, mode: chosen.replay ? "replay" : "record" },
    }),
  });
  const asText = takesTextOnly(model, states);
  return { model, asText, [Symbol.dispose]: () => model[Symbol.dispose]() };
}

/** Whether the server has to be sent text. Throws a UsageError where it cannot go on from these states. */
function takesTextOnly({ abilities }: ServerModel, states: readonly ProbedState[]): boolean {
  const { endpoint, tokenPrompts, contextLength, kind } = abilities;
  if (endpoint === "chat") {
    throw new UsageError(
      "--server",
      kind,
      "it has no /v1/completions, and a chat's turn cannot be gone on with from the middle: use vLLM or " +
        "llama.cpp",
    );
  }
  if (contextLength !== null) checkRoom(states, contextLength, { flag: "--server", model: kind });
  return tokenPrompts === "refused" || tokenPrompts === "ignored";
}

/** Throws a UsageError where prompt and response may be longer than the model's context. */
function checkRoom(
  states: readonly ProbedState[],
  contextLength: number,
  { flag, model }: { readonly flag: string; readonly model: string },
): void {
  const longest = maximum(states.map(({ prompt, record }) => prompt.length + record.tokenLimit));
  if (longest <= contextLength) return;
  throw new UsageError(
    flag,
    model,
    `its context holds ${contextLength} tokens, and prompt and response may have ${longest}: give the model a larger ` +
      "context, or the --limit that the rollouts were sampled with",
  );
}

/** The states' values, as far as they are not there from an earlier call. */
async function compute(
  { states, out }: Plan,
  options: ContinuationOptions,
  progress: TerminalProgress,
): Promise<ContinuationValue[]> {
  using store = new ContinuationStore(`${out}/continuations.jsonl`);
  if (store.isTorn) {
    progress.line(`${store.path}: the last line was not written whole; it is left out`);
  }
  if (store.size > 0) progress.line(`finished continuations in ${store.path}: ${store.size}`);
  const began = performance.now();
  const stopListening = endOnSignals(
    "finished continuations are kept; the same command takes them up",
  );
  try {
    return await continuationValues(states, options, store, (snapshot) => {
      const seconds = (performance.now() - began) / 1000;
      progress.line(formatValuesProgress(snapshot, seconds), true);
    });
  } finally {
    stopListening();
  }
}

/** Writes the Parquet and its summary. */
async function write(
  { chosen, rule, states, selected, verifier, out }: Plan,
  options: ContinuationOptions,
  values: readonly ContinuationValue[],
  agreement: VerifierAgreement,
): Promise<ValuesResult> {
  const keys = states.map((state) => stateKey(state, options));
  const { model, asText, tokenizer } = options;
  const parquet = `${out}/values.parquet`;
  const records = withValues(states, values).map((record) => ({
    ...record,
    actor: record.actor ?? model.name,
    verifier: record.verifier ?? verifier.name,
  }));
  const mode = { probeMode: PROBE_MODES[rule.kind], probeSemantics: PROBE_SEMANTICS[rule.kind] };
  await writeMonteCarloParquet(parquet, records.map((record) => ({ record, ...mode })));
  const given = selected.records;
  const result: ValuesResult = {
    parquet,
    rollouts: { path: chosen.rollouts, taken: records.length, ...selected.total },
    selection: chosen.selection,
    problems: selected.groups.size,
    probes: states.length,
    ...mode,
    summary: summarizeValues(values, keys),
    firstStates: chosen.selection === "pairs"
      ? null
      : compareFirstStates(states, values, selected.groups),
    states: {
      sentAs: asText ? "text" : "token ids",
      encoded: given.filter(({ prompt, response }) => !prompt.tokens || !response.tokens).length,
      moved: asText ? countMoved(states, keys, tokenizer) : 0,
    },
    model: model.name,
    actors: [...new Set(given.flatMap(({ actor }) => actor ?? []))],
    verifier: { name: verifier.name, ...agreement },
    sampling: options.sampling,
    stop: options.stop,
    continuations: options.continuations,
    halfWidth: options.halfWidth ?? null,
    seed: options.seed,
  };
  const bytes = new TextEncoder().encode(`${JSON.stringify(result, null, 2)}\n`);
  writeAtomically(`${out}/values.json`, bytes);
  return result;
}

/** Different states whose text the tokenizer reads as other tokens. */
function countMoved(
  states: readonly ProbedState[],
  keys: readonly string[],
  tokenizer: RolloutTokenizer,
): number {
  return new Set(keys.filter((_, i) => {
    const tokens = [...states[i]!.prompt, ...states[i]!.prefix];
    const again = tokenizer.encode(tokenizer.decode(tokens, { special: true }));
    return again.length !== tokens.length || again.some((id, j) => id !== tokens[j]);
  })).size;
}

function ruleOf({ every, steps, sae }: Flags): ProbeRule {
  const rules: ProbeRule[] = [
    ...(every === undefined ? [] : [{ kind: "every", tokens: every } as const]),
    ...(steps ? [{ kind: "steps" } as const] : []),
    ...(sae === undefined ? [] : [{ kind: "sae", threshold: sae } as const]),
  ];
  const [rule] = rules;
  if (rule && rules.length === 1) return rule;
  throw new UsageError(
    "probes",
    rules.map(({ kind }) => kind).join(", "),
    "say where values are asked for, by one of --every N, --steps and --sae 0.2",
  );
}

function checkServerFlags(
  { server, pretrained, adapter, recording, replay, dryRun }: Flags,
): void {
  if (pretrained === undefined && adapter !== undefined) {
    throw new UsageError("--adapter", adapter, "give the model it belongs to as --pretrained");
  }
  if (pretrained !== undefined) {
    // What is computed here is kept by state, and needs no recording to be the same again.
    const given = { "--server": server, "--recording": recording, "--replay": replay || undefined };
    for (const [flag, value] of Object.entries(given)) {
      if (value !== undefined) throw new UsageError(flag, value, "leave it out, or --pretrained");
    }
    return;
  }
  if (replay && recording === undefined) {
    throw new UsageError("--replay", replay, "give the --recording to take answers from");
  }
  if (server === undefined && !replay && !dryRun) {
    throw new UsageError(
      "--server",
      "",
      "give the address of the model's server, such as http://127.0.0.1:8000, or the model itself as " +
        "--pretrained; --replay and --dry-run need neither",
    );
  }
}

/** The file's name, and a mark of where it lies, as many are called 40.jsonl. */
function nameOf(rollouts: string): string {
  const path = resolve(rollouts);
  const stem = basename(path).replace(/\..*$/, "").replaceAll(/[^\w-]/g, "_");
  const place = sha256(new TextEncoder().encode(path)).slice(0, 8);
  return `${stem}-${place}`;
}

/** Shells and Windows make line breaks hard to give. */
function unescape(stop: string): string {
  try {
    return JSON.parse(`"${stop.replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`);
  } catch {
    throw new UsageError("--stop", stop, "escapes are those of JSON: \\n, \\t, \\u002c, \\\\");
  }
}

if (import.meta.main) await runCommand(valuesCommand);
