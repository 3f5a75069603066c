/** RL of an actor, the same for every algorithm. */
import type { ActorResponse } from "../actor/neural_actor.ts";
import { smoothSuccessRate } from "../critic/success_rate.ts";
import { type CriticStepReport, trainCritic } from "../critic_learning/train_critic.ts";
import { constantAdamW } from "../nn/optimizer.ts";
import { RandomStream } from "../numeric/random.ts";
import { mean } from "../numeric/sums.ts";
import { type ActorRollout, type ActorTraining, criticContext } from "./actor_training.ts";
import type { AdvantageEstimate } from "./advantage/estimator.ts";
import { estimateAdvantages } from "./advantage/registry.ts";
import { whiten } from "./advantage/whiten.ts";
import { gradientVector } from "./gradient_quality.ts";
import {
  type IterationReport,
  iterationReport,
  type PolicyUpdateReport,
} from "./iteration_report.ts";
import {
  policyObjective,
  type PolicyObjectiveConfig,
  policyObjectiveConfig,
} from "./objective/policy_objective.ts";
import { type ValuedRollouts, withValues } from "./values.ts";
import { PARTS, Stopwatch } from "./work.ts";

/**
 * One iteration of RL. It depends on (seed, iteration), the weights and the smoothed success rate alone, so that a run
 * resumes to the same bits.
 *
 * @param run Its models and success rates are updated in place.
 * @param iteration From 0.
 * @throws UsageError for a missing critic, and for options that estimator, objective or critic cannot follow.
 */
export async function trainActorStep<State>(
  run: ActorTraining<State>,
  iteration: number,
): Promise<IterationReport> {
  const clock = new Stopwatch(PARTS);

  // K responses to each of P problems, rewarded by the verifier.
  const collected = await collectRollouts(run, iteration);
  clock.lap("rollout");

  // Before the update: values are those of the policy that sampled.
  const batchRate = mean(collected.map(({ reward }) => reward));
  const successRate = run.successRate ?? batchRate;
  run.initialSuccessRate ??= successRate;
  const valued = await withValues(run, { rollouts: collected, iteration, successRate });
  clock.lap("criticInference");

  const credit = creditTokens(run, valued.rollouts);
  const policy = await updatePolicy(run, valued.rollouts, credit);
  clock.lap("actorTraining");

  const critic = await updateCritic(run, valued, credit.estimates, iteration, successRate);
  clock.lap("criticTraining");

  // What In-Context Conditioning says of the actor from the next iteration on.
  run.successRate = smoothSuccessRate(run.successRate, batchRate, run.config.momentum);
  const { seconds } = clock;
  return iterationReport(run, { valued, advantages: credit.raw, policy, critic, seconds });
}

/** P problems of the training split, K responses to each; all that rollouts need but values. */
async function collectRollouts<State>(
  { actor, reference, config, seed }: ActorTraining<State>,
  iteration: number,
): Promise<ActorRollout<State>[]> {
  const { problems: P, responses: K } = config, { environment } = actor;
  const problems = Array.from({ length: P }, (_, row) =>
    environment.problem(
      new RandomStream({ seed, purpose: "rl/problems", step: iteration, row }),
      { split: "train" },
    ));
  const states = problems.flatMap((state) => new Array<State>(K).fill(state));
  const responses = await actor.sample(states, {
    seed,
    purpose: "rl/responses",
    firstRow: iteration * P * K,
  });
  const logProbabilities = await actor.logProbabilities(responses);
  const referenceLogProbabilities = await reference.logProbabilities(responses);
  return responses.map((response, i) => ({
    ...response,
    group: Math.floor(i / K),
    logProbabilities: logProbabilities[i]!,
    referenceLogProbabilities: referenceLogProbabilities[i]!,
    // The environment says how long a response is: none is cut.
    truncated: false,
  }));
}

/** What an algorithm credits the tokens of rollouts with; one array per rollout. */
interface Credit {
  readonly estimates: readonly AdvantageEstimate[];
  /** The estimator's advantages. */
  readonly raw: readonly number[][];
  /** As the objective takes them: whitened where the algorithm says so. */
  readonly advantages: readonly number[][];
  readonly objective: PolicyObjectiveConfig;
}

