/** RL of an actor that is a pretrained language model: the kit's estimators and objective on responses in words. */
import * as z from "zod";
import type { CriticContext } from "../env/environment.ts";
import { smoothSuccessRate } from "../critic/success_rate.ts";
import { advantages as baselined } from "../critic_learning/baselines.ts";
import { criticReward } from "../critic_learning/reward.ts";
import { UsageError } from "../errors.ts";
import { batchLength } from "../nn/batch.ts";
import { normalize } from "../nn/loss_normalization.ts";
import { constantAdamW } from "../nn/optimizer.ts";
import { RandomStream } from "../numeric/random.ts";
import { mean, sum } from "../numeric/sums.ts";
import { estimateAdvantages } from "../rl/advantage/registry.ts";
import { whiten } from "../rl/advantage/whiten.ts";
import { gradientVector } from "../rl/gradient_quality.ts";
import { policyObjective, policyObjectiveConfig } from "../rl/objective/policy_objective.ts";
import type { Rollout } from "../rl/rollout.ts";
import type { TextActor, TextResponse } from "./text_actor.ts";
import { rightContinuationValues } from "./right_continuation.ts";
import { responseSequence, type TextCritic, type TextCriticName } from "./text_critic.ts";

/** How tokens are credited. */
export interface TextMethodKind {
  /** Name in figures and tables. */
  readonly title: string;
  /** The kind of critic that it trains beside the actor; null for none. */
  readonly critic: TextCriticName | null;
  /** Where the values of GAE come from; null: advantages from groups of responses to one problem. */
  readonly values: "critic" | "exact" | null;
}

/**
 * The methods. A step of a response is an action of the estimators. The oracle shows what there is to be gained by values: it
 * is told those of the actor as it is at each iteration, by `rightContinuationValues`.
 */
export const textMethods = {
  grpo: { title: "GRPO", critic: null, values: null },
  ppo: { title: "PPO", critic: "head", values: "critic" },
  genac: { title: "GenAC", critic: "chain", values: "critic" },
  oracle: { title: "Oracle critic", critic: null, values: "exact" },
} as const satisfies Readonly<Record<string, TextMethodKind>>;

/** A method's name. */
export type TextMethod = keyof typeof textMethods;

/** All names. */
export const TEXT_METHODS = Object.keys(textMethods) as [TextMethod, ...TextMethod[]];

/** What all methods have alike. */
export const textRlConfig = z.strictObject({
  problems: z.int().min(1).default(4).describe("Problems of an iteration."),
  responses: z.int().min(2).default(4).describe("Responses to each."),
  iterations: z.int().min(1).default(12).describe("Iterations: one step of the actor each."),
  learningRate: z.number().positive().max(1).default(5e-5).describe("Of the actor; constant."),
  klCoefficient: z.number().min(0).default(0.01).describe("Weight of the KL loss to the start."),
  lambda: z.number().min(0).max(1).default(0.95).describe(
    "GAE's lambda from one step of a response to the next, of all values.",
  ),
  criticLearningRate: z.number().min(0).max(1).default(1e-5)
    .describe("Of the critic during RL; 0: it is frozen."),
  criticStates: z.int().min(1).default(8).describe("States of a critic's step."),
  criticResponses: z.int().min(2).default(2)
    .describe("Answers to each of them, for a critic that learns by REINFORCE."),
});

/** What all methods have alike, every default filled in. */
export type TextRlConfig = z.output<typeof textRlConfig>;

/** A run of RL; its models and its success rate are changed by each iteration. */
export interface TextActorTraining<State> {
  readonly method: TextMethod;
  readonly actor: TextActor<State>;
  /** The actor at the start, for the KL loss. */
  readonly reference: TextActor<State>;
  readonly critic?: TextCritic<State>;
  readonly config: TextRlConfig;
  readonly seed: number;
  /** Whether the critic is told the success rate (In-Context Conditioning). */
  readonly conditioning: boolean;
  /** Smoothed over iterations; left out at the start: that of the first one. */
  successRate?: number;
}

