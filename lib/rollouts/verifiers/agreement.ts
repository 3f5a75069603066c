import { mean } from "../../numeric/sums.ts";
import { printable } from "../printable.ts";
import type { TokenizedRecord } from "../segments.ts";
import type { Verifier, VerifierTask } from "./verifier.ts";

/** How a verifier's verdicts compare with the outcomes that rollouts came with. */
export interface VerifierAgreement {
  readonly rollouts: number;
  /** Rollouts whose outcome it gives, up to rounding. */
  readonly agreed: number;
  /** Mean outcome that the rollouts came with. */
  readonly meanOutcome: number;
  /** Mean outcome that it gives. */
  readonly meanVerdict: number;
  /** Rollouts at which it failed. */
  readonly failures: number;
  /** The first disagreement, printable; absent where there is none. */
  readonly example?: string;
}

/** What a verifier is told of a record. */
export function taskOf({ groundTruth, prompt }: TokenizedRecord): VerifierTask {
  return { prompt: prompt.text, ...(groundTruth === undefined ? {} : { groundTruth }) };
}

/** As much as outcomes that were scaled from another range are off. */
const ROUNDING = 1e-6;

/**
 * Grades recorded responses. Values by a verifier that disagrees with the file are values of another task.
 *
 * @param records At least one.
 * @throws UsageError where the verifier cannot grade.
 */
export async function verifierAgreement(
  records: readonly TokenizedRecord[],
  verifier: Verifier,
): Promise<VerifierAgreement> {
  const verdicts = await Promise.all(
    records.map((record) => verifier.verify(record.response.text, taskOf(record))),
  );
  const differs = (i: number) => Math.abs(verdicts[i]!.outcome - records[i]!.outcome) > ROUNDING;
  const differing = [...records.keys()].filter(differs);
  const example = differing[0] === undefined
    ? undefined
    : describe(records[differing[0]]!, verdicts[differing[0]]!);
  return {
    rollouts: records.length,
    agreed: records.length - differing.length,
    meanOutcome: mean(records.map(({ outcome }) => outcome)),
    meanVerdict: mean(verdicts.map(({ outcome }) => outcome)),
    failures: verdicts.filter(({ failure }) => failure !== undefined).length,
    ...(example === undefined ? {} : { example }),
  };
}

function describe(
  { outcome, groundTruth, response }: TokenizedRecord,
  verdict: { readonly outcome: number; readonly failure?: string },
): string {
  const end = printable(response.text.slice(-60));
  const why = verdict.failure === undefined ? "" : ` (${verdict.failure})`;
  return `the file says ${outcome}, the verifier ${verdict.outcome}${why}: "...${end}", ground truth "${
    printable(groundTruth ?? "", 60)
  }"`;
}
