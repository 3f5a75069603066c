import * as z from "zod";
import type { ActorResponse } from "../actor/neural_actor.ts";
import type { LabelledState } from "../critic/critic.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import { valueTarget } from "../critic/value_target.ts";
import type { CriticContext } from "../env/environment.ts";
import { UsageError } from "../errors.ts";
import { forwardFlops, prefillTokens } from "../nn/flops.ts";
import { adamW, type OptimizerConfig } from "../nn/optimizer.ts";
import { RandomStream } from "../numeric/random.ts";
import { reinforceConfig, reinforceOutcomes } from "./reinforce.ts";
import { greedyChains } from "./samples.ts";
import { sparseValuePositions } from "./value_positions.ts";

/** How the critic learns during RL: the choices of `trainCritic`. */
export const criticLearningConfig = z.strictObject({
  method: z.enum(["frozen", "regression", "reinforce"]).default("regression")
    .describe("How the critic learns during RL."),
  learningRate: z.number().positive().default(1e-3)
    .describe("The critic's, constant after warm-up."),
  batch: z.int().min(1).default(64).describe(
    "States of a regression step, responses of REINFORCE.",
  ),
  reinforce: reinforceConfig.omit({ prompts: true, outcomes: true }).prefault({
    baseline: "leave-one-out",
  }).describe("REINFORCE; outcomes are those of the rollouts."),
  read: z.enum(["emitted", "expectation"]).default("expectation").describe(
    "Which value of a generative critic is used: the integer, or the mean over value tokens.",
  ),
  epochs: z.int().min(1).optional().describe(
    "Regression steps on the drawn states; 1 if left out.",
  ),
  valueClip: z.number().positive().optional().describe(
    "How far the epochs may move a value (PPO's clipped value loss); scalar heads only.",
  ),
});

/** The choices of `trainCritic`. */
export type CriticLearningConfig = z.output<typeof criticLearningConfig>;

/** What a step of `trainCritic` learns from. */
export interface CriticStep<State> {
  readonly critic: NeuralCritic<State>;
  /** The critic before RL, frozen; needed for its chains and for a KL penalty. */
  readonly reference?: NeuralCritic<State>;
  readonly rollouts: readonly (ActorResponse<State>)[];
  /** What V before each token should be; arrays of T. */
  readonly targets: readonly (readonly number[])[];
  /** Whether SP3O's states are trained on in the place of those asked about. */
  readonly sparse: boolean;
  /** The tokens before which the critic was asked, by rollout. */
  readonly asked: readonly (readonly number[])[];
  readonly context: Pick<CriticContext, "successRate">;
  readonly config: CriticLearningConfig;
  /** Steps in all, for the warm-up. */
  readonly iterations: number;
  readonly key: { readonly seed: number; readonly purpose: string; readonly step: number };
}

/** What a step of `trainCritic` reports. */
export interface CriticStepReport {
  readonly loss: number | null;
  /** Mean R_v of REINFORCE. */
  readonly reward: number | null;
  /** Share of states whose value `valueClip` held in the last epoch; null without it. */
  readonly valueClipFraction: number | null;
  /** Tokens that the critic wrote. */
  readonly tokens: number;
  readonly flops: number;
}

/**
 * A critic's step on the outcomes of the actor's rollouts, inside the RL loop. Of the states that were asked about (or
 * SP3O's few of each response) `batch` are drawn.
 *
 * - "regression": the value target is learned as in supervised training, in `epochs` steps, which `valueClip` holds near
 *   the values before them (lib/critic/value_clip.ts). A critic that writes a chain of thought keeps the frozen
 *   reference's chains, which is the recipe that did best in experiments/critic-training.
 * - "reinforce": REINFORCE on R_v = 1 - (R - v)^2, as GenAC does (reinforce.ts); every state has `responses` responses,
 *   all rewarded by its value target: with gamma = lambda = 1 the outcome of its rollout.
 * - "frozen": the critic stays as it was prepared, and only its context follows the actor.
 *
 * @returns The report of the last epoch; undefined for a frozen critic.
 * @throws UsageError for a value target outside 0..1, and for options that the critic or the method cannot follow.
 */
export async function trainCritic<State>(
  step: CriticStep<State>,
): Promise<CriticStepReport | undefined> {
  const { config } = step;
  if (config.method === "frozen") return undefined;
  const count = config.method === "regression" ? config.batch : reinforceStates(config);
  const steps = step.iterations * (config.epochs ?? 1);
  const optimizer = { ...adamW(config.learningRate, steps), finalFraction: 1 };
  const labelled = drawStates(step, count);
  return config.method === "regression"
    ? await regression(step, labelled, optimizer)
    : await reinforceLabelled(labelled, { ...step, optimizer });
}