/** What an iteration reports. */
export interface TextIteration {
  /** Fraction of responses with reward 1, before the update. */
  readonly successRate: number;
  /** Fraction of responses that are whole. */
  readonly parseRate: number;
  /** KL(pi || actor at the start), nats per token. */
  readonly referenceKl: number;
  readonly gradientNorm: number;
  /** Mean value of states of successes less that of failures; null without values or one of the two. */
  readonly valueSeparation: number | null;
  /** Null without a critic. */
  readonly criticParseRate: number | null;
  /** Tokens written by actor and critic, and tokens of sequences that were trained on. */
  readonly tokensWritten: number;
  readonly tokensTrained: number;
}

/**
 * One iteration; it depends on (seed, iteration), the weights and the smoothed success rate alone.
 *
 * @throws UsageError for a method with a critic of another kind, or none.
 */
export async function trainTextActorStep<State>(
  run: TextActorTraining<State>,
  iteration: number,
): Promise<TextIteration> {
  const { actor, config, critic, method, reference } = run;
  checkCritic(run);
  const responses = await sampleTextResponses(run, iteration);
  const batchRate = mean(responses.map(({ reward }) => reward));
  const own = await actor.logProbabilities(responses);
  const other = await reference.logProbabilities(responses);

  const rate = run.successRate ?? batchRate, context = contextOf(run, rate);
  const asked = await valuesAtSteps(run, responses, context, rate);
  const advantages = tokenAdvantages(run, responses, asked.values, own);

  const rollouts = rolloutsOf(run, responses, own)
    .map((rollout, i): Rollout => ({ ...rollout, referenceLogProbabilities: other[i]! }));
  const { weights, normalizer, diagnostics } = policyObjective(
    rollouts,
    asked.values ? whiten(advantages) : advantages,
    own,
    policyObjectiveConfig.parse({
      klCoefficient: config.klCoefficient,
      ...textMethods[method].values === null && { normalization: "seq-mean-token-mean" },
    }),
  );
  const sequences = weighted(responses, weights);
  const optimizer = constantAdamW(config.learningRate, config.iterations);
  const { gradientNorm } = await actor.model
    .train(sequences, batchLength(sequences), optimizer, normalizer);
  const learned = critic && config.criticLearningRate > 0
    ? await trainCriticStep(run, critic, responses, context, iteration)
    : { written: 0, trained: 0 };
  run.successRate = smoothSuccessRate(run.successRate, batchRate);

  const tokens = sum(responses.map(({ tokens }) => tokens.length));
  const isWhole = ({ problem, text }: TextResponse<State>) => {
    const end = actor.task.parseResponse(problem, text);
    return end !== undefined && actor.task.stepsLeft(end) === 0;
  };
  return {
    successRate: batchRate,
    parseRate: mean(responses.map((response) => isWhole(response) ? 1 : 0)),
    referenceKl: diagnostics.referenceKl!,
    gradientNorm,
    valueSeparation: asked.values ? separation(responses, asked.values) : null,
    criticParseRate: asked.parseRate,
    tokensWritten: tokens + asked.written + learned.written,
    tokensTrained: sum(sequences.map(({ tokens }) => tokens.length)) + learned.trained,
  };
}

/** Responses of the actor to the training problems of an iteration, those to one problem side by side. */
export function sampleTextResponses<State>(
  { actor, config: { problems: P, responses: K }, seed }: Pick<
    TextActorTraining<State>,
    "actor" | "config" | "seed"
  >,
  iteration: number,
): Promise<TextResponse<State>[]> {
  const problems = Array.from({ length: P }, (_, row) => {
    const random = new RandomStream({ seed, purpose: "text-rl/problems", step: iteration, row });
    return actor.task.problem(random, { split: "train" });
  });
  return actor.sample(
    problems.flatMap((problem) => new Array<State>(K).fill(problem)),
    { seed, purpose: "text-rl/responses", firstRow: iteration * P * K },
  );
}

