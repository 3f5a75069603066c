import type { Verdict } from "../lib/run/experiment.ts";

/**
 * "0.41 [0.33, 0.49]": the effect of that name in the evidence of the claim with that id, with its 95% interval; `plus` is
 * added where the effect is the distance from a threshold.
 */
export type Effect = (id: string, comparison: string, plus?: number) => string;

/**
 * An experiment's answer to the question that is its title, in one sentence for the front page: what a reader may take
 * home, with its numbers as `effect` has them from the pinned results. Where these give other verdicts than those on which
 * the sentence rests, or have no such effect, `deno task readme` asks for a new one.
 */
export interface Answer {
  readonly sentence: string | ((effect: Effect) => string);
  /** The verdicts on which the sentence rests, by claim id. */
  readonly given: Readonly<Record<string, Verdict["verdict"]>>;
}

/** The answers by experiment. One without an entry is answered by its first confirmatory claim's verdict. */
export const answers: Readonly<Record<string, Answer>> = {
  scaling: {
    sentence: (effect) =>
      "Discriminative ones hardly: tenfold size lowers the RMSE by less than 5% of the mean " +
      `predictor's. A generative one's falls by ${effect("C2-scale", "in distribution")}; with ` +
      `right chains it is ${effect("C2-error", "d64-L2")} lower, from 0/1 outcomes too.`,
    given: {
      "C1": "supported",
      "C2-error": "supported",
      "C2-scale": "supported",
      "C1-outcomes": "supported",
      "C2-error-outcomes": "supported",
    },
  },
  generalization: {
    sentence: (effect) =>
      "To 1.5 times the length a generative critic more than halves the MSE; at twice that is " +
      `open (by ${effect("C3", "2x length")}), at three times it is lost. For actors of another ` +
      "skill its error is lower.",
    given: {
      "C3": "undecided",
      "C3-longer": "contradicted",
      "C3-skill": "supported",
    },
  },
  conditioning: {
    sentence: (effect) =>
      "Yes: along a drift a generative critic's RMSE falls by " +
      `${effect("C4", "generative d32-L2, RMSE along the drift")}; a discriminative one gains, ` +
      "too. If an actor of equal rate fails elsewhere it rises by " +
      `${effect("C4-transfer", "generative d32-L2, errs far from the goal")}.`,
    given: {
      "C4": "supported",
      "C4-discriminative": "supported",
      "C4-generative-only": "contradicted",
      "C4-transfer": "supported",
    },
  },
  ladder: {
    sentence: (effect) =>
      "In part: a discriminative critic learns a local check and an abelian sum, but no " +
      "non-abelian group, solvable or not. A generative one's r2 is " +
      `${effect("L5", "A5, d32-L2")} higher on A5, ${effect("L5", "3-SAT, d32-L2")} on 3-SAT.`,
    given: {
      "L1": "contradicted",
      "L1-learned": "contradicted",
      "L3": "supported",
      "L4": "contradicted",
    },
  },
  controls: {
    sentence: (effect) =>
      "Mostly, all of it: computation, data, labels or another head close less than half of the " +
      "gap, and half of its steps lose it (r2 rises by " +
      `${
        effect("control-length", "d32-L2")
      } from none to all). A GRU taught its labels closes half.`,
    given: {
      "control-compute": "supported",
      "control-labels": "supported",
      "control-data": "supported",
      "control-learning-rate": "supported",
      "control-head": "supported",
      "control-serial-labels": "contradicted",
      "control-dropped": "contradicted",
      "control-length": "supported",
    },
  },
  "critic-training": {
    sentence: (effect) =>
      "The paper's REINFORCE keeps a calibrated critic so, but does not halve a stale one's error " +
      `(beyond half: ${
        effect("T2", "half the error before - after")
      }); leave-one-out is no better.`,
    given: {
      "T1": "supported",
      "T2": "contradicted",
      "T4": "contradicted",
      "T5": "no material difference",
    },
  },
  credit: {
    sentence: (effect) =>
      "At equal episodes, by the credit it assigns: at lambda 0.8 a generative critic gains " +
      `${effect("C5-kit", "GRPO on word evaluation")} of success over GRPO, GenAC itself ` +
      `${effect("C5", "GRPO on word evaluation")}. At equal computation, episodes being nearly ` +
      `free here, ${effect("C5-compute", "word evaluation")}.`,
    given: {
      "C5": "contradicted",
      "C5-kit": "supported",
      "C5-compute": "contradicted",
      "C5-credit": "supported",
    },
  },
  cost: {
    sentence: (effect) =>
      "With a critic's token for each of the actor's " +
      `${effect("C6", "32 tokens, 1 segment: above 1.5", 1.5)} times PPO's computation, with ` +
      `eight segments ${effect("C6-lengths", "32 tokens, 8 segments: above 1.5", 1.5)} times. To ` +
      "32 tokens VinePPO costs less.",
    given: {
      "C6": "supported",
      "C6-lengths": "contradicted",
      "C6-monte-carlo": "contradicted",
    },
  },
  llm: {
    sentence: (effect) =>
      "On SmolLM2 at equal tokens a chain of thought cuts a value head's RMSE by " +
      `${effect("C2-llm", "smollm2-135m, in distribution")}; on 8 addends, after 4 to 6, by ` +
      `${
        effect("C3-llm", "smollm2-135m, 8 addends")
      }; told an unseen actor's success rate, its own by ` +
      `${effect("C4-llm-between", "smollm2-135m, epsilon 0.4")}.`,
    given: { "C2-llm": "supported", "C3-llm": "supported", "C4-llm-between": "supported" },
  },
};
