/**
 * One iteration of RL, for every algorithm:
 *
 *     1. rollouts      K responses to each of P problems, rewarded by the verifier
 *     2. values        of the states that the algorithm asks about
 *     3. advantages    lib/rl/advantage
 *     4. actor         `epochs` steps on lib/rl/objective
 *     5. critic        one step on the same rollouts' outcomes, unless it is frozen
 *     6. success rate  smoothed, for In-Context Conditioning of the next iteration's critic
 *
 * Values come before the update: they are those of the policy that sampled. An iteration depends on (seed, iteration),
 * weights, and the smoothed rate alone, so that a run resumes to the same bits.
 */
import * as z from "zod";
import type { ActorResponse, NeuralActor } from "../actor/neural_actor.ts";
import { exactValues, type ValueTree } from "../actor/exact_values.ts";
import { smoothSuccessRate } from "../critic/success_rate.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import type { CriticContext } from "../env/environment.ts";
import { UsageError } from "../errors.ts";
import { mean } from "../numeric/sums.ts";
import { adamW, type OptimizerConfig } from "../nn/optimizer.ts";
import { forwardFlops } from "../nn/flops.ts";
import { RandomStream } from "../numeric/random.ts";
import { estimateAdvantages } from "./advantage/registry.ts";
import { whiten } from "./advantage/whiten.ts";
import type { RlAlgorithm } from "./algorithms.ts";
import { askCritic, askedStates, type CriticAnswers } from "./ask_critic.ts";
import { criticTrainingConfig, trainCritic } from "../critic_learning/train_critic.ts";
import { policyObjective, policyObjectiveConfig } from "./objective/policy_objective.ts";
import { PARTS, type Parts } from "./parts.ts";
import type { Rollout } from "./rollout.ts";
import { Stopwatch } from "./stopwatch.ts";

/** The choices of a run, the same for every algorithm. */
export const actorTrainingConfig = z.strictObject({
  problems: z.int().min(1).default(8).describe("Problems in an iteration (P)."),
  responses: z.int().min(1).default(8).describe("Responses to each problem (K)."),
  iterations: z.int().min(1).default(100).describe("Iterations."),
  epochs: z.int().min(1).default(1).describe("Actor steps on an iteration's rollouts."),
  learningRate: z.number().positive().default(4e-4).describe(
    "The actor's, constant after warm-up.",
  ),
  klCoefficient: z.number().min(0).default(0.01)
    .describe("Weight of the KL loss to the actor before RL."),
  entropyCoefficient: z.number().min(0).default(0).describe("Weight of the entropy bonus."),
  continuations: z.int().min(1).default(8).describe("Continuations from each state (VinePPO's K)."),
  momentum: z.number().min(0).lt(1).default(0.9).describe("Of the smoothed success rate."),
  conditioning: z.enum(["current", "initial", "none"]).default("current").describe(
    "What the critic is told: the smoothed success rate (In-Context Conditioning), that before RL for ever, or nothing.",
  ),
  critic: criticTrainingConfig.prefault({}),
});

/** See above. */
export type ActorTrainingConfig = z.output<typeof actorTrainingConfig>;

/** What an iteration reports; means over the batch. */
export interface IterationReport {
  /** The fraction of responses with reward 1, under the policy before the update. */
  readonly successRate: number;
  /** The fraction of responses that end with an action. */
  readonly parseRate: number;
  /** Nats per token. */
  readonly entropy: number;
  /** Of the last actor step. */
  readonly approxKl: number;
  readonly clipFraction: number;
  /** KL(pi || actor before RL), nats per token. */
  readonly referenceKl: number;
  readonly gradientNorm: number;
  /** Standard deviation of the advantages before whitening. */
  readonly advantageSpread: number;
  /** Null without a critic: its parse rate, and the mean value of states of successes less that of failures. */
  readonly criticParseRate: number | null;
  readonly valueSeparation: number | null;
  /** Standard deviation of the critic's values. */
  readonly valueSpread: number | null;
  /** The critic's loss (regression) or reward (REINFORCE); null where it was not trained. */
  readonly criticLoss: number | null;
  readonly criticReward: number | null;
  /** States that the critic was asked about. */
  readonly questions: number;
  /** Tokens that were generated. */
  readonly tokens: Parts;
  readonly flops: Parts;
  readonly seconds: Parts;
}

/** What a run trains. */
export interface ActorTraining<State> {
  readonly actor: NeuralActor<State>;
  /** The actor before RL, frozen. */
  readonly reference: NeuralActor<State>;
  /** Needed where the algorithm's values are a critic's. */
  readonly critic?: NeuralCritic<State>;
  /** The critic before RL, frozen; needed where REINFORCE holds it by KL. */
  readonly criticReference?: NeuralCritic<State>;
  readonly algorithm: RlAlgorithm;
  readonly config: ActorTrainingConfig;
  readonly seed: number;
  /** What gives the oracle its values; default: `exactValues`. */
  readonly exactValues?: (
    actor: NeuralActor<State>,
    roots: readonly State[],
  ) => Promise<ValueTree[]>;
  /** The smoothed success rate after the iterations so far; before the first, that of the actor before RL if known. */
  successRate?: number;
  /** That before RL; default: the first iteration's. */
  initialSuccessRate?: number;
}

