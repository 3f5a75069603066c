import type * as z from "zod";
import { UsageError } from "../errors.ts";
import { chooseFrom } from "../suggest.ts";
import type { EstimatorName } from "./advantage/registry.ts";
import type { policyObjectiveConfig } from "./objective/policy_objective.ts";

/**
 * An RL algorithm: which advantages, from which values, in which objective. `trainActorStep` runs them all, so that they
 * differ in nothing else. With a critic and how that learns it is a method (methods.ts).
 */
export interface RlAlgorithm {
  /** Name in the table, in configs and in results. */
  readonly name: string;
  /** Name in figures and tables. */
  readonly title: string;
  /** Paper. */
  readonly source: string;
  /** The estimator of lib/rl/advantage, and its options. */
  readonly advantage: {
    readonly estimator: EstimatorName;
    readonly options?: Readonly<Record<string, unknown>>;
  };
  /**
   * Where the values that it needs come from: nowhere; a trained critic; continuations sampled from each state; the
   * exact values; or, of a whole step, whether it kept the best possible outcome within reach ("process").
   */
  readonly values: "none" | "critic" | "continuations" | "exact" | "process";
  /** Before which tokens a critic is asked: all, or the first of each segment (a generative critic is expensive). */
  readonly states: "tokens" | "segments";
  /** On which of them the critic is trained: those, or SP3O's few (lib/critic_learning/value_positions.ts). */
  readonly criticStates?: "asked" | "sparse";
  /** Whether advantages are whitened over the batch (GRPO's are scaled already). */
  readonly whiten: boolean;
  /** Where the objective differs from the run's. */
  readonly objective: z.input<typeof policyObjectiveConfig>;
}

/** What a line of the table says; what is left out is "tokens" and true. */
type Entry =
  & Omit<RlAlgorithm, "name" | "states" | "whiten">
  & Partial<Pick<RlAlgorithm, "states" | "whiten">>;

/*
 * "Departures" are numbered: what the paper has, what the kit has, why. Three are every algorithm's and are not repeated
 * where no more is to be said of them: sizes (small transformers, tens of tokens, AdamW of constant rate without weight
 * decay); a KL loss k3 to the actor before RL of the run's `klCoefficient` (0.01), so that algorithms differ in credit
 * alone; and whitening of the advantages over the batch (GRPO's are scaled already), as PPO's implementations do, so that
 * one search over learning rates is fair to all of them.
 */