function creditTokens<State>(
  { actor, algorithm, config }: ActorTraining<State>,
  rollouts: readonly ActorRollout<State>[],
): Credit {
  const { estimator, options } = algorithm.advantage;
  const estimates = estimateAdvantages(estimator, rollouts, options);
  const raw = estimates.map(({ advantages }) => advantages);
  const objective = policyObjectiveConfig.parse({
    klCoefficient: config.klCoefficient,
    entropyCoefficient: config.entropyCoefficient,
    maxTokens: actor.environment.maxActorLength,
    ...algorithm.objective,
  });
  return { estimates, raw, advantages: algorithm.whiten ? whiten(raw) : raw, objective };
}

/** `epochs` optimizer steps of the actor on the same advantages. */
async function updatePolicy<State>(
  { actor, config }: ActorTraining<State>,
  rollouts: readonly ActorRollout<State>[],
  { advantages, objective }: Credit,
): Promise<PolicyUpdateReport> {
  const optimizer = constantAdamW(config.learningRate, config.iterations * config.epochs);
  let report: PolicyUpdateReport | undefined;
  for (let epoch = 0; epoch < config.epochs; epoch++) {
    const logProbabilities = epoch === 0
      ? rollouts.map((rollout) => rollout.logProbabilities)
      : await actor.logProbabilities(rollouts);
    const step = policyObjective(rollouts, advantages, logProbabilities, objective);
    const sequences = weighted(actor, rollouts, step.weights);
    const { gradientNorm } = await actor.train(sequences, optimizer, step.normalizer);
    const { entropy } = report?.diagnostics ?? step.diagnostics;
    report = { diagnostics: { ...step.diagnostics, entropy }, gradientNorm };
  }
  return report!;
}

/** The critic's step on the outcomes of the same rollouts; undefined where none was asked, and for a frozen one. */
async function updateCritic<State>(
  run: ActorTraining<State>,
  { rollouts, answers }: ValuedRollouts<State>,
  estimates: readonly AdvantageEstimate[],
  iteration: number,
  successRate: number,
): Promise<CriticStepReport | undefined> {
  const { algorithm, config, critic, criticReference: reference, seed } = run;
  if (!critic || !answers) return undefined;
  return await trainCritic({
    critic,
    ...(reference ? { reference } : {}),
    rollouts,
    targets: estimates.map(({ valueTargets }) => valueTargets),
    sparse: algorithm.criticStates === "sparse",
    asked: answers.positions,
    context: criticContext(run, successRate),
    config: config.critic,
    iterations: config.iterations,
    key: { seed, purpose: "rl/critic", step: iteration },
  });
}

/** What iteration `iteration` would credit its rollouts with; no step is taken. */
export async function creditRollouts<State>(
  run: ActorTraining<State>,
  iteration: number,
): Promise<Credit & { rollouts: readonly ActorRollout<State>[] }> {
  const collected = await collectRollouts(run, iteration);
  const successRate = run.successRate ?? mean(collected.map(({ reward }) => reward));
  const { rollouts } = await withValues(run, { rollouts: collected, iteration, successRate });
  return { rollouts, ...creditTokens(run, rollouts) };
}

/** The gradient that iteration `iteration` would descend first, all parameters one after the other; no step is taken. */
export async function policyGradient<State>(
  run: ActorTraining<State>,
  iteration: number,
): Promise<Float32Array> {
  const { actor } = run;
  const { advantages, objective, rollouts } = await creditRollouts(run, iteration);
  const own = rollouts.map(({ logProbabilities }) => logProbabilities);
  const { weights, normalizer } = policyObjective(rollouts, advantages, own, objective);
  const { gradients } = await actor.gradients(weighted(actor, rollouts, weights), normalizer);
  return gradientVector(gradients);
}

/** Training sequences of responses whose tokens have these weights. */
function weighted<State>(
  actor: ActorTraining<State>["actor"],
  responses: readonly ActorResponse<State>[],
  weights: readonly (readonly number[])[],
) {
  return responses.map(({ states, tokens }, i) => actor.sequence(states[0]!, tokens, weights[i]!));
}
