import type { RunningSumActor, RunningSumConfigInput } from "../../lib/env/running_sum.ts";
import type { WeightStorage } from "../../lib/tensor/tape.ts";
import type { GradientQuality } from "../../lib/rl/gradient_quality.ts";
import type { TextMethod, TextRlConfig } from "../../lib/text_models/train_text_actor.ts";
import type { RunName } from "./runs.ts";
import type { TextReport } from "./text_report.ts";

/** What all cells have alike. */
export interface CommonCell {
  readonly model: string;
  readonly storage: WeightStorage;
  readonly lora: { readonly rank: number; readonly alpha: number };
  readonly task: RunningSumConfigInput;
  readonly actor: RunningSumActor;
  readonly states: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly testSeed: number;
  readonly testStates: number;
}

/** A critic of the values of one programmatic actor. */
export interface ValueCell extends CommonCell {
  readonly part: "values";
  readonly run: RunName;
  readonly longer: readonly number[];
}

/** A critic of the values of several programmatic actors, told their success rates or not. */
export interface ConditioningCell extends CommonCell {
  readonly part: "conditioning";
  readonly critic: "chain" | "head";
  readonly told: boolean;
  readonly epsilons: readonly number[];
  readonly unseen: number;
  readonly episodes: number;
  readonly answerWeight: number;
}

/** RL of an actor that is the model itself. */
export interface RlCell extends CommonCell {
  readonly part: "rl";
  readonly methods: readonly TextMethod[];
  readonly demonstrations: number;
  readonly criticStates: number;
  readonly conditioning: {
    readonly epsilons: readonly number[];
    readonly episodes: number;
    readonly answerWeight: number;
  };
  readonly gradientBatches: number;
  readonly testProblems: number;
  readonly evaluateEvery: number;
  readonly training: TextRlConfig;
}

/** Everything a run depends on besides its seed. */
export type LlmCell = ValueCell | ConditioningCell | RlCell;

/** What a critic's run says. */
export interface CriticMetrics {
  readonly part: "values" | "conditioning";
  /** Weights that are trained. */
  readonly parameters: number;
  /** Tokens that it was trained on. */
  readonly trainingTokens: number;
  /** States that it was trained on, each counted once. */
  readonly trainingStates: number;
  /** Mean tokens of an answer to the first test set. */
  readonly answerTokens: number;
  /** By test set: in distribution, longer problems, or actors. */
  readonly tests: Readonly<Record<string, TextReport>>;
  readonly curve: readonly number[];
}

/** What a method's RL says. */
export interface MethodMetrics {
  /** Exact success on held-out problems, before the first iteration and after every so many. */
  readonly success: readonly number[];
  /** Of rollouts, by iteration. */
  readonly trainingSuccess: readonly number[];
  readonly referenceKl: readonly number[];
  readonly criticParseRate: readonly (number | null)[];
  readonly valueSeparation: readonly (number | null)[];
  /** Tokens written, and trained on, in all iterations. */
  readonly tokensWritten: number;
  readonly tokensTrained: number;
}

/** What a run of RL says. */
export interface RlMetrics {
  readonly part: "rl";
  /** Critics by name, before RL: tests on states of the actor's own. */
  readonly critics: Readonly<Record<string, TextReport>>;
  /** Of the methods' policy gradients before RL against the oracle's; none without an oracle. */
  readonly gradients: Readonly<Record<string, GradientQuality>>;
  /** Tokens by which actor and critics were prepared. */
  readonly preparationTokens: Readonly<Record<string, number>>;
  readonly methods: Readonly<Record<string, MethodMetrics>>;
}

/** What a run says. */
export type LlmMetrics = CriticMetrics | RlMetrics;
