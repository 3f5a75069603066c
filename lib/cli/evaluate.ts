/**
 * `deno task evaluate`: how good critics are on the states of the user's own rollouts, as a table, a JSON file and a report.
 */
import { basename, relative, resolve } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { NON_INFERIORITY_MARGINS } from "../eval/non_inferiority.ts";
import { evaluateCritics } from "../critic_evaluation/evaluate.ts";
import { type Evaluation, writeEvaluation } from "../critic_evaluation/evaluation.ts";
import { findings } from "../critic_evaluation/findings.ts";
import { CRITIC_NAMES, isServer, openCritics } from "../critic_evaluation/open_critics.ts";
import { statesOf } from "../critic_evaluation/states.ts";
import { scoresTable } from "../critic_evaluation/tables.ts";
import { formatDuration, formatNumber } from "../report/format.ts";
import { DISPLAY } from "../report/mime.ts";
import { printable } from "../rollouts/printable.ts";
import type { RolloutRecord } from "../rollouts/record.ts";
import { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import { checkWritable, guarded } from "../run/files.ts";
import { ROOT } from "../root.ts";
import { type Command, printJson, runCommand } from "./command.ts";
import { endOnSignals } from "./end_on_signals.ts";
import { executeNotebook, NotebookError, NOTEBOOKS } from "./notebooks.ts";
import { writeReportsIndex } from "./reports_index.ts";
import { describeLeftOut, rolloutFlags, rolloutsOf } from "./rollout_flags.ts";
import { serverFlags } from "./server_flags.ts";
import { pretrainedFlags } from "./pretrained_flags.ts";
import { type TerminalProgress, terminalProgress } from "./terminal_progress.ts";
import { ensureVenv } from "./venv.ts";

/** The folder of results. */
export const EVALUATIONS = "runs/evaluations";
/** The notebook that shows one. */
const NOTEBOOK = `${NOTEBOOKS}/10-your-rollouts.ipynb`;
/** What costs nothing to ask. */
const DEFAULT_CRITICS = ["mean"];

const flags = z.object({
  ...rolloutFlags,
  limit: z.int().min(1).optional().describe(
    "the most tokens of a response when the rollouts were sampled; default: what the rollouts say",
  ),
  critic: z.array(z.string()).default(DEFAULT_CRITICS).describe(
    `what to ask, given once for each: ${CRITIC_NAMES.join(", ")}; mean is always among them`,
  ),
  states: z.int().min(1).default(4).describe(
    "states of a response where the rollouts have no Monte Carlo values, at equal distances",
  ),
  maxStates: z.int().min(1).optional().describe(
    "at most so many states, those of whole problems in a random order; default: all",
  ),
  ...serverFlags,
  ...pretrainedFlags,
  base: z.string().optional().describe(
    "for adapter:FOLDER: the folder or GGUF file of the model that it was trained on",
  ),
  icc: z.boolean().default(false).describe(
    "ask the server's model a second time, with In-Context Conditioning, and compare",
  ),
  samples: z.int().min(1).max(1024).default(1).describe("responses whose values are averaged"),
  temperature: z.number().min(0).optional().describe(
    "of the server's model as a critic; default: 0, with several samples 1",
  ),
  maxTokens: z.int().min(1).default(1024).describe("most tokens of its response"),
  reasoning: z.boolean().default(true).describe(
    "let it answer at once, without a chain of thought",
  ),
  force: z.boolean().default(false).describe(
    "where its response has no answer, begin one and have the server force an integer",
  ),
  chat: z.boolean().default(true).describe("do not put the prompt into its chat template"),
  valueScale: z.string().optional().describe(
    "what the numbers of a value head mean: rewards of failure and success, such as 0,1 or =-1,1; or logit",
  ),
  recording: z.string().optional().describe(
    `file in which the server's answers are kept; default: one beside the result in ${EVALUATIONS}`,
  ),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1).describe("of resampling, and of --max-states"),
  replicates: z.int().min(100).max(1_000_000).default(10_000).describe("resamples of the problems"),
  marginMse: z.number().min(0).default(NON_INFERIORITY_MARGINS.mse).describe(
    "non-inferiority: by how much the penalized MSE may be larger",
  ),
  marginAuc: z.number().min(0).default(NON_INFERIORITY_MARGINS.auc).describe(
    "likewise: by how much the AUC within groups may be smaller",
  ),
  marginParseRate: z.number().min(0).max(1).default(NON_INFERIORITY_MARGINS.parseRate).describe(
    "likewise: the least share of answers that can be parsed",
  ),
  name: z.string().regex(/^[\w][\w.-]*$/, "letters, digits, _, - and . only").optional()
    .describe("the result's name; default: the rollouts' file name"),
  report: z.boolean().default(true).describe("write no HTML report"),
  json: z.boolean().default(false)
    .describe("print a machine-readable summary as the last line of stdout, all else on stderr"),
});
type Flags = z.output<typeof flags>;

