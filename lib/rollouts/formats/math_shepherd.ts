import type { RolloutFormat } from "../format.ts";
import { BadRow, hasColumns, type Row, textAt } from "../row.ts";

/** Stands at the end of each step in `input`, and its label in its place in `label`. */
const STEP_TAG = "ки";

/**
 * Math-Shepherd (Wang et al. 2023, arXiv 2312.08935), `math-shepherd.jsonl`. The outcome is the label of the last step,
 * after which nothing is left to be sampled.
 *
 * Labels of other steps are "hard" estimates: `+` where at least one continuation came to the right answer. That is a bound
 * (V > 0) and no mean, so they become no probes.
 */
export const mathShepherd: RolloutFormat = {
  name: "math-shepherd",
  summary: "Math-Shepherd: solutions with hard Monte Carlo labels",
  isProvedBy: (row) =>
    hasColumns(row, "input", "label", "task") && String(row.input).includes(STEP_TAG),
  columns: { prompt: "prompt", response: "response", steps: "steps", outcome: "outcome" },
  reads: ["input", "label"],
  flatten: (row) => {
    const pieces = textAt(row, "input").split(STEP_TAG);
    if (pieces.length < 2 || pieces.pop()!.trim() !== "") {
      throw new BadRow("input", row.input, `every step has to end in ${STEP_TAG}`);
    }
    const first = pieces[0]!.search(/Step 1:/);
    if (first < 0) throw new BadRow("input", row.input, "the first step has to start by `Step 1:`");
    const prompt = pieces[0]!.slice(0, first).trim();
    const steps = [pieces[0]!.slice(first), ...pieces.slice(1)].map((step) => step.trim());
    return { ...row, prompt, response: steps.join("\n"), steps, outcome: lastLabel(row, pieces) };
  },
};

/** Whether the last step is labelled right. Throws a BadRow where the label's text is not that of the input. */
function lastLabel(row: Row, pieces: readonly string[]): boolean {
  const label = textAt(row, "label");
  let at = 0, sign: string | undefined;
  for (const piece of pieces) {
    sign = label[at + piece.length];
    if (!label.startsWith(piece, at) || (sign !== "+" && sign !== "-")) {
      throw new BadRow(
        "label",
        label,
        `the text of input is needed here, with + or - for ${STEP_TAG}`,
      );
    }
    at += piece.length + 1;
  }
  return sign === "+";
}