/** `count` of the states; each at most once more than any other. */
function drawStates<State>(
  { rollouts, targets, sparse, asked, context, key }: CriticStep<State>,
  count: number,
): LabelledState<State>[] {
  const all = rollouts.flatMap(({ states }, i) =>
    (sparse ? sparseValuePositions(states.length) : asked[i]!).map((t) => ({
      state: states[t]!,
      context,
      value: valueTarget(targets[i]![t]!, `targets[${i}][${t}]`),
    }))
  );
  const order = new RandomStream({ ...key, row: 0 }).permutation(all.length);
  return Array.from({ length: count }, (_, k) => all[order[k % all.length]!]!);
}

async function regression<State>(
  { critic, reference, config }: CriticStep<State>,
  labelled: readonly LabelledState<State>[],
  optimizer: OptimizerConfig,
): Promise<CriticStepReport> {
  const { definition, environment } = critic, { epochs = 1, valueClip: range } = config;
  if (definition.writesChain && !reference) {
    throw new UsageError("reference", undefined, "give the critic before RL");
  }
  const chains = definition.writesChain ? await greedyChains(reference!, labelled) : undefined;
  const sequences = labelled.map((state, i) => definition.encode(environment, state, chains?.[i]));
  const old = range === undefined ? undefined : await critic.scalarValues(sequences);
  let loss = 0, valueClipFraction: number | null = null;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const report = old
      ? await critic.trainClipped(sequences, optimizer, { old, range: range! })
      : { ...await critic.train(sequences, optimizer), valueClipFraction: null };
    loss = report.loss + report.valueLoss;
    valueClipFraction = report.valueClipFraction;
  }
  // Forward passes beside the training steps: writing the chains; values before the epochs, and in each.
  const passes = (chains ? 1 : 0) + (old ? 1 + epochs : 0);
  const read = sequences.reduce((n, { tokens }) => n + tokens.length, 0);
  const pass = forwardFlops(critic.model.config, read, critic.sequenceLength);
  return {
    loss,
    reward: null,
    valueClipFraction,
    // A chain and its value token each.
    tokens: chains ? chains.reduce((n, { length }) => n + length + 1, 0) : 0,
    flops: epochs * critic.trainingFlops(labelled.length) + passes * pass,
  };
}

/** States of a step of REINFORCE, whose `batch` counts responses. */
export function reinforceStates(
  { batch, reinforce: { responses } }: Pick<CriticLearningConfig, "batch" | "reinforce">,
): number {
  return Math.max(1, Math.floor(batch / responses));
}

/** A step of REINFORCE on states whose values, outcomes in 0..1, reward all responses to them. */
export async function reinforceLabelled<State>(
  labelled: readonly LabelledState<State>[],
  { critic, reference, config, key, optimizer }:
    & Pick<CriticStep<State>, "critic" | "reference" | "config" | "key">
    & { readonly optimizer: OptimizerConfig },
): Promise<CriticStepReport> {
  for (const name of ["epochs", "valueClip"] as const) {
    if (config[name] === undefined) continue;
    const remedy = "leave it out: REINFORCE is no regression";
    throw new UsageError(`critic.${name}`, config[name], remedy);
  }
  const { responses: count, klCoefficient } = config.reinforce;
  const penalized = klCoefficient > 0;
  const { report, responses } = await reinforceOutcomes(
    critic,
    labelled.map((q) => ({ ...q, outcomes: new Array<number>(count).fill(q.value) })),
    key,
    { ...config.reinforce, prompts: labelled.length, outcomes: "shared" },
    optimizer,
    penalized ? reference : undefined,
  );
  const written = responses.flat().reduce((n, { tokens }) => n + tokens.length, 0);
  const prompts = responses.map(([first]) => first!.prompt.tokens);
  const read = prompts.reduce((n, { length }) => n + count * length, written);
  const pass = (tokens: number) => forwardFlops(critic.model.config, tokens, critic.sequenceLength);
  return {
    loss: null,
    reward: report.reward,
    valueClipFraction: null,
    tokens: written,
    // Writing, log-probabilities of policy and reference where it is held, and the step.
    flops: pass(prefillTokens(prompts) + written) + (penalized ? 2 * pass(read) : 0) +
      critic.trainingFlops(count * labelled.length),
  };
}