const TABLE = {
  /**
   * REINFORCE with the batch's mean return as baseline (Williams 1992).
   *
   * Departures: 1. Williams' baseline is any constant or running mean; here it is the batch's own mean, which needs no
   * state between iterations but shrinks the expected gradient by 1 - 1/n.
   */
  "reinforce": {
    title: "REINFORCE",
    source: "Williams 1992",
    advantage: { estimator: "monte-carlo", options: { baseline: "batch-mean" } },
    values: "none",
    objective: { loss: "reinforce" },
  },
  /**
   * RLOO (Ahmadian et al. 2024, arXiv 2402.14740): a response against the mean of the others to its prompt.
   *
   * Departures:
   * 1. KL: the paper puts it in the reward, so that it passes through the baseline; here it is a loss, as for all
   *    algorithms (`withKlPenalty` does the paper's).
   * 2. Average: the paper sums a response's log-probabilities, one action; here tokens are averaged over the batch. The
   *    direction is the same, shorter by the batch's mean length, of which AdamW takes little notice.
   * 3. Whitening: the paper does not; here advantages are divided by their spread over the batch, to which the learning
   *    rate was searched.
   */
  "rloo": {
    title: "RLOO",
    source: "Ahmadian et al. 2024, arXiv 2402.14740",
    advantage: { estimator: "rloo" },
    values: "none",
    objective: { loss: "reinforce" },
  },
  /**
   * GRPO (Shao et al. 2024, arXiv 2402.03300): a response against its group, in units of the group's standard deviation;
   * every response counts the same, however long.
   *
   * Departures:
   * 1. Standard deviation: the paper does not say which, nor what keeps it from 0; here verl's (K - 1, 1e-6).
   * 2. KL: the paper's k3 loss, but of the run's coefficient, the same for all algorithms.
   * 3. Clip: as PPO's; with one epoch, this kit's default, the ratio is 1 and it never acts.
   */
  "grpo": {
    title: "GRPO",
    source: "Shao et al. 2024, arXiv 2402.03300",
    advantage: { estimator: "grpo" },
    values: "none",
    whiten: false,
    objective: { loss: "ppo-clip", klLoss: "k3", normalization: "seq-mean-token-mean" },
  },
  /**
   * Dr. GRPO (Liu et al. 2025, arXiv 2503.20783): GRPO without the standard deviation and the response's length.
   *
   * Departures:
   * 1. Whitening: the paper leaves the advantages' scale alone; here they are divided by one spread of the whole batch.
   *    No prompt is favoured by it, which was the paper's point, but a batch of little spread is scaled up.
   * 2. KL: the paper leaves it out; here the run's coefficient, 0.01 by default, as for all algorithms.
   * 3. Length: the constant that it divides by is the environment's longest response.
   * 4. Clip: never acts with one epoch (see GRPO).
   */
  "dr-grpo": {
    title: "Dr. GRPO",
    source: "Liu et al. 2025, arXiv 2503.20783",
    advantage: { estimator: "dr-grpo" },
    values: "none",
    objective: { loss: "ppo-clip", klLoss: "k3", normalization: "seq-mean-token-sum-norm" },
  },
  /**
   * PPO (Schulman et al. 2017, arXiv 1707.06347) with GAE (arXiv 1506.02438): a critic, asked before every token.
   *
   * Departures:
   * 1. Epochs: the paper takes several on a batch; here one by default, so that the clip never acts.
   * 2. Critic: the paper's may share the policy's network and is trained from scratch beside it; here it is a transformer
   *    of its own that reads each state as a prompt and is prepared on the actor before RL, as generative ones are.
   * 3. Entropy bonus: none unless the run says so.
   */
  "ppo": {
    title: "PPO",
    source: "Schulman et al. 2017, arXiv 1707.06347",
    advantage: { estimator: "gae", options: { lambda: 0.95 } },
    values: "critic",
    objective: { loss: "ppo-clip" },
  },
  /**
   * VC-PPO (Yuan et al. 2025, arXiv 2503.01491): PPO whose critic is pretrained on the frozen actor and learns from Monte
   * Carlo returns (lambda 1), while the actor's advantages have lambda 0.95.
   *
   * Departures:
   * 1. Pretraining: the paper's is what sets it apart from PPO; here every critic has it (lib/critic_learning/prepare.ts),
   *    so that the critic's lambda is all that differs.
   * 2. Clip, critic: as PPO's.
   */
  "vc-ppo": {
    title: "VC-PPO",
    source: "Yuan et al. 2025, arXiv 2503.01491",
    advantage: { estimator: "vc-ppo" },
    values: "critic",
    objective: { loss: "ppo-clip" },
  },
  /**
   * VAPO (Yue et al. 2025, arXiv 2504.05118): VC-PPO with a lambda that grows with the response, clip-higher, and
   * imitation of what worked.
   *
   * Departures:
   * 1. Alpha: the paper's 0.05 is for thousands of tokens; up to 20 tokens it gives lambda 0. Here alpha is 1, for which
   *    a response of 6 tokens has lambda 5/6.
   * 2. Clip-higher (0.28): never acts with one epoch.
   * 3. Pretraining: as for every critic here (see VC-PPO).
   */
  "vapo": {
    title: "VAPO",
    source: "Yue et al. 2025, arXiv 2504.05118",
    advantage: { estimator: "vapo", options: { alpha: 1 } },
    values: "critic",
    objective: { loss: "ppo-clip", clipHigh: 0.28, positiveNllCoefficient: 0.1 },
  },
  /**
   * SAE (Gong et al. 2026, arXiv 2601.07320): PPO whose lambda is below 1 only where a segment ends.
   *
   * Departures:
   * 1. Lambda at boundaries: 0.95, GAE's usual one, not the paper's.
   * 2. Clip, critic: as PPO's.
   */
  "sae": {
    title: "SAE",
    source: "Gong et al. 2026, arXiv 2601.07320",
    advantage: { estimator: "sae" },
    values: "critic",
    objective: { loss: "ppo-clip" },
  },
  /**
   * SP3O (Li et al. 2026, arXiv 2609.18708): VC-PPO whose critic is trained on three states of each response.
   *
   * Departures:
   * 1. Base: VC-PPO's advantages, so that where the critic is trained is all that differs.
   * 2. Batch: the critic's `batch` states are drawn from those of the three shares of all responses.
   */
  "sp3o": {
    title: "SP3O",
    source: "Li et al. 2026, arXiv 2609.18708",
    advantage: { estimator: "vc-ppo" },
    values: "critic",
    criticStates: "sparse",
    objective: { loss: "ppo-clip" },
  },
  /**
   * GenAC (Shan et al. 2026, arXiv 2604.10701): PPO with a generative critic, asked at the first token of each segment.
   *
   * Two methods run it: `methods.genac` has what is known of the paper, `methods["genac-leave-one-out"]` the kit's recipe.
   *
   * Departures. "Quoted" is the paper as a re-implementer's script quotes it; where nothing is said of the paper, it is not
   * known to say anything.
   * 1. Pretraining of the critic: the paper fine-tunes on chains of thought by a stronger model, value and all, then runs
   *    REINFORCE with the raw reward on a frozen actor's rollouts (`pretrainCriticStep`). Here the chains come without a
   *    value, which is learned by regression on mean outcomes first (lib/critic_learning/prepare.ts).
   * 2. REINFORCE of the critic: the paper's reward is raw and REINFORCE credits the whole response with it; no KL penalty
   *    is quoted. So in `genac`. The kit's recipe has a leave-one-out baseline, which helped re-implementers, credit on the
   *    value token alone, and 0.05 k1 on the chain, to the critic before RL, so that the chain stays one.
   * 3. Responses of the critic to a state: not known; one in `genac`, as without a baseline more are of no use, 4 in the
   *    kit's recipe, which compares them.
   * 4. KL of the actor: 0 quoted, and in `genac`. The kit's recipe has the run's 0.01, a re-implementation's and all other
   *    algorithms'.
   * 5. Clip: symmetric 0.2 quoted, and here; a re-implementation goes up to 0.272. With one epoch, the default and the
   *    paper's, the ratio is 1 and no clip ever acts.
   * 6. In-Context Conditioning: the paper's prompt names the actor, its smoothed success rate, and the tokens used and
   *    left. Here the rate alone: the one actor of a run needs no name, and problem and prefix tell the tokens.
   * 7. Whitening: over the batch, as for all algorithms but GRPO.
   * 8. Segments, lambda: a re-implementation's; boundaries after tokens of probability below 0.2, at most 16 segments,
   *    lambda 1. "After", not SAE's "before", keeps the gradient unbiased (`segmentStarts`).
   * 9. Value: the paper's integer 0..10 is parsed from text; here it is one of eleven tokens.
   */
  "genac": {
    title: "GenAC",
    source: "Shan et al. 2026, arXiv 2604.10701",
    advantage: { estimator: "genac-segments", options: { lambda: 1, boundary: "after" } },
    values: "critic",
    states: "segments",
    objective: { loss: "ppo-clip" },
  },
  /**
   * VinePPO (Kazemnejad et al. 2025, arXiv 2410.01679): values from continuations in the place of a critic.
   *
   * Departures:
   * 1. First state: the paper samples continuations of every response's states; here the responses to a problem share
   *    those of their first state, which is one. None of them is a response itself, so that the gradient stays unbiased.
   * 2. Steps: the paper's are lines of reasoning; here every token is one.
   * 3. Clip: never acts with one epoch.
   */
  "vineppo": {
    title: "VinePPO",
    source: "Kazemnejad et al. 2025, arXiv 2410.01679",
    advantage: { estimator: "vineppo" },
    values: "continuations",
    objective: { loss: "ppo-clip" },
  },
  /**
   * Process reward, a reference that knows the task: a token is credited with what it does to the best outcome still
   * possible, V*(s_(t+1)) - V*(s_t), of an actor without faults (progress as in Setlur et al. 2024, arXiv 2410.08146).
   *
   * Departures:
   * 1. Prover: the paper's is a policy that complements the actor; here it is one that never errs.
   * 2. Outcome: the paper adds progress to the outcome's reward; here it takes its place.
   */
  "process-reward": {
    title: "Process reward",
    source: "Setlur et al. 2024, arXiv 2410.08146",
    advantage: { estimator: "process-reward" },
    values: "process",
    objective: { loss: "ppo-clip" },
  },
  /** Oracle, a reference: PPO with the actor's exact values (lib/actor/exact_values.ts). */
  "oracle": {
    title: "Oracle critic",
    source: "definition of the advantage",
    advantage: { estimator: "oracle" },
    values: "exact",
    objective: { loss: "ppo-clip" },
  },
} as const satisfies Record<string, Entry>;