/** A response with what an estimator needs. */
export type ActorRollout<State> = Rollout & ActorResponse<State>;

/** Iteration number `iteration`, from 0. */
export async function trainActorStep<State>(
  run: ActorTraining<State>,
  iteration: number,
): Promise<IterationReport> {
  const { actor, algorithm, config, critic, seed } = run;
  const clock = new Stopwatch(PARTS);

  const collected = await collectRollouts(run, iteration);
  clock.lap("rollout");
  const successRate = mean(collected.map(({ reward }) => reward));
  const rate = run.successRate ?? successRate;
  run.initialSuccessRate ??= rate;

  const { rollouts, answers, sampled } = await withValues(run, collected, iteration, rate);
  clock.lap("criticInference");

  const { estimates, raw, advantages, objective } = credit(run, rollouts);
  const optimizer = constantRate(config.learningRate, config.iterations * config.epochs);
  let diagnostics, gradientNorm = 0;
  for (let epoch = 0; epoch < config.epochs; epoch++) {
    const logProbabilities = epoch === 0
      ? rollouts.map((rollout) => rollout.logProbabilities)
      : await actor.logProbabilities(rollouts);
    const step = policyObjective(rollouts, advantages, logProbabilities, objective);
    ({ gradientNorm } = await actor.train(
      rollouts.map(({ states, tokens }, i) => actor.sequence(states[0]!, tokens, step.weights[i]!)),
      optimizer,
      step.normalizer,
    ));
    diagnostics ??= step.diagnostics;
    diagnostics = { ...step.diagnostics, entropy: diagnostics.entropy };
  }
  clock.lap("actorTraining");

  const trained = critic && await trainCritic({
    critic,
    ...(run.criticReference ? { reference: run.criticReference } : {}),
    rollouts,
    targets: estimates.map(({ valueTargets }) => valueTargets),
    sparse: algorithm.criticStates === "sparse",
    asked: answers!.positions,
    context: criticContext(run, rate),
    config: config.critic,
    iterations: config.iterations,
    key: { seed, purpose: "rl/critic", step: iteration },
  });
  clock.lap("criticTraining");

  run.successRate = smoothSuccessRate(run.successRate, successRate, config.momentum);
  const flat = raw.flat(), centre = mean(flat);
  const { written, read } = actorTokens(actor, rollouts), continued = sampled ?? [];
  const length = actor.environment.maxActorLength;
  return {
    successRate,
    parseRate: mean(rollouts.map(({ final }) => final === null ? 0 : 1)),
    entropy: diagnostics!.entropy,
    approxKl: diagnostics!.approxKl,
    clipFraction: diagnostics!.clipFraction,
    referenceKl: diagnostics!.referenceKl!,
    gradientNorm,
    advantageSpread: Math.sqrt(mean(flat.map((a) => (a - centre) * (a - centre)))),
    criticParseRate: answers?.parseRate ?? null,
    valueSeparation: answers ? separation(rollouts, answers) : null,
    valueSpread: answers?.spread ?? null,
    criticLoss: trained?.loss ?? null,
    criticReward: trained?.reward ?? null,
    questions: answers?.questions ?? 0,
    tokens: {
      rollout: written,
      criticInference: answers?.tokens ?? actorTokens(actor, continued).written,
      criticTraining: trained?.tokens ?? 0,
      actorTraining: 0,
    },
    flops: {
      rollout: actor.generationFlops(rollouts),
      criticInference: answers?.flops ?? actor.generationFlops(continued),
      criticTraining: trained?.flops ?? 0,
      // Two forward passes of log-probabilities: the policy's own and the reference's.
      actorTraining: config.epochs * actor.trainingFlops(rollouts.length) +
        2 * forwardFlops(actor.model.config, read, length),
    },
    seconds: clock.seconds,
  };
}

/** What the critic is told of the actor; `successRate` is the smoothed one. */
export function criticContext<State>(
  { config, initialSuccessRate }: ActorTraining<State>,
  successRate: number,
): Pick<CriticContext, "successRate"> {
  switch (config.conditioning) {
    case "current":
      return { successRate };
    case "initial":
      return { successRate: initialSuccessRate ?? successRate };
    case "none":
      return {};
  }
}

/** Tokens that the actor wrote, and with their prompts read. */
function actorTokens<State>(
  { environment }: NeuralActor<State>,
  responses: readonly Pick<ActorResponse<State>, "states" | "tokens">[],
): { written: number; read: number } {
  let written = 0, read = 0;
  for (const { states, tokens } of responses) {
    written += tokens.length;
    read += environment.actorPrompt(states[0]!).length + tokens.length;
  }
  return { written, read };
}

