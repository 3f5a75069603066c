import type { ActorResponse, NeuralActor } from "../actor/neural_actor.ts";
import type { CriticStepReport } from "../critic_learning/train_critic.ts";
import { forwardFlops } from "../nn/flops.ts";
import { mean } from "../numeric/sums.ts";
import type { ActorRollout, ActorTraining } from "./actor_training.ts";
import type { CriticAnswers } from "./ask_critic.ts";
import type { PolicyDiagnostics } from "./objective/policy_objective.ts";
import type { ValuedRollouts } from "./values.ts";
import type { Parts } from "./work.ts";

/** What an iteration reports; means over the batch. */
export interface IterationReport {
  /** Responses in the batch. */
  readonly episodes: number;
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

/** What an iteration reports of learning; without its work. */
export type IterationDiagnostics = Omit<IterationReport, "tokens" | "flops" | "seconds">;

/** What the policy's steps report: diagnostics of the last, but the entropy of the first. */
export interface PolicyUpdateReport {
  readonly diagnostics: PolicyDiagnostics;
  /** L2 norm before clipping, of the last step. */
  readonly gradientNorm: number;
}

/** What an iteration did, part by part. */
export interface IterationParts<State> {
  readonly valued: ValuedRollouts<State>;
  /** Before whitening; arrays of T. */
  readonly advantages: readonly (readonly number[])[];
  readonly policy: PolicyUpdateReport;
  /** Of the critic's step; undefined where there was none. */
  readonly critic: CriticStepReport | undefined;
  readonly seconds: Parts;
}

/** The report of an iteration of `run`. */
export function iterationReport<State>(
  { actor, config }: ActorTraining<State>,
  { valued, advantages, policy, critic, seconds }: IterationParts<State>,
): IterationReport {
  const { rollouts, answers } = valued, { diagnostics, gradientNorm } = policy;
  const flat = advantages.flat(), centre = mean(flat);
  const { written, read } = actorTokens(actor, rollouts);
  const length = actor.environment.maxActorLength;
  return {
    episodes: rollouts.length,
    successRate: mean(rollouts.map(({ reward }) => reward)),
    parseRate: mean(rollouts.map(({ final }) => final === null ? 0 : 1)),
    entropy: diagnostics.entropy,
    approxKl: diagnostics.approxKl,
    clipFraction: diagnostics.clipFraction,
    referenceKl: diagnostics.referenceKl!,
    gradientNorm,
    advantageSpread: Math.sqrt(mean(flat.map((a) => (a - centre) * (a - centre)))),
    criticParseRate: answers?.parseRate ?? null,
    valueSeparation: answers ? separation(rollouts, answers) : null,
    valueSpread: answers?.spread ?? null,
    criticLoss: critic?.loss ?? null,
    criticReward: critic?.reward ?? null,
    questions: answers?.questions ?? 0,
    tokens: {
      rollout: written,
      criticInference: valued.tokens,
      criticTraining: critic?.tokens ?? 0,
      actorTraining: 0,
    },
    flops: {
      rollout: actor.generationFlops(rollouts),
      criticInference: valued.flops,
      criticTraining: critic?.flops ?? 0,
      // Two forward passes of log-probabilities: the policy's own and the reference's.
      actorTraining: config.epochs * actor.trainingFlops(rollouts.length) +
        2 * forwardFlops(actor.model.config, read, length),
    },
    seconds,
  };
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
