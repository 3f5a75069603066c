import type { NeuralActor } from "../../lib/actor/neural_actor.ts";
import type { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { criticLearningConfig } from "../../lib/critic_learning/train_critic.ts";
import type { ActorTraining, ActorTrainingConfig } from "../../lib/rl/actor_training.ts";
import { type GradientQuality, gradientQuality } from "../../lib/rl/gradient_quality.ts";
import { creditRollouts, policyGradient } from "../../lib/rl/train_actor.ts";
import { minimum } from "../../lib/numeric/extrema.ts";
import { exp } from "../../lib/numeric/math.ts";
import { type CriticKind, type MethodName, methodOf, trainingOf } from "./methods.ts";

/** A response of the frozen actor with what each method credits its tokens with, in units of reward. */
export interface Example {
  /** The problem and what was right, for a human reader. */
  readonly problem: string;
  readonly tokens: readonly string[];
  /** What each token sets, e.g. "g3". */
  readonly subjects: readonly string[];
  readonly reward: 0 | 1;
  readonly probabilities: readonly number[];
  /** The oracle's among them: A_t = Q - V. */
  readonly advantages: Readonly<Record<string, readonly number[]>>;
}

/** What is compared at the checkpoint. */
export interface Checkpoint<State> {
  readonly actor: NeuralActor<State>;
  readonly critics: Readonly<Partial<Record<CriticKind, NeuralCritic<State>>>>;
  readonly exactValues: NonNullable<ActorTraining<State>["exactValues"]>;
  /** The actor's. */
  readonly successRate: number;
}

/**
 * How good each method's policy gradient is, before any training: the same batches of rollouts from the same actor, the
 * gradient of each method's objective, and the mean gradient of the oracle as what it should be. The oracle is always
 * among the methods of the result.
 */
export async function gradientQualities<State>(
  checkpoint: Checkpoint<State>,
  methods: readonly MethodName[],
  config: ActorTrainingConfig,
  { seed, batches }: { seed: number; batches: number },
): Promise<Record<string, GradientQuality>> {
  const names = withOracle(methods);
  const gradients = new Map<MethodName, Float32Array[]>();
  for (const name of names) {
    const own: Float32Array[] = [];
    for (let b = 0; b < batches; b++) {
      own.push(await policyGradient(frozenRun(checkpoint, name, config, seed), b));
    }
    gradients.set(name, own);
  }
  const truth = gradients.get("oracle")!;
  return Object.fromEntries(
    names.map((name) => [name, gradientQuality(gradients.get(name)!, truth)]),
  );
}

/** Of the first batch, the failed response in which one token, by the oracle, did the most harm. */
export async function exampleRollout<State>(
  checkpoint: Checkpoint<State>,
  methods: readonly MethodName[],
  config: ActorTrainingConfig,
  seed: number,
): Promise<Example> {
  const { environment } = checkpoint.actor;
  const credited = new Map<MethodName, Awaited<ReturnType<typeof creditRollouts<State>>>>();
  for (const name of withOracle(methods)) {
    credited.set(name, await creditRollouts(frozenRun(checkpoint, name, config, seed), 0));
  }
  const { raw, rollouts } = credited.get("oracle")!;
  const harm = raw.map((A, i) => rollouts[i]!.final === null ? 0 : minimum(A));
  const chosen = harm.indexOf(minimum(harm));
  const { final, logProbabilities, reward, tokens } = rollouts[chosen]!;
  return {
    problem: environment.describe(final ?? rollouts[chosen]!.states.at(-1)!),
    tokens: tokens.map((token) => environment.vocabulary.names[token]!),
    subjects: tokens.map((_, t) => environment.responseSubject(t)),
    reward,
    probabilities: logProbabilities.map(exp),
    advantages: Object.fromEntries(
      [...credited].map(([name, { raw }]) => [name, raw[chosen]!]),
    ),
  };
}

/** Those that credit the same batches: arms with other batches or more epochs are the same before training. */
export function comparedMethods(
  names: readonly MethodName[],
  shared: ActorTrainingConfig,
): MethodName[] {
  const shape = ({ epochs, iterations, problems, responses }: ActorTrainingConfig) =>
    [epochs, iterations, problems, responses].join();
  return names.filter((name) => shape(trainingOf(name, shared)) === shape(shared));
}

function withOracle(methods: readonly MethodName[]): MethodName[] {
  return [...new Set<MethodName>([...methods, "oracle"])];
}

/** The method on the frozen actor, its plain policy gradient as objective. */
function frozenRun<State>(
  { actor, critics, exactValues, successRate }: Checkpoint<State>,
  name: MethodName,
  config: ActorTrainingConfig,
  seed: number,
): ActorTraining<State> {
  const method = methodOf(name);
  return {
    actor,
    reference: actor,
    exactValues,
    successRate,
    ...(method.critic ? { critic: critics[method.critic]! } : {}),
    algorithm: {
      ...method.algorithm,
      whiten: false,
      objective: { loss: "reinforce", normalization: "seq-mean-token-sum" },
    },
    config: {
      ...config,
      klCoefficient: 0,
      conditioning: method.conditioning ?? "current",
      critic: criticLearningConfig.parse({ ...method.training, method: "frozen" }),
    },
    seed,
  };
}
