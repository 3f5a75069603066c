import type { Verdict } from "../lib/run/experiment.ts";

/**
 * An experiment's answer to the question that is its title, in one sentence for the front page. Where pinned results give
 * other verdicts than those on which the sentence rests, `deno task readme` asks for a new one.
 */
export interface Answer {
  readonly sentence: string;
  /** The verdicts on which the sentence rests, by claim id. */
  readonly given: Readonly<Record<string, Verdict["verdict"]>>;
}

/** The answers by experiment. One without an entry is answered by its first claim's verdict. */
export const answers: Readonly<Record<string, Answer>> = {
  scaling: {
    sentence:
      "Yes: the error of both kinds falls with size. A generative critic ranks states better " +
      "at every size, but its error is not the lower one at every size.",
    given: {
      "C1": "not supported",
      "C2-error": "not supported",
      "C2-ranking": "supported",
      "C2-scale": "supported",
    },
  },
  generalization: {
    sentence:
      "Generative ones do better for actors of another skill, and gain on longer problems as " +
      "they grow; whether that halves the error there is open.",
    given: {
      "C3": "inconclusive",
      "C3-scale": "supported",
      "C3-skill": "supported",
    },
  },
  conditioning: {
    sentence:
      "Yes: bias and error fall, also for actors of unseen skill, and not only for generative " +
      "critics.",
    given: {
      "C4": "supported",
      "C4-discriminative": "supported",
      "C4-generative-only": "not supported",
      "C4-between": "supported",
      "C4-beyond": "supported",
    },
  },
  ladder: {
    sentence:
      "In part: a generative critic is better on every rung and good up to NC1, not on 3-SAT; " +
      "a discriminative one's r2 does not fall from class to class.",
    given: {
      "L1": "not supported",
      "L2": "supported",
      "L3": "supported",
      "L5": "supported",
    },
  },
  controls: {
    sentence:
      "Mostly: without the words, computation, labels, data, tuning or another head close " +
      "less than half of the gap. A serial network that is taught the chain's labels can close more, and leaving out " +
      "half of the chain's steps can lose the gain.",
    given: {
      "control-compute": "supported",
      "control-labels": "supported",
      "control-data": "supported",
      "control-learning-rate": "supported",
      "control-head": "supported",
      "control-serial-labels": "not supported",
      "control-dropped": "not supported",
    },
  },
  "critic-training": {
    sentence:
      "None reliably: neither the paper's REINFORCE nor leave-one-out with a KL penalty on the " +
      "chain keeps a calibrated critic calibrated at every learning rate tried, or halves a stale one's error at any; " +
      "and the reward does not tell.",
    given: {
      "T1": "not supported",
      "T2": "not supported",
      "T3": "not supported",
      "T4": "not supported",
      "T7": "not supported",
    },
  },
  credit: {
    sentence:
      "An exact one does. Whether GenAC's beats PPO, GRPO and RLOO is open with a privileged " +
      "teacher; with equal knowledge it does not beat all of them.",
    given: {
      "C5-headroom": "supported",
      "C5": "inconclusive",
      "C5-equal": "not supported",
    },
  },
  cost: {
    sentence:
      "Within 1.5 to 3 times PPO's computation in some settings, not in all, and nowhere less " +
      "than values from continuations (VinePPO).",
    given: {
      "C6": "inconclusive",
      "C6-monte-carlo": "not supported",
    },
  },
};