/** An algorithm's name. */
export type RlAlgorithmName = keyof typeof TABLE;

/** Every algorithm by name, in the order of tables. A new one (checklist: lib/README.md) is one entry above. */
export const rlAlgorithms = Object.fromEntries(
  Object.entries<Entry>(TABLE).map(([name, entry]): [string, RlAlgorithm] => [
    name,
    { name, states: "tokens", whiten: true, ...entry },
  ]),
) as { readonly [Name in keyof typeof TABLE]: RlAlgorithm };

/**
 * The algorithm that a user's string names; where the name is known, `rlAlgorithms[name]` is checked by the compiler.
 *
 * @throws UsageError for an unknown one, with what may have been meant and the choices.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { rlAlgorithm, rlAlgorithms } from "genac";
 *
 * assert.equal(rlAlgorithm("grpo"), rlAlgorithms.grpo);
 * assert.throws(() => rlAlgorithm("gpro"), /did you mean grpo/);
 * ```
 */
export function rlAlgorithm(name: string): RlAlgorithm {
  if (Object.hasOwn(rlAlgorithms, name)) return rlAlgorithms[name as RlAlgorithmName];
  const choices = chooseFrom(name, Object.keys(rlAlgorithms));
  throw new UsageError("algorithm", name, `unknown algorithm; ${choices}`);
}
