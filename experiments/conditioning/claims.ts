/** The paper's claim C4 and what surrounds it, as predicates on the summary. */
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import type { Readout } from "../shared/test_report.ts";
import { everywhere, opposite, shown, side } from "../shared/verdicts.ts";
import { type ContextName, contexts } from "./contexts.ts";
import {
  type ConditioningSummary,
  findRow,
  type Measure,
  measured,
  type Model,
} from "./summary.ts";

/** "generative d32-L2"; "generative (expected value) d32-L2" where the mean over value tokens is read. */
function named({ critic, readout, size }: Model): string {
  const kind = critic === GENERATIVE ? "generative" : "discriminative";
  return `${kind}${readout === "value" ? "" : " (expected value)"} ${size}`;
}

const BOTH = [GENERATIVE, DISCRIMINATIVE];
const DRIFT: readonly Measure[] = ["mean absolute bias along the drift", "RMSE along the drift"];

/** Supported if critics gain in every one of the measures from one context over another, not supported if one loses. */
function everyGain(
  critics: readonly string[],
  [from, to]: readonly [ContextName, ContextName],
  measures: readonly Measure[],
) {
  return ({ gains, rows }: ConditioningSummary): Verdict => {
    const own = gains.filter((g) => critics.includes(g.critic) && g.from === from && g.to === to);
    const intervals = own.flatMap((model) =>
      measures.map((measure) => [`${named(model)}, ${measure}`, model.gains[measure]] as const)
    );
    const words = own.map((model) => {
      const error = (context: ContextName, measure: Measure) =>
        measured(findRow(rows, model, context)!, measure).iqm.estimate!.toFixed(3);
      const parts = measures.map((measure) =>
        `${measure} ${error(from, measure)} to ${error(to, measure)}, gain ${
          shown(model.gains[measure])
        }`
      );
      const { smoothed, current } = findRow(rows, model, to)!.drift;
      if (measures === DRIFT && smoothed && current) {
        const [bias, rmse] = [current.bias, current.rmse].map((x) => x.iqm.estimate!.toFixed(3));
        parts.push(`told the true rate in place of its moving average, ${bias} and ${rmse}`);
      }
      return `${named(model)}: ${parts.join("; ")}`;
    });
    return everywhere(
      Object.fromEntries(intervals),
      0,
      () =>
        own.length === 0
          ? `Needs ${critics.join(" and ")} with contexts ${from} and ${to}.`
          : `From ${contexts[from].title} to ${contexts[to].title}. ${words.join(". ")}.`,
    );
  };
}

/** The claims, in the order of the report. */
export const conditioningClaims: readonly Claim<ConditioningSummary>[] = [
  {
    id: "C4",
    statement:
      "In-Context Conditioning keeps a generative critic calibrated to a drifting actor (bias and RMSE fall).",
    evaluate: everyGain([GENERATIVE], ["none", "rate"], DRIFT),
  },
  {
    id: "C4-discriminative",
    statement:
      "In-Context Conditioning keeps a discriminative critic calibrated to a drifting actor (bias and RMSE fall).",
    evaluate: everyGain([DISCRIMINATIVE], ["none", "rate"], DRIFT),
  },
  {
    id: "C4-generative-only",
    statement: "Only a generative critic gains from In-Context Conditioning.",
    evaluate: (summary) => {
      const parts = summary.contrasts.map(({ size, readout, gain: difference }) => {
        const of = (critic: string, readout: Readout) =>
          summary.gains.find((g) =>
            g.critic === critic && g.readout === readout && g.size === size && g.from === "none" &&
            g.to === "rate"
          )!.gains["mean absolute bias along the drift"];
        return {
          name: named({ critic: GENERATIVE, readout, size }),
          generative: of(GENERATIVE, readout),
          discriminative: of(DISCRIMINATIVE, "value"),
          difference,
        };
      });
      const decided = parts.map(({ generative, discriminative, difference }) =>
        side(discriminative) === 1 || side(generative) === -1
          ? -1
          : side(generative) === 1 && side(difference) === 1
          ? 1
          : 0
      );
      return {
        verdict: decided.includes(-1)
          ? "not supported"
          : decided.length === 0 || decided.includes(0)
          ? "inconclusive"
          : "supported",
        reading:
          parts.map(({ name, generative, discriminative, difference }) =>
            `Mean absolute bias along the drift falls by ${shown(generative)} (${name}) and ` +
            `${shown(discriminative)} (discriminative), difference ${shown(difference)}.`
          ).join(" ") || "Needs both kinds of critic with and without the success rate.",
        evidence: Object.fromEntries(
          parts.flatMap(({ name, ...intervals }) =>
            Object.entries(intervals).map(([which, x]) => [`${name}, ${which}`, { ...x }])
          ),
        ),
      };
    },
  },
  {
    id: "C4-between",
    statement:
      "In-Context Conditioning lowers the error on actors of unseen skill between those seen in training.",
    evaluate: everyGain(BOTH, ["none", "rate"], ["RMSE on actors between"]),
  },
  {
    id: "C4-beyond",
    statement:
      "In-Context Conditioning lowers the error on actors of unseen skill beyond those seen in training.",
    evaluate: everyGain(BOTH, ["none", "rate"], ["RMSE on actors beyond"]),
  },
  {
    id: "C4-token",
    statement:
      "Critics use the success rate: told a false one, their values follow it up and down.",
    evaluate: ({ rows }) => {
      const shifts = rows.filter((row) => row.context === "rate" && BOTH.includes(row.critic))
        .flatMap((row) =>
          (["higher", "lower"] as const).map((direction) => {
            const { rate, value, believed } = row.response![direction];
            const name = `${named(row)}, told ${Math.abs(rate).toFixed(2)} ${direction}`;
            return {
              name,
              toldSo: direction === "higher" ? value.iqm : opposite(value.iqm),
              words: `${name}: value moves by ${shown(value.iqm)}, the exact value would by ` +
                believed.toFixed(3),
            };
          })
        );
      return everywhere(
        Object.fromEntries(shifts.map(({ name, toldSo }) => [name, toldSo])),
        0,
        () => `${shifts.map(({ words }) => words).join("; ")}.`,
      );
    },
  },
  {
    id: "C4-outcomes",
    statement:
      "The actor's recent outcomes on the problem give a lower error than its success rate, steady and drifting.",
    evaluate: everyGain(BOTH, ["rate", "outcomes"], [
      "RMSE on seen actors",
      "RMSE along the drift",
    ]),
  },
];