/** The estimator's advantages, as they are and as the objective takes them. */
function credit<State>(
  { actor, algorithm, config }: ActorTraining<State>,
  rollouts: readonly ActorRollout<State>[],
) {
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

/** What iteration `iteration` would credit its rollouts with; no step is taken. */
export async function creditRollouts<State>(run: ActorTraining<State>, iteration: number) {
  const collected = await collectRollouts(run, iteration);
  const rate = run.successRate ?? mean(collected.map(({ reward }) => reward));
  const { rollouts } = await withValues(run, collected, iteration, rate);
  return { rollouts, ...credit(run, rollouts) };
}

/** The gradient that iteration `iteration` would descend first, all parameters one after the other; no step is taken. */
export async function policyGradient<State>(
  run: ActorTraining<State>,
  iteration: number,
): Promise<Float64Array> {
  const { actor } = run;
  const { advantages, objective, rollouts } = await creditRollouts(run, iteration);
  const own = rollouts.map(({ logProbabilities }) => logProbabilities);
  const { weights, normalizer } = policyObjective(rollouts, advantages, own, objective);
  const { gradients } = await actor.gradients(
    rollouts.map(({ states, tokens }, i) => actor.sequence(states[0]!, tokens, weights[i]!)),
    normalizer,
  );
  return Float64Array.from(Object.values(gradients).flatMap((g) => [...g]));
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

/** The rollouts with what the algorithm's estimator asks for. */
async function withValues<State>(
  run: ActorTraining<State>,
  rollouts: readonly ActorRollout<State>[],
  iteration: number,
  successRate: number,
): Promise<{
  rollouts: readonly ActorRollout<State>[];
  answers?: CriticAnswers;
  /** Continuations. */
  sampled?: readonly ActorResponse<State>[];
}> {
  const { actor, algorithm, config, critic, exactValues: valuesOf = exactValues, seed } = run;
  const { environment } = actor;
  switch (algorithm.values) {
    case "none":
      return { rollouts };
    case "critic": {
      if (!critic) {
        throw new UsageError("critic", undefined, `${algorithm.name} needs one: give it`);
      }
      const answers = await askCritic(critic, rollouts, {
        positions: askedStates(rollouts, algorithm),
        context: criticContext(run, successRate),
        fallback: successRate,
        read: config.critic.read,
        fill: algorithm.states === "tokens",
      });
      return { rollouts: rollouts.map((r, i) => ({ ...r, values: answers.values[i]! })), answers };
    }
    case "exact": {
      const K = config.responses;
      const trees = await valuesOf(
        actor,
        rollouts.filter((_, i) => i % K === 0).map(({ states }) => states[0]!),
      );
      return {
        rollouts: rollouts.map((r, i) => {
          const actions = r.tokens.map((token) => environment.actionTokens.indexOf(token));
          const tree = trees[Math.floor(i / K)]!;
          return { ...r, exactValues: r.tokens.map((_, t) => tree.value(actions.slice(0, t))) };
        }),
      };
    }
    case "continuations": {
      const M = config.continuations;
      // The first state of a response has the K responses of its group as continuations.
      const later = rollouts.flatMap(({ states }, i) =>
        states.slice(1).map((state, t) => ({ state, i, t: t + 1 }))
      );
      const sampled = await actor.sample(
        later.flatMap(({ state }) => new Array<State>(M).fill(state)),
        {
          seed,
          purpose: "rl/continuations",
          firstRow: iteration * rollouts.length * environment.maxActorLength * M,
        },
      );
      const continuations = rollouts.map(({ group, tokens }): number[][] => [
        rollouts.filter((r) => r.group === group).map(({ reward }) => reward),
        ...new Array<number[]>(tokens.length - 1),
      ]);
      later.forEach(({ i, t }, k) => {
        continuations[i]![t] = sampled.slice(k * M, (k + 1) * M).map(({ reward }) => reward);
      });
      return {
        rollouts: rollouts.map((r, i) => ({ ...r, continuations: continuations[i]! })),
        sampled,
      };
    }
    case "process": {
      const best = (state: State) => environment.exactValue(state, { epsilon: 0 });
      return {
        rollouts: rollouts.map((r) => {
          const after = [...r.states.slice(1), r.final];
          return {
            ...r,
            processRewards: r.states.map((state, t) => {
              const next = after[t];
              return (next === null || next === undefined ? 0 : best(next)) - best(state);
            }),
          };
        }),
      };
    }
  }
}

/** Mean value of the states of successful responses less that of the failed ones; null where either is missing. */
function separation<State>(
  rollouts: readonly ActorRollout<State>[],
  { values }: CriticAnswers,
): number | null {
  const of = (reward: number) =>
    rollouts.flatMap((r, i) => r.reward === reward ? values[i]!.filter((v) => v !== null) : []);
  const [failed, solved] = [of(0), of(1)];
  return failed.length === 0 || solved.length === 0 ? null : mean(solved) - mean(failed);
}

/** AdamW whose rate stays after warm-up. */
export function constantRate(learningRate: number, steps: number): OptimizerConfig {
  return { ...adamW(learningRate, steps), finalFraction: 1, weightDecay: 0 };
}