/**
 * The policy gradient by the method's advantages as they are: REINFORCE summed over a response's tokens, without KL loss,
 * over all of the actor's weights that are trained, in their order. Nothing is changed.
 *
 * @param responses As `sampleTextResponses` draws them.
 * @param own Their log-probabilities under the actor, where they are known.
 * @throws UsageError for a method with a critic of another kind, or none.
 */
export async function textPolicyGradient<State>(
  run: TextActorTraining<State>,
  responses: readonly TextResponse<State>[],
  own?: readonly number[][],
): Promise<Float32Array> {
  checkCritic(run);
  own ??= await run.actor.logProbabilities(responses);
  const rate = run.successRate ?? mean(responses.map(({ reward }) => reward));
  const { values } = await valuesAtSteps(run, responses, contextOf(run, rate), rate);
  const { weights, normalizer } = policyObjective(
    rolloutsOf(run, responses, own),
    tokenAdvantages(run, responses, values, own),
    own,
    policyObjectiveConfig.parse({ loss: "reinforce", normalization: "seq-mean-token-sum" }),
  );
  const sequences = weighted(responses, weights);
  const { gradients } = await run.actor.model
    .gradients(sequences, batchLength(sequences), normalizer);
  return gradientVector(gradients);
}

function checkCritic<State>({ critic, method }: TextActorTraining<State>): void {
  const wanted = textMethods[method].critic;
  if ((critic?.name ?? null) !== wanted) {
    throw new UsageError("critic", critic?.name, `${method} needs ${wanted ?? "none"}`);
  }
}

function contextOf<State>(
  { conditioning }: TextActorTraining<State>,
  successRate: number,
): CriticContext<State> {
  return conditioning ? { successRate } : {};
}

function rolloutsOf<State>(
  { config }: TextActorTraining<State>,
  responses: readonly TextResponse<State>[],
  logProbabilities: readonly number[][],
): Rollout[] {
  return responses.map(({ reward }, i) => ({
    group: Math.floor(i / config.responses),
    reward,
    logProbabilities: logProbabilities[i]!,
  }));
}

/** The values before each step, a response an array; an answer that cannot be parsed is the success rate. */
async function valuesAtSteps<State>(
  { actor, critic, method }: TextActorTraining<State>,
  responses: readonly TextResponse<State>[],
  context: CriticContext<State>,
  fallback: number,
): Promise<{ values: number[][] | null; parseRate: number | null; written: number }> {
  const { values: source } = textMethods[method];
  if (source === null) return { values: null, parseRate: null, written: 0 };
  // Equal states are asked about once: all responses to a problem share the first.
  const questions = new Map<string, State>();
  const keyOf = (state: State) => actor.task.criticPromptText(state);
  for (const { steps } of responses) {
    for (const { state } of steps) questions.set(keyOf(state), state);
  }
  const states = [...questions.values()];
  const answers = source === "exact"
    ? (await rightContinuationValues(actor, states)).map((value) => ({ value, responses: null }))
    : await critic!.values(states.map((state) => ({ state, context })));
  const valueOf = new Map([...questions.keys()].map((key, i) => [key, answers[i]!.value]));
  return {
    values: responses.map(({ steps }) =>
      steps.map(({ state }) => valueOf.get(keyOf(state)) ?? fallback)
    ),
    parseRate: critic ? mean(answers.map(({ value }) => value === null ? 0 : 1)) : null,
    written: sum(answers.map(({ responses }) => responses?.[0]?.length ?? 0)),
  };
}