/** The command. */
export const evaluateCommand: Command<typeof flags.shape> = {
  name: "evaluate",
  summary: "Says how good critics are on the states of your own rollouts.",
  flags,
  run: evaluate,
};

async function evaluate(chosen: Flags): Promise<number> {
  const name = chosen.name ?? nameOf(chosen.rollouts);
  const folder = `${EVALUATIONS}/${name}`, path = `${folder}/evaluation.json`;
  const say = chosen.json ? console.error : console.log;
  const progress = terminalProgress();
  checkServerFlags(chosen);
  checkWritable(`${ROOT}${path}`);
  const stopListening = endOnSignals(
    "the server's answers are kept; the same command goes on from there",
  );
  try {
    const { records, unreadable } = await readRecords(chosen, progress, say);
    const set = statesOf(records, {
      ...{ perRollout: chosen.states, seed: chosen.seed },
      ...(chosen.maxStates === undefined ? {} : { maxStates: chosen.maxStates }),
    });
    guarded(folder, () => Deno.mkdirSync(`${ROOT}${folder}`, { recursive: true }));
    await using open = await openCritics(chosen.critic, resourcesOf(chosen, folder, say));
    const evaluation = await evaluateCritics(set, open.critics, {
      file: basename(chosen.rollouts),
      unreadable,
      seed: chosen.seed,
      replicates: chosen.replicates,
      margins: {
        mse: chosen.marginMse,
        auc: chosen.marginAuc,
        parseRate: chosen.marginParseRate,
      },
      progress: progressOf(progress),
    }).finally(() => progress.clear());
    writeEvaluation(`${ROOT}${path}`, evaluation);
    say(`${scoresTable(evaluation)[DISPLAY]()["text/plain"]}\n`);
    for (const text of findings(evaluation)) say(`- ${text}`);
    const report = await writeReport(chosen, name, path, progress);
    say(`\nnumbers: ${shown(path)}`);
    say(`report:  ${report.report === undefined ? report.leftOut : shown(report.report)}`);
    if (chosen.json) {
      printJson({ ok: true, exitCode: 0, path, ...report, ...summaryOf(evaluation) });
    }
    return 0;
  } finally {
    progress.clear();
    stopListening();
  }
}

async function readRecords(
  chosen: Flags,
  progress: TerminalProgress,
  say: (text: string) => void,
): Promise<{ records: RolloutRecord[]; unreadable: number }> {
  const rollouts = rolloutsOf(chosen, progress);
  const records: RolloutRecord[] = [];
  try {
    for await (const record of rollouts) {
      const { limit } = chosen;
      records.push(limit === undefined ? record : { ...record, tokenLimit: limit });
    }
  } finally {
    progress.clear();
  }
  const leftOut = describeLeftOut(rollouts.counts);
  if (leftOut !== "") say(leftOut);
  return { records, unreadable: rollouts.counts.bad };
}

