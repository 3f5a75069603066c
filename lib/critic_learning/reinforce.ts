/**
 * REINFORCE for a generative critic (Williams 1992; GenAC, arXiv 2604.10701, section 5.2 and Algorithm 1).
 *
 * For each of B states the critic writes K responses y_i at temperature 1, the actor rolls out, and one step follows the
 * gradient of the expected return,
 *
 *     1/N sum_i sum_t A_it grad log pi(y_it | prompt_i, y_i,<t),     A_it = c_it A_i - beta (G_it - b_it)
 *
 * - A_i: reward R_v (reward.ts) less a baseline (baselines.ts); c_it: which tokens are credited with it.
 * - G_it = sum_{u >= t} k_iu, k_iu = log pi(y_iu) - log ref(y_iu): the estimator k1 (lib/rl/objective/kl.ts) of the KL
 *   divergence to the reference (the critic after SFT), put into the return of each token and those before it. This is the
 *   penalty of Ziegler et al. 2019 as in TRL's PPOTrainer (`kl_estimator="k1"`) with gamma = lambda = 1; its gradient is
 *   that of the KL divergence. b_it is the baseline among G_jt. The penalty is on all tokens, whatever c_it; with `klTokens`
 *   "trace" the value token has no k1: the chain of thought is held, and its value is free to change.
 * - N: `normalization` (lib/nn/loss_normalization.ts).
 */
import * as z from "zod";
import type { Question } from "../critic/critic.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import { type CriticResponse, responseSequence } from "../critic/responses.ts";
import { valueTarget } from "../critic/value_target.ts";
import { UsageError } from "../errors.ts";
import { mean, sum } from "../numeric/sums.ts";
import type { Sequence } from "../nn/batch.ts";
import type { Model } from "../nn/model.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import { checkFinite } from "../numeric/finite.ts";
import { advantages, BASELINES } from "./baselines.ts";
import { criticReward } from "./reward.ts";
import { normalize } from "../nn/loss_normalization.ts";
import { responseLogProbabilities } from "./log_probabilities.ts";
import { type RolloutData, sampleOutcomes } from "./samples.ts";

/** The choices of the algorithm. Defaults: the recipe that did best in experiments/critic-training. */
export const reinforceConfig = z.strictObject({
  prompts: z.int().min(1).default(32).describe("States in a step (B)."),
  responses: z.int().min(1).default(8).describe("Responses to each state (K)."),
  outcomes: z.enum(["own", "shared", "pooled"]).default("own").describe(
    "Rewarded by: a rollout of the response's own, one for all K, or the mean reward over K rollouts.",
  ),
  baseline: z.enum(BASELINES).default("leave-one-out-by-outcome")
    .describe("What rewards are compared with."),
  klCoefficient: z.number().min(0).default(0.05).describe(
    "Weight of the KL penalty (beta); above 0 it needs a reference critic.",
  ),
  klTokens: z.enum(["all", "trace"]).default("trace").describe(
    "Tokens held to the reference: all of the response, or all but its last, where the value stands.",
  ),
  credit: z.enum(["all", "value"]).default("value").describe(
    "Tokens credited with the reward: all of the response, or its last, where the value stands.",
  ),
  normalization: z.enum(["token-mean", "seq-mean-token-mean", "seq-mean-token-sum"])
    .default("token-mean").describe("How tokens are averaged, named as in verl."),
});

/** The choices of `reinforceStep`. */
export type ReinforceConfig = z.output<typeof reinforceConfig>;

/** What a step reports; means over its responses. */
export interface ReinforceReport {
  /** Mean R_v, without the KL penalty. */
  readonly reward: number;
  /** Share of responses that could be parsed. */
  readonly parseRate: number;
  /** Mean log pi(y) - log ref(y) in nats per response; null without a reference. */
  readonly kl: number | null;
  /** Mean |A_i|. */
  readonly absoluteAdvantage: number;
  /** Mean number of tokens. */
  readonly responseLength: number;
  /** L2 norm before clipping. */
  readonly gradientNorm: number;
}

/** The responses to one state. */
export interface ResponseGroup {
  readonly responses: readonly CriticResponse[];
  /** One per response: 0 or 1, or a mean of outcomes. */
  readonly outcomes: readonly number[];
  /** k1 of every token of every response; needed for a KL penalty. */
  readonly kl?: readonly (readonly number[])[];
}

/**
 * One optimizer step on fresh states. States, outcomes and responses depend on `data`, the model's step and its weights
 * alone.
 *
 * @param reference The frozen critic after SFT; needed where `klCoefficient` > 0, else for the report alone.
 * @throws UsageError as `reinforceOutcomes`.
 */
export async function reinforceStep<State, Actor>(
  critic: NeuralCritic<State>,
  data: RolloutData<Actor>,
  config: ReinforceConfig,
  optimizer: OptimizerConfig,
  reference?: NeuralCritic<State>,
): Promise<ReinforceReport> {
  const { step } = critic.model, { prompts, responses: count } = config;
  const shared = config.outcomes === "shared", rollouts = shared ? 1 : count;
  const states = sampleOutcomes(critic.environment, data, step, { prompts, rollouts })
    .map(({ outcomes, ...state }) => ({
      ...state,
      outcomes: shared ? new Array<number>(count).fill(outcomes[0]!) : outcomes,
    }));
  const key = { seed: data.seed, purpose: data.purpose, step };
  return (await reinforceOutcomes(critic, states, key, config, optimizer, reference)).report;
}

/**
 * One optimizer step on states whose outcomes are known, K for K responses.
 *
 * @param key Of the responses' random numbers.
 * @param reference As in `reinforceStep`.
 * @throws UsageError for a critic that writes no chain of thought or whose value is read off a head, for choices that do not
 *   go together, and for a KL penalty without a reference.
 */
