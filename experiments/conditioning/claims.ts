/** The paper's claim C4 and what surrounds it, as predicates on the summary. */
import type { Interval } from "../../lib/eval/bootstrap.ts";
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { everywhere, shown, side } from "../shared/verdicts.ts";
import type { ContextName } from "./contexts.ts";
import type { Readout } from "./evaluation.ts";
import {
  type ConditioningSummary,
  DISCRIMINATIVE,
  findRow,
  GENERATIVE,
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

/** Gains of critics from one context over another, each with the errors themselves in words. */
function gainsOf(
  { gains, rows }: ConditioningSummary,
  critics: readonly string[],
  [from, to]: readonly [ContextName, ContextName],
  measures: readonly Measure[],
) {
  return gains.filter((g) => critics.includes(g.critic) && g.from === from && g.to === to)
    .flatMap((gain) => {
      const name = named(gain);
      const error = (context: ContextName, measure: Measure) => {
        const row = findRow(rows, gain, context)!;
        return measured(row, measure).iqm.estimate!.toFixed(3);
      };
      return measures.map((measure) => ({
        name: `${name}, ${measure}`,
        gain: gain.gains[measure],
        words: `${error(from, measure)} to ${error(to, measure)}, gain ${
          shown(gain.gains[measure])
        }`,
      }));
    });
}

/** Supported if every gain is above 0, not supported if one is below. */
function everyGain(
  critics: readonly string[],
  pair: readonly [ContextName, ContextName],
  measures: readonly Measure[],
) {
  return (summary: ConditioningSummary): Verdict => {
    const all = gainsOf(summary, critics, pair, measures);
    return everywhere(
      Object.fromEntries(all.map(({ name, gain }) => [name, gain])),
      0,
      () =>
        all.length === 0
          ? `Needs ${critics.join(" and ")} with contexts ${pair.join(" and ")}.`
          : `${all.map(({ name, words }) => `${name}: ${words}`).join("; ")}.`,
    );
  };
}

/** The interval of -x. */
function opposite({ estimate, low, high, ...rest }: Interval): Interval {
  const minus = (x: number | null) => x === null ? null : -x;
  return { ...rest, estimate: minus(estimate), low: minus(high), high: minus(low) };
}

/** The claims, in the order of the report. */
export const conditioningClaims: readonly Claim<ConditioningSummary>[] = [
  {
    id: "C4",
    statement:
      "In-Context Conditioning keeps a generative critic calibrated to a drifting actor (bias and RMSE fall).",
    evaluate: everyGain([GENERATIVE], ["none", "rate"], ["drift bias", "drift RMSE"]),
  },
  {
    id: "C4-discriminative",
    statement:
      "In-Context Conditioning keeps a discriminative critic calibrated to a drifting actor (bias and RMSE fall).",
    evaluate: everyGain([DISCRIMINATIVE], ["none", "rate"], ["drift bias", "drift RMSE"]),
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
          )!.gains["drift bias"];
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
            `|bias| along the drift falls by ${shown(generative)} (${name}) and ` +
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
    evaluate: everyGain(BOTH, ["none", "rate"], ["between"]),
  },
  {
    id: "C4-beyond",
    statement:
      "In-Context Conditioning lowers the error on actors of unseen skill beyond those seen in training.",
    evaluate: everyGain(BOTH, ["none", "rate"], ["beyond"]),
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
              words: `${name}: value moves by ${shown(value.iqm)}, exact values would by ` +
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
    evaluate: everyGain(BOTH, ["rate", "outcomes"], ["seen", "drift RMSE"]),
  },
];
