import { DISPLAY, type Displayable, escapeHtml } from "../report/mime.ts";
import type { Evaluation } from "./evaluation.ts";
import {
  aucFigure,
  errorFigure,
  gapFigure,
  gapRankingFigure,
  parseFigure,
  reliabilityFigure,
  scatterFigure,
  selectionFigure,
  trajectoryFigure,
} from "./figures.ts";
import { findings } from "./findings.ts";
import {
  calibrationTable,
  examplesTable,
  nonInferiorityTable,
  questionCards,
  rankingTable,
  scoresTable,
  setTable,
  slicesTable,
} from "./tables.ts";

/** The parts of a report, each to be shown by `show(...part)`; none is empty. */
export interface EvaluationReport {
  /** Everything that is to be said, in sentences, and each critic's error as a figure. */
  readonly findings: readonly Displayable[];
  /** What was evaluated. */
  readonly set: readonly Displayable[];
  /** Each critic's AUC, and all scores. */
  readonly errors: readonly Displayable[];
  /** A card for each question: better than a constant? better than a value head? does In-Context Conditioning help? */
  readonly questions: readonly Displayable[];
  /** Values against Monte Carlo values, and the reliability diagram. */
  readonly calibration: readonly Displayable[];
  /** Values along responses, right and wrong ones, by thirds and near the limit. */
  readonly along: readonly Displayable[];
  /** Order within problems, choices, signs of advantages. */
  readonly ranking: readonly Displayable[];
  /** Answers that could be parsed. */
  readonly parsing: readonly Displayable[];
  /** May one critic stand in for another? */
  readonly nonInferiority: readonly Displayable[];
  /** The text of some responses. */
  readonly examples: readonly Displayable[];
}

/** The figures, tables and sentences of an evaluation. Text of rollouts comes escaped; what cannot be measured says so. */
export function evaluationReport(evaluation: Evaluation): EvaluationReport {
  return {
    findings: [list(findings(evaluation)), errorFigure(evaluation)],
    set: [setTable(evaluation)],
    errors: measured(aucFigure(evaluation), scoresTable(evaluation)),
    questions: measured(...questionCards(evaluation)),
    calibration: measured(
      scatterFigure(evaluation),
      reliabilityFigure(evaluation),
      calibrationTable(evaluation),
    ),
    along: measured(
      trajectoryFigure(evaluation),
      gapFigure(evaluation),
      slicesTable(evaluation),
    ),
    ranking: measured(
      gapRankingFigure(evaluation),
      selectionFigure(evaluation),
      rankingTable(evaluation),
    ),
    parsing: measured(parseFigure(evaluation)),
    nonInferiority: measured(nonInferiorityTable(evaluation)),
    examples: [examplesTable(evaluation)],
  };
}

function measured(...parts: readonly (Displayable | null)[]): Displayable[] {
  const some = parts.filter((part) => part !== null);
  return some.length > 0 ? some : [list(["Nothing to show for these critics and rollouts."])];
}

/** Sentences that may hold names from anywhere. */
function list(sentences: readonly string[]): Displayable {
  return {
    [DISPLAY]: () => ({
      "text/html": `<ul>${sentences.map((text) => `<li>${escapeHtml(text)}</li>`).join("")}</ul>`,
      "text/plain": sentences.map((text) => `- ${text}`).join("\n"),
    }),
  };
}