export async function reinforceOutcomes<State>(
  critic: NeuralCritic<State>,
  states: readonly (Question<State> & Pick<ResponseGroup, "outcomes">)[],
  { seed, purpose, step }: { seed: number; purpose: string; step: number },
  config: ReinforceConfig,
  optimizer: OptimizerConfig,
  reference?: NeuralCritic<State>,
): Promise<{ report: ReinforceReport; responses: CriticResponse[][] }> {
  const { definition, model } = critic;
  if (definition.valueHead) {
    const remedy =
      "REINFORCE trains the value token, and this critic's value is a head's: use regression";
    throw new UsageError("critic", definition.name, remedy);
  }
  checkConfig(config, reference !== undefined);
  const responses = await critic.respond(
    states,
    { seed, purpose: `${purpose}/responses`, firstRow: step * states.length },
    { count: config.responses },
  );
  const kl = reference && await klTerms(model, reference.model, responses);
  const groups = states.map(({ outcomes }, b): ResponseGroup => ({
    outcomes,
    responses: responses[b]!,
    ...(kl ? { kl: kl[b]! } : {}),
  }));
  const { sequences, normalizer, ...report } = reinforceBatch(groups, config);
  const { gradientNorm } = await critic.train(sequences, optimizer, normalizer);
  return { report: { ...report, gradientNorm }, responses };
}

/**
 * The batch whose cross-entropy, divided by the normalizer, has minus the gradient at the head of this file.
 *
 * @throws UsageError for an outcome outside 0..1, and for a k1 that is not finite.
 */
export function reinforceBatch(
  groups: readonly ResponseGroup[],
  config: ReinforceConfig,
): { sequences: Sequence[]; normalizer: number } & Omit<ReinforceReport, "gradientNorm"> {
  const { baseline, klCoefficient: beta, klTokens, credit, normalization } = config;
  const rewards: number[][] = [], absolute: number[][] = [];
  const terms = groups.flatMap((group, b) => {
    const { outcomes, responses, kl } = group;
    outcomes.forEach((outcome, i) => valueTarget(outcome, `groups[${b}].outcomes[${i}]`));
    kl?.forEach((row, i) => row.forEach((x, t) => checkFinite(`groups[${b}].kl[${i}][${t}]`, x)));
    const reward = groupRewards(group, config);
    const advantage = advantages(baseline, reward, outcomes);
    rewards.push(reward);
    absolute.push(advantage.map(Math.abs));
    // (K, tokens): sums of k1 from token t on; a response that has ended has nothing to come.
    const toGo = kl?.map((terms) => {
      const held = klTokens === "all" ? terms : terms.slice(0, -1);
      return terms.map((_, t) => sum(held.slice(t)));
    });
    const penalty = (i: number, t: number) =>
      beta === 0 ? 0 : advantages(baseline, toGo!.map((g) => g[t] ?? 0), outcomes)[i]!;
    return responses.map(({ tokens }, i) =>
      tokens.map((_, t) => {
        const credited = credit === "all" || t === tokens.length - 1;
        return (credited ? advantage[i]! : 0) - beta * penalty(i, t);
      })
    );
  });
  const { weights, normalizer } = normalize(terms, normalization);
  const responses = groups.flatMap((group) => group.responses);
  const lengths = responses.map(({ tokens }) => tokens.length);
  const kl = groups.flatMap((group) => group.kl ?? []);
  return {
    sequences: responses.map((response, i): Sequence => {
      const before = new Array<number>(response.prompt.tokens.length - 1).fill(0);
      return {
        ...responseSequence(response),
        targets: [...before, ...response.tokens],
        weights: [...before, ...weights[i]!],
      };
    }),
    normalizer,
    reward: mean(rewards.flat()),
    parseRate: mean(responses.map(({ value }) => value === null ? 0 : 1)),
    kl: kl.length > 0 ? mean(kl.map(sum)) : null,
    absoluteAdvantage: mean(absolute.flat()),
    responseLength: mean(lengths),
  };
}

/** k1 of every token: log pi - log ref, for each response of each group. */
export async function klTerms(
  model: Model,
  reference: Model,
  groups: readonly (readonly CriticResponse[])[],
): Promise<number[][][]> {
  const all = groups.flat();
  const own = await responseLogProbabilities(model, all);
  const other = await responseLogProbabilities(reference, all);
  const terms = own.map((row, i) => row.map((x, t) => x - other[i]![t]!));
  let first = 0;
  return groups.map(({ length }) => terms.slice(first, first += length));
}

/** R_v of each response, by its own outcome or, pooled, averaged over all of the state's. */
function groupRewards({ responses, outcomes }: ResponseGroup, config: ReinforceConfig): number[] {
  return responses.map(({ value }, i) =>
    config.outcomes === "pooled"
      ? mean(outcomes.map((outcome) => criticReward(outcome, value)))
      : criticReward(outcomes[i]!, value)
  );
}

function checkConfig(config: ReinforceConfig, hasReference: boolean): void {
  const { baseline, klCoefficient, outcomes, responses } = config;
  if (baseline !== "raw" && responses < 2) {
    throw new UsageError("responses", responses, `the baseline ${baseline} needs 2 or more`);
  }
  if (outcomes === "pooled" && baseline === "leave-one-out-by-outcome") {
    throw new UsageError(
      "outcomes",
      outcomes,
      `${baseline} needs an outcome for each response: own`,
    );
  }
  if (klCoefficient > 0 && !hasReference) {
    throw new UsageError("klCoefficient", klCoefficient, "give the reference critic, or 0");
  }
}
