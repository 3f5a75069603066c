/** What `deno task values` says. */
import type { ContinuationProgress } from "../llm/continuation_values.ts";
import type { Sampling } from "../llm/language_model.ts";
import type { ContinuationCost, FirstStates, ValueSummary } from "../llm/probed_rollouts.ts";
import { formatDuration, formatNumber } from "../report/format.ts";
import { printable } from "../rollouts/printable.ts";
import type { RolloutSelection, SuccessCount } from "../rollouts/select_rollouts.ts";
import type { VerifierAgreement } from "../rollouts/verifiers/agreement.ts";

/** What came of it: values.json. */
export interface ValuesResult {
  /** Path of the values. */
  readonly parquet: string;
  /** The file, how many rollouts were taken of it, and what it holds. */
  readonly rollouts: SuccessCount & { readonly path: string; readonly taken: number };
  readonly selection: RolloutSelection;
  /** Problems taken. */
  readonly problems: number;
  /** Values in the Parquet; equal states have one each. */
  readonly probes: number;
  readonly probeMode: string;
  readonly probeSemantics: string;
  readonly summary: ValueSummary;
  /** Null where rollouts were selected by outcome. */
  readonly firstStates: FirstStates | null;
  readonly states: {
    readonly sentAs: "token ids" | "text";
    /** Rollouts that had no token ids: their text was encoded. */
    readonly encoded: number;
    /** Different states whose text is other tokens to the tokenizer. */
    readonly moved: number;
  };
  readonly model: string;
  /** Who wrote the rollouts, where they say. */
  readonly actors: readonly string[];
  readonly verifier: VerifierAgreement & { readonly name: string };
  readonly sampling: Sampling;
  readonly stop: readonly string[];
  readonly continuations: number;
  readonly halfWidth: number | null;
  readonly seed: number;
}

/** How far the verifier agrees with the file. */
export function formatAgreement(name: string, agreement: VerifierAgreement): string {
  const { rollouts, agreed, meanOutcome, meanVerdict, failures } = agreement;
  const failed = failures > 0 ? `, failing at ${failures}` : "";
  return `verifier ${printable(name)}: gives the file's outcome for ${count(agreed)} of ${
    count(rollouts)
  } rollouts${failed} (mean ${value(meanVerdict)}, the file's ${value(meanOutcome)})`;
}

/** What the continuations may cost. */
export function formatCost(
  { states, continuations, expected, most, read }: ContinuationCost,
  probes: number,
  each: number,
  halfWidth: number | undefined,
): string {
  const different = states === probes ? "" : ` (${count(states)} different)`;
  const early = halfWidth === undefined ? "" : ", fewer where intervals are narrow sooner";
  return `to do: ${count(probes)} states${different}, ${count(each)} continuations of each: ` +
    `${count(continuations)}${early}\n` +
    `tokens: about ${count(expected)} to write, ${count(most)} at most; ${count(read)} to read`;
}

/** One line while it runs. */
export function formatValuesProgress(
  { states, statesDone, tokens, takenUp }: ContinuationProgress,
  seconds: number,
): string {
  const rate = (tokens - takenUp) / Math.max(seconds, 1e-3);
  const left = statesDone > 0 && rate > 0
    ? `, ETA ${formatDuration(tokens / statesDone * (states - statesDone) / rate)}`
    : "";
  const percent = Math.floor(100 * statesDone / states);
  return `values: ${count(statesDone)}/${count(states)} states, ${percent} %, ${
    count(Math.round(rate))
  } tokens/s${left}`;
}

/** What one wants to know at the end. */
export function formatResult(result: ValuesResult): string {
  const { parquet, probes, summary, model, verifier } = result;
  const { states, continuations, tokens, meanValue, variance, noise, halfWidth } = summary;
  const noisy = noise === null ? "" : `, of which ${value(noise)} is noise`;
  const lines = [
    `values of ${count(probes)} states (${count(states)} different) of ${
      count(result.rollouts.taken)
    } rollouts, continued by ${printable(model)}`,
    `  mean V ${value(meanValue)}, Var(V) ${value(variance)}${noisy}, mean half-width ${
      value(halfWidth)
    }`,
    `  ${count(continuations)} continuations, ${count(tokens)} tokens; ${
      percent(summary.cut, continuations)
    } ended by the limit, graded as they stood`,
    ...firstStatesLines(result.firstStates),
    ...warnings(result).map((line) => `  note: ${line}`),
    `written: ${parquet}`,
    `next: deno task evaluate --rollouts ${quoted(parquet)} --critic mean`,
  ];
  if (summary.failures > 0) {
    const failed = `${printable(verifier.name)} failed at ${count(summary.failures)} continuations`;
    lines.splice(3, 0, `  note: ${failed} (outcome 0): ${printable(summary.failure!, 200)}`);
  }
  return lines.join("\n");
}

/** So many standard errors are no chance. */
const SUSPICIOUS = 4;

function firstStatesLines(first: FirstStates | null): string[] {
  if (first === null) return [];
  const { problems, meanValue, successRate, z } = first;
  const lines = [
    `  first states of ${count(problems)} problems: mean V ${
      value(meanValue)
    }; the file's rollouts ` +
    `succeeded in ${value(successRate)}`,
  ];
  if (z !== null && Math.abs(z) > SUSPICIOUS) {
    lines.push(
      `  note: that is ${
        formatNumber(Math.abs(z), { decimals: 1 })
      } standard errors apart: the server's ` +
        "policy is not the one that wrote the rollouts; look at sampling, --stop, --limit, template and model",
    );
  }
  return lines;
}

function warnings({ selection, states, model, actors, rollouts }: ValuesResult): string[] {
  const { sentAs, encoded, moved } = states;
  const others = actors.filter((actor) => actor !== model);
  return [
    ...(selection === "pairs"
      ? [
        "each problem's right and wrong rollout were selected, which biases the mean value to 1/2; of all " +
        `rollouts ${percent(rollouts.successes, rollouts.rollouts)} succeeded`,
      ]
      : []),
    ...(encoded > 0
      ? [
        `${
          count(encoded)
        } rollouts had no token ids: their text was encoded, whose tokens may not be those ` +
        "that were sampled",
      ]
      : []),
    ...(sentAs === "text"
      ? [
        "the server takes no token ids and was sent text, to which it may add a template of its own; the " +
        `text of ${count(moved)} states reads as other tokens`,
      ]
      : []),
    ...(others.length > 0
      ? [
        `the rollouts are by ${printable(others.join(", "), 100)}, the values are ${
          printable(model)
        }'s`,
      ]
      : []),
  ];
}

function count(n: number): string {
  return formatNumber(n, { decimals: 0 });
}

function value(x: number): string {
  return formatNumber(x, { decimals: 3 });
}

function percent(part: number, whole: number): string {
  return `${formatNumber(100 * part / whole, { decimals: 1 })} %`;
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w./\\:-]+$/.test(path) ? path : `'${path}'`;
}