/** The advantages of tokens: all tokens of a step share the step's. */
function tokenAdvantages<State>(
  { config }: TextActorTraining<State>,
  responses: readonly TextResponse<State>[],
  values: readonly number[][] | null,
  logProbabilities: readonly number[][],
): number[][] {
  const ends = ({ steps, tokens }: TextResponse<State>) =>
    steps.map((_, k) => steps[k + 1]?.firstToken ?? tokens.length);
  const rollouts = responses.map((response, i): Rollout => {
    const to = ends(response);
    return {
      group: Math.floor(i / config.responses),
      reward: response.reward,
      logProbabilities: response.steps.map(({ firstToken }, k) =>
        sum(logProbabilities[i]!.slice(firstToken, to[k]))
      ),
      ...values && { values: values[i]! },
    };
  });
  const estimates = values
    ? estimateAdvantages("gae", rollouts, { lambda: config.lambda })
    : estimateAdvantages("grpo", rollouts);
  return responses.map((response, i) => {
    const to = ends(response);
    return response.steps.flatMap(({ firstToken }, k) =>
      new Array<number>(to[k]! - firstToken).fill(estimates[i]!.advantages[k]!)
    );
  });
}

/** A step of the critic on states of these responses: regression on the outcome, or REINFORCE with a baseline. */
async function trainCriticStep<State>(
  { config, seed }: TextActorTraining<State>,
  critic: TextCritic<State>,
  responses: readonly TextResponse<State>[],
  context: CriticContext<State>,
  iteration: number,
): Promise<{ written: number; trained: number }> {
  const random = new RandomStream({ seed, purpose: "text-rl/critic-states", step: iteration });
  const all = responses.flatMap(({ reward, steps }) =>
    steps.map(({ state }) => ({ state, reward }))
  );
  const chosen = [...random.permutation(all.length).subarray(0, config.criticStates)]
    .map((i) => all[i]!);
  const optimizer = constantAdamW(config.criticLearningRate, config.iterations);
  if (!critic.kind.writes) {
    const sequences = chosen.map(({ state, reward }) =>
      critic.encode({ state, context, value: reward })
    );
    await critic.model.train(sequences, batchLength(sequences), optimizer);
    return { written: 0, trained: sum(sequences.map(({ tokens }) => tokens.length)) };
  }
  const count = config.criticResponses;
  const written = await critic.write(chosen.map(({ state }) => ({ state, context })), {
    count,
    temperature: 1,
    key: {
      seed,
      purpose: "text-rl/critic-answers",
      firstRow: iteration * config.criticStates * count,
    },
  });
  const terms = written.flatMap((answers, i) => {
    const outcomes = answers.map(() => chosen[i]!.reward);
    const rewards = answers.map(({ value }) => criticReward(chosen[i]!.reward, value));
    const credit = baselined("leave-one-out", rewards, outcomes);
    return answers.map(({ tokens }, k) => tokens.map(() => credit[k]!));
  });
  const { weights, normalizer } = normalize(terms, "token-mean");
  const sequences = weighted(written.flat(), weights);
  await critic.model.train(sequences, batchLength(sequences), optimizer, normalizer);
  return {
    written: sum(written.flat().map(({ tokens }) => tokens.length)),
    trained: sum(sequences.map(({ tokens }) => tokens.length)),
  };
}

/** Training sequences of what was written, its tokens with these weights. */
function weighted(
  written: readonly { readonly prompt: readonly number[]; readonly tokens: readonly number[] }[],
  weights: readonly (readonly number[])[],
) {
  return written.map(({ prompt, tokens }, i) => responseSequence(prompt, tokens, weights[i]!));
}

/** Mean value of states of successes less that of failures; null where there are not both. */
function separation<State>(
  responses: readonly TextResponse<State>[],
  values: readonly number[][],
): number | null {
  const of = (reward: 0 | 1) =>
    responses.flatMap((response, i) => response.reward === reward ? values[i]! : []);
  const [failures, successes] = [of(0), of(1)];
  return failures.length > 0 && successes.length > 0 ? mean(successes) - mean(failures) : null;
}