function checkServerFlags({ critic, recording, replay }: Flags): void {
  const servers = critic.filter(isServer);
  if (replay && servers.length === 0) {
    throw new UsageError(
      "--replay",
      critic.join(", "),
      "no critic asks a server: add --critic server",
    );
  }
  if (servers.includes("server") && !replay) {
    throw new UsageError(
      "--critic",
      "server",
      "give its address, such as server:http://127.0.0.1:8000, or --replay",
    );
  }
  if (recording !== undefined && servers.length > 1) {
    throw new UsageError("--recording", recording, "each server has its own: leave it out");
  }
}

function resourcesOf(chosen: Flags, folder: string, say: (text: string) => void) {
  const { samples, maxTokens, reasoning, force, chat, icc, valueScale, replay } = chosen;
  const { model, apiKeyVariable, concurrency, timeout, tokenizer } = chosen;
  const { temperature = samples > 1 ? 1 : 0, recording } = chosen;
  return {
    server: {
      ...{ model, apiKeyVariable, concurrency, timeoutSeconds: timeout },
      onNote: (note: string) => say(`note: ${printable(note)}`),
    },
    recording: (index: number) => ({
      path: recording ?? `${ROOT}${folder}/answers${index === 0 ? "" : `-${index + 1}`}.jsonl`,
      mode: replay ? "replay" as const : "record" as const,
    }),
    llm: { samples, temperature, maxTokens, reasoning, force, chat },
    ...{ icc, valueScale, base: chosen.base },
    pretrained: { storage: chosen.storage, backend: chosen.backend, threads: chosen.threads },
    tokenizer: tokenizer === undefined ? undefined : RolloutTokenizer.load(tokenizer),
  };
}

/** How far each critic is, how fast, and how long it will take. */
function progressOf(progress: TerminalProgress) {
  const began = new Map<string, number>();
  return (critic: string, answered: number, states: number): void => {
    const start = began.get(critic) ?? performance.now();
    began.set(critic, start);
    const seconds = (performance.now() - start) / 1000;
    const rate = answered / Math.max(seconds, 1e-3);
    const eta = seconds > 1
      ? `, ${formatNumber(rate)} states/s, ETA ${formatDuration((states - answered) / rate)}`
      : "";
    progress.line(`${printable(critic, 60)}: ${answered}/${states} states${eta}`, true);
  };
}

interface Report {
  /** Path of the HTML file, relative to the checkout. */
  readonly report?: string;
  /** Why there is none. */
  readonly leftOut?: string;
}

async function writeReport(
  { report: wanted }: Flags,
  name: string,
  path: string,
  progress: TerminalProgress,
): Promise<Report> {
  if (!wanted) return { leftOut: "left out: --no-report" };
  const report = `reports/evaluation-${name}.html`;
  try {
    await ensureVenv(progress.line);
    await executeNotebook({
      path: NOTEBOOK,
      parameters: { evaluation: path },
      output: `reports/evaluation-${name}.ipynb`,
      report,
      progress: progress.line,
    });
    await writeReportsIndex();
    return { report };
  } catch (error) {
    // The numbers are there; what shows them can be had later.
    if (error instanceof UsageError || error instanceof NotebookError) {
      return { leftOut: `left out: ${error.message}` };
    }
    throw error;
  } finally {
    progress.clear();
  }
}

function summaryOf(evaluation: Evaluation) {
  return {
    set: evaluation.set,
    critics: evaluation.critics.map(({ name, scores: { penalizedMse, withinAuc, parseRate } }) => ({
      ...{ name, penalizedMse, withinAuc, parseRate: parseRate.estimate },
    })),
    findings: findings(evaluation),
  };
}

/** "runs/rollouts dir/step 40.jsonl.gz" -> "step-40". */
function nameOf(path: string): string {
  const name = basename(resolve(path)).replace(/(\.(jsonl|json|parquet|gz))+$/i, "");
  return name.replaceAll(/[^\w.-]+/g, "-").replace(/^[^\w]+/, "") || "rollouts";
}

function shown(path: string): string {
  return relative(Deno.cwd(), `${ROOT}${path}`);
}

if (import.meta.main) await runCommand(evaluateCommand);
