/** The paper's claim C4 and what surrounds it, as predicates on the summary. */
import { pairedDifferences } from "../../lib/eval/student.ts";
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { DISCRIMINATIVE, GENERATIVE, pairsOfKinds } from "../shared/kinds.ts";
import { decided, shown } from "../shared/verdicts.ts";
import { type ContextName, contexts } from "./contexts.ts";
import {
  type ConditioningRow,
  type ConditioningSummary,
  findRow,
  type Measure,
  measured,
  type Model,
} from "./summary.ts";
import { KNOWN } from "./transfer.ts";

/** Smallest effect size of interest of every claim here, in units of the value. */
const SESOI = 0.01;
const TENTH_OF_A_BUCKET = `${SESOI} of value: a tenth of the 0.1 between two values that a ` +
  "generative critic can emit";

/** "generative d32-L2"; "generative (expected value) d32-L2" where the mean over value tokens is read. */
function named({ critic, readout, size }: Model): string {
  const kind = critic === GENERATIVE ? "generative" : "discriminative";
  return `${kind}${readout === "value" ? "" : " (expected value)"} ${size}`;
}

const BOTH = [GENERATIVE, DISCRIMINATIVE];
const DRIFT: readonly Measure[] = ["mean absolute bias along the drift", "RMSE along the drift"];

/** Whether every one of the measures falls for these critics from one context to another. */
function everyGain(
  critics: readonly string[],
  [from, to]: readonly [ContextName, ContextName],
  measures: readonly Measure[],
) {
  return ({ gains, rows }: ConditioningSummary): Verdict => {
    const own = gains.filter((g) => critics.includes(g.critic) && g.from === from && g.to === to);
    const effects = own.flatMap((model) =>
      measures.map((measure) =>
        [`${named(model)}, ${measure}`, model.gains[measure].scores] as const
      )
    );
    const words = own.map((model) => {
      const error = (context: ContextName, measure: Measure) =>
        measured(findRow(rows, model, context)!, measure).mean.estimate.toFixed(3);
      const parts = measures.map((measure) =>
        `${measure} ${error(from, measure)} to ${error(to, measure)}, gain ${
          shown(model.gains[measure].mean)
        }`
      );
      const { smoothed, current } = findRow(rows, model, to)!.drift;
      if (measures === DRIFT && smoothed && current) {
        const [bias, rmse] = [current.bias, current.rmse].map((x) => x.mean.estimate.toFixed(3));
        parts.push(`told the true rate in place of its moving average, ${bias} and ${rmse}`);
      }
      return `${named(model)}: ${parts.join("; ")}`;
    });
    return decided(
      Object.fromEntries(effects),
      { sesoi: SESOI },
      () => `From ${contexts[from].title} to ${contexts[to].title}. ${words.join(". ")}.`,
      `Needs ${critics.join(" or ")} with contexts ${from} and ${to}.`,
    );
  };
}

/** Whether the generative critic's |bias| falls by the SESOI or more, and the discriminative one's by less. */
function onlyGenerativeGains({ gains }: ConditioningSummary): Verdict {
  const bias: Measure = "mean absolute bias along the drift";
  const told = gains.filter(({ from, to }) => from === "none" && to === "rate");
  const pairs = pairsOfKinds(told, (a, b) => a.size === b.size);
  const effects = pairs.flatMap(({ generative, discriminative }) => [
    [`${named(generative)}, gain - ${SESOI}`, generative.gains[bias].scores.map((g) => g - SESOI)],
    [
      `${named(discriminative)}, ${SESOI} - gain`,
      discriminative.gains[bias].scores.map((g) => SESOI - g),
    ],
  ]);
  const words = pairs.map(({ generative, discriminative }) =>
    [generative, discriminative].map((g) => `${shown(g.gains[bias].mean)} (${named(g)})`)
      .join(" and ")
  );
  return decided(
    Object.fromEntries(effects),
    { sesoi: 0 },
    () => `Mean absolute bias along the drift falls by ${words.join("; by ")}.`,
    "Needs both kinds of critic with and without the success rate.",
  );
}

/** Whether values move the way that a false success rate says. */
function valuesFollow({ rows }: ConditioningSummary): Verdict {
  const shifts = rows.filter((row) => row.context === "rate" && BOTH.includes(row.critic))
    .flatMap((row) =>
      (["higher", "lower"] as const).map((direction) => {
        const { rate, value, believed } = row.response![direction];
        const name = `${named(row)}, told ${Math.abs(rate).toFixed(2)} ${direction}`;
        return {
          name,
          toldSo: value.scores.map((move) => direction === "higher" ? move : -move),
          words: `${name}: value moves by ${shown(value.mean)}, the exact value would by ` +
            believed.toFixed(3),
        };
      })
    );
  return decided(
    Object.fromEntries(shifts.map(({ name, toldSo }) => [name, toldSo])),
    { sesoi: SESOI },
    () => `${shifts.map(({ words }) => words).join("; ")}.`,
    "Needs a critic that is told the success rate.",
  );
}

