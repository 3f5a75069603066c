import type { RolloutFormat } from "../format.ts";
import { BadRow, hasColumns, Skipped, textAt, textsAt, valueAt } from "../row.ts";

/** `label.finish_reason`, where it says whether the solution is right. */
const OUTCOMES: Readonly<Record<string, number>> = { solution: 1, found_error: 0 };

/**
 * PRM800K (Lightman et al. 2023, arXiv 2305.20050), phase 2. The outcome is what the labeler came to: 1 for a solution that
 * "concluded in the correct answer", 0 for one with an error; problems that were broken or given up have none.
 *
 * The ratings of steps (-1, 0, 1) say whether a step is right, and not how likely the model is to succeed from there: they
 * become no probes. Phase 1 is left out: people chose its steps from several and wrote some, so that it has no policy.
 */
export const prm800k: RolloutFormat = {
  name: "prm800k",
  summary: "PRM800K, phase 2: solutions with human verdicts",
  isProvedBy: (row) => hasColumns(row, "labeler", "question", "label", "generation"),
  columns: {
    prompt: "question.problem",
    response: "response",
    steps: "question.pre_generated_steps",
    outcome: "outcome",
    groundTruth: "question.ground_truth_answer",
    verifier: "verifier",
  },
  reads: ["question", "label"],
  outcomeRange: [0, 1],
  flatten: (row) => {
    if (valueAt(row, "question.pre_generated_steps") === undefined) {
      return new Skipped("phase 1: its steps were chosen by people");
    }
    const finish = textAt(row, "label.finish_reason");
    if (finish === "give_up" || finish === "bad_problem") return new Skipped(finish);
    const outcome = Object.hasOwn(OUTCOMES, finish) ? OUTCOMES[finish] : undefined;
    if (outcome === undefined) {
      const known = [...Object.keys(OUTCOMES), "give_up", "bad_problem"].join(", ");
      throw new BadRow("label.finish_reason", finish, `known are ${known}`);
    }
    const response = textsAt(row, "question.pre_generated_steps").join("\n");
    return { ...row, response, outcome, verifier: "PRM800K's labelers" };
  },
};
