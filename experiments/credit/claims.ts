/** What is claimed of credit assignment in RL, as predicates on the summary. */
import type { Interval } from "../../lib/eval/bootstrap.ts";
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import type { Scores } from "../shared/scores.ts";
import { capital, everywhere, listed, missing, pairedDifference } from "../shared/verdicts.ts";
import type { MethodName } from "./methods.ts";
import type { CreditSummary, MethodRow } from "./summary.ts";

type Score = (row: MethodRow) => Scores | null;

const area: Score = (row) => row.area;

/** One method's score less each of some others', on each task. All start from the same actor, so seeds are pairs. */
function better(
  method: MethodName,
  others: readonly MethodName[],
  score: Score,
  what: string,
  lowerIsBetter = false,
) {
  return (summary: CreditSummary): Verdict => {
    const intervals: Record<string, Interval> = {};
    for (const task of summary.tasks) {
      const of = (name: MethodName) => {
        const row = task.methods.find((m) => m.method === name);
        return row ? { title: row.title, scores: score(row)?.scores } : undefined;
      };
      const own = of(method);
      for (const name of others) {
        const other = of(name);
        if (!own?.scores || !other?.scores) continue;
        const [a, b] = lowerIsBetter ? [other.scores, own.scores] : [own.scores, other.scores];
        intervals[`${other.title} on ${task.task}`] = pairedDifference(a, b, summary.bootstrap);
      }
    }
    if (Object.keys(intervals).length === 0) {
      return missing(`Needs ${method} and one of ${others.join(", ")} on one task.`);
    }
    return everywhere(
      intervals,
      0,
      (parts) => `${capital(parts)}. Gain in ${what}: ${listed(intervals)}.`,
      { above: "better than", neither: "undecided against", below: "worse than" },
    );
  };
}

const BASELINES: MethodName[] = ["ppo", "grpo", "rloo"];
const MEAN = "mean success over training";

/** The claims, in the order of the report. */
export const creditClaims: readonly Claim<CreditSummary>[] = [
  {
    id: "C5-headroom",
    statement: "There is something to gain: an oracle critic beats GRPO.",
    evaluate: better("oracle", ["grpo"], area, MEAN),
  },
  {
    id: "C5",
    statement: "With a privileged teacher, as in the paper, GenAC beats PPO, GRPO and RLOO.",
    evaluate: better("genac", BASELINES, area, MEAN),
  },
  {
    id: "C5-equal",
    statement: "With equal knowledge GenAC beats PPO, GRPO and RLOO.",
    evaluate: better("genac equal", BASELINES, area, MEAN),
  },
  {
    id: "C5-assigned",
    statement:
      "A generative critic taught right chains that assigns credit (lambda 0) beats PPO, GRPO and RLOO.",
    evaluate: better("cot token lambda 0", BASELINES, area, MEAN),
  },
  {
    id: "C5-assigned-equal",
    statement: "With equal knowledge, too, it beats them.",
    evaluate: better("cot token lambda 0 equal", BASELINES, area, MEAN),
  },
  {
    id: "C5-credit",
    statement:
      "A generative critic that assigns credit (lambda 0) beats one that is a baseline only (lambda 1).",
    evaluate: better("cot token lambda 0", ["cot token lambda 1"], area, MEAN),
  },
  {
    id: "C5-credit-equal",
    statement: "With equal knowledge, too, lambda 0 beats lambda 1.",
    evaluate: better("cot token lambda 0 equal", ["cot token lambda 1 equal"], area, MEAN),
  },
  {
    id: "C5-kind",
    statement: "At lambda 0 a generative critic beats a discriminative one.",
    evaluate: better("cot token lambda 0", ["one-shot token lambda 0"], area, MEAN),
  },
  {
    id: "C5-kind-equal",
    statement: "With equal knowledge, too, it beats a discriminative one at lambda 0.",
    evaluate: better("cot token lambda 0 equal", ["one-shot token lambda 0"], area, MEAN),
  },
  {
    id: "C5-segment",
    statement:
      "At lambda 0 values at the starts of segments, as GenAC asks for them, train better than values before every token.",
    evaluate: better("cot segment lambda 0", ["cot token lambda 0"], area, MEAN),
  },
  {
    id: "C5-joint",
    statement:
      "At lambda 0 a generative critic that learns during RL trains better than the same one frozen.",
    evaluate: better("cot token lambda 0 joint", ["cot token lambda 0"], area, MEAN),
  },
  {
    id: "C5-gradient",
    statement:
      "Before training, a generative critic's policy gradients are nearer to the oracle's than GRPO's.",
    evaluate: better(
      "cot token lambda 0",
      ["grpo"],
      (row) => row.gradient.cosine,
      "cosine with the oracle's mean gradient",
    ),
  },
  {
    id: "C4-training",
    statement: "During RL, In-Context Conditioning keeps GenAC's critic less biased.",
    evaluate: better(
      "genac",
      ["genac no ICC"],
      (row) => row.bias,
      "absolute bias at the end",
      true,
    ),
  },
];