/** Whether the generative critic errs more on actors of other behaviour than on the known ones at the same rate. */
function worseOnOthers({ rows }: ConditioningSummary): Verdict {
  const own = rows.filter((row) => row.context === "rate" && row.critic === GENERATIVE);
  const others = (row: ConditioningRow) => row.transfer.filter((t) => t.behaviour !== KNOWN);
  const excess = own.flatMap((row) => {
    const known = row.transfer.find(({ behaviour }) => behaviour === KNOWN)!.rmse.scores;
    return others(row).map(({ behaviour, rmse }) =>
      [`${named(row)}, ${behaviour}`, pairedDifferences(rmse.scores, known)] as const
    );
  });
  return decided(
    Object.fromEntries(excess),
    { sesoi: SESOI },
    (numbers) => {
      const floors = others(own[0]!).map(({ behaviour, knownActorRmse }) =>
        `${knownActorRmse.toFixed(3)} (${behaviour})`
      );
      return `RMSE exceeds that on the known actors by ${numbers}. The known actors' exact ` +
        `values would err by ${floors.join(", ")}.`;
    },
    "Needs the generative critic with the success rate.",
  );
}

/** The claims, in the order of the report. */
export const conditioningClaims: readonly Claim<ConditioningSummary>[] = [
  {
    id: "C4",
    statement:
      "In-Context Conditioning keeps a generative critic calibrated to a drifting actor (bias and RMSE fall).",
    family: "confirmatory",
    paper:
      "In-Context Conditioning keeps the critic calibrated to the current actor during training.",
    readAs:
      "Mean |bias| and RMSE of a frozen critic while the actor gets better fall from no context to its success rate, " +
      "told as RL has it: a moving average that is an iteration old. Both measures, emitted and expected value.",
    sesoi: TENTH_OF_A_BUCKET,
    evaluate: everyGain([GENERATIVE], ["none", "rate"], DRIFT),
  },
  {
    id: "C4-discriminative",
    statement:
      "In-Context Conditioning keeps a discriminative critic calibrated to a drifting actor (bias and RMSE fall).",
    family: "exploratory",
    readAs: "As C4, for a scalar head without a chain of thought.",
    sesoi: TENTH_OF_A_BUCKET,
    evaluate: everyGain([DISCRIMINATIVE], ["none", "rate"], DRIFT),
  },
  {
    id: "C4-generative-only",
    statement: "Only a generative critic gains from In-Context Conditioning.",
    family: "exploratory",
    readAs:
      `Mean |bias| along the drift falls by at least ${SESOI} for a generative critic and by less ` +
      "for a discriminative one of the same size.",
    sesoi: `${SESOI} of value, as in C4; it is the threshold here.`,
    evaluate: onlyGenerativeGains,
  },
  {
    id: "C4-between",
    statement:
      "In-Context Conditioning lowers the error on actors of unseen skill between those seen in training.",
    family: "exploratory",
    readAs: "RMSE falls from no context to the success rate, for both kinds of critic.",
    sesoi: TENTH_OF_A_BUCKET,
    evaluate: everyGain(BOTH, ["none", "rate"], ["RMSE on actors between"]),
  },
  {
    id: "C4-beyond",
    statement:
      "In-Context Conditioning lowers the error on actors of unseen skill beyond those seen in training.",
    family: "exploratory",
    readAs: "RMSE falls from no context to the success rate, for both kinds of critic.",
    sesoi: TENTH_OF_A_BUCKET,
    evaluate: everyGain(BOTH, ["none", "rate"], ["RMSE on actors beyond"]),
  },
  {
    id: "C4-token",
    statement:
      "Critics use the success rate: told a false one, their values follow it up and down.",
    family: "exploratory",
    readAs:
      "The mean value rises where the next better actor's rate is told and falls where the next " +
      "worse one's is, for both kinds of critic.",
    sesoi: `${SESOI} of value: about a tenth of what the exact value would move by`,
    evaluate: valuesFollow,
  },
  {
    id: "C4-outcomes",
    statement:
      "The actor's recent outcomes on the problem give a lower error than its success rate, steady and drifting.",
    family: "exploratory",
    readAs:
      "RMSE on seen actors and along the drift falls from success rate to recent outcomes, for both kinds of critic.",
    sesoi: TENTH_OF_A_BUCKET,
    evaluate: everyGain(BOTH, ["rate", "outcomes"], [
      "RMSE on seen actors",
      "RMSE along the drift",
    ]),
  },
  {
    id: "C4-transfer",
    statement:
      "Told the same success rate, a generative critic errs more on an actor that fails elsewhere than on the one it knows.",
    family: "exploratory",
    readAs:
      "RMSE on actors that err only far from the goal, or only near it, minus RMSE on those of training (which err " +
      "everywhere) with the same success rate. The rate alone cannot tell them apart; the paper's prompt also names the actor.",
    sesoi: TENTH_OF_A_BUCKET,
    evaluate: worseOnOthers,
  },
];
