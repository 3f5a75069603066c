/**
 * GenAC Kit: value models for LLM reinforcement learning at a scale where the true value is known.
 *
 * @example A generative critic, trained for five steps and asked for the value of a state
 * ```ts
 * import assert from "node:assert/strict";
 * import * as genac from "genac";
 *
 * const environment = genac.createEnvironment("permutation");
 * const actor = { epsilon: 0.3 };
 * const engine = await genac.WasmEngine.create({ threads: 1 });
 * const definition = genac.criticDefinition("cot");
 * const size = { dModel: 32, layers: 2 };
 * const critic = new genac.NeuralCritic(engine, definition, environment, size, 1);
 *
 * const data = { seed: 1, purpose: "example/train", batchSize: 16, actor };
 * const optimizer = genac.adamW(6e-3, 5);
 * for (let step = 0; step < 5; step++) await genac.supervisedStep(critic, data, optimizer);
 *
 * const key = { seed: 1, purpose: "example/test" };
 * const [state] = genac.sampleStates(environment, key, 1, { actor, split: "test" });
 * const [answer] = await critic.values([{ state: state!, context: {} }]);
 * const exact = environment.exactValue(state!, actor);
 * assert.ok(exact >= 0 && exact <= 1);
 * const [chain] = answer!.responses!;
 * assert.ok(chain!.length > 0); // what it wrote, in tokens
 * engine.close();
 * ```
 *
 * @module
 */
export { exactValues, type ValueTree } from "./actor/exact_values.ts";
export { localSuccess, localValues } from "./actor/local_values.ts";
export { type ActorResponse, type ActorSize, NeuralActor } from "./actor/neural_actor.ts";
export {
  type BackendName,
  type BackendOptions,
  BACKENDS,
  createBackend,
  identifyBackend,
  MAX_THREADS,
} from "./backend/create.ts";
export { browserHost } from "./backend/wasm/browser_host.ts";
export { denoHost } from "./backend/wasm/deno_host.ts";
export { WasmEngine } from "./backend/wasm/engine.ts";
export type { LaneStart, WasmHost } from "./backend/wasm/host.ts";
export { WebGpuEngine } from "./backend/webgpu/engine.ts";
export { kernelBundle } from "./backend/wasm/bundle.ts";
export type {
  Critic,
  CriticDefinition,
  LabelledState,
  Prediction,
  Question,
} from "./critic/critic.ts";
export { type CriticSize, criticTransformer, NeuralCritic } from "./critic/neural_critic.ts";
export { OracleCritic } from "./critic/oracle.ts";
export { askCritic } from "./critic_evaluation/ask_critic.ts";
export type { AskedCritic } from "./critic_evaluation/asked_critic.ts";
export { evaluateCritics } from "./critic_evaluation/evaluate.ts";
export {
  type Evaluation,
  readEvaluation,
  writeEvaluation,
} from "./critic_evaluation/evaluation.ts";
export { environmentCritic, kitRollouts } from "./critic_evaluation/kit_rollouts.ts";
export { CRITIC_NAMES, openCritics } from "./critic_evaluation/open_critics.ts";
export { type EvaluationReport, evaluationReport } from "./critic_evaluation/report.ts";
export { type StateSet, statesOf } from "./critic_evaluation/states.ts";
export {
  type CriticResponse,
  sampleResponses,
  type SampleResponsesOptions,
} from "./critic/responses.ts";
export { smoothSuccessRate } from "./critic/success_rate.ts";
export { criticDefinition, critics } from "./critic/registry.ts";
export { type SupervisedData, supervisedStep } from "./critic/supervised.ts";
export { clippedSquaredError, type ValueClip } from "./critic/value_clip.ts";
export { valueTarget } from "./critic/value_target.ts";
export { describeTrace } from "./env/describe_trace.ts";
export { type Environment, type EnvironmentDefinition, positionId } from "./env/environment.ts";
export {
  type ActorOf,
  createEnvironment,
  createTask,
  type EnvironmentOf,
  environments,
  type StateOf,
} from "./env/registry.ts";
export { estimateSuccessRate, sampleStates } from "./env/sampling.ts";
export type { TaskEnvironment } from "./env/task.ts";
export { isTextTask, textOutcome, type TextTask } from "./env/text_task.ts";
export { UsageError } from "./errors.ts";
export { advantageSignAgreement } from "./eval/advantage_sign.ts";
export { type Interval, stratifiedBootstrap } from "./eval/bootstrap.ts";
export { clusteredBootstrap } from "./eval/clustered_bootstrap.ts";
export {
  type Comparison,
  decide,
  decideFamily,
  type Decision,
  type DecisionOptions,
  type FamilyClaim,
  type FamilyComparison,
  type FamilyDecision,
} from "./eval/decision.ts";
export { holmAdjusted } from "./eval/holm.ts";
export {
  debiasedMse,
  explainedVariance,
  explainedVarianceCeiling,
  monteCarloNoise,
} from "./eval/monte_carlo.ts";
export {
  nonInferiority,
  type NonInferiorityMargins,
  type NonInferiorityVerdict,
} from "./eval/non_inferiority.ts";
export { pairedTPower, type PowerOptions, seedsNeeded } from "./eval/power.ts";
export { type Selection, selections } from "./eval/selection.ts";
export * from "./eval/statistics.ts";
export {
  pairedDifferences,
  type SeedInterval,
  seedInterval,
  type StudentInterval,
  studentInterval,
  type StudentPValues,
  studentPValues,
} from "./eval/student.ts";
export { type ValueReport, valueReport } from "./eval/value_report.ts";
export { type WilsonInterval, wilsonInterval } from "./eval/wilson.ts";
export { rankedPairsWithin, rankingByGap } from "./eval/within_group.ts";
export { type ContinuationBatch, ContinuationStore } from "./llm/continuation_store.ts";
export {
  type ContinuationKeeper,
  type ContinuationOptions,
  type ContinuationProgress,
  type ContinuationValue,
  continuationValues,
  type ContinuedState,
} from "./llm/continuation_values.ts";
export { type ProbedState, probedStates, withValues } from "./llm/probed_rollouts.ts";
export { type AnswerDistribution, answerDistribution } from "./llm/critic/answer_distribution.ts";
export {
  LlmCritic,
  type LlmCriticConfig,
  type LlmCriticExtras,
  type LlmPrediction,
  type LlmResponse,
} from "./llm/critic/llm_critic.ts";
export { parseAnswer, type ParsedAnswer } from "./llm/critic/parse_answer.ts";
export type { CriticExample } from "./llm/critic/prompt.ts";
export {
  type ChatMessage,
  type Completion,
  type CompletionRequest,
  type CompletionToken,
  FULL_SAMPLING,
  GREEDY,
  type LanguageModel,
  type Sampling,
  type ScoredToken,
} from "./llm/language_model.ts";
export {
  OnnxLanguageModel,
  type OnnxLanguageModelOptions,
} from "./llm/onnx/onnx_language_model.ts";
export {
  OnnxValueCritic,
  type OnnxValueOptions,
  type OnnxValuePrediction,
} from "./llm/onnx/value_critic.ts";
export type { ValueScale } from "./llm/value_scale.ts";
export {
  type RecordedRequest,
  Recording,
  type RecordingHeader,
  type RecordingMode,
} from "./llm/recording.ts";
export type { RetryClock } from "./llm/retry.ts";
export { openServer, ServerModel, type ServerOptions } from "./llm/server.ts";
export {
  type Ability,
  type Forcing,
  type ServerAbilities,
  serverAbilities,
} from "./llm/server_abilities.ts";
export { type ConnectionOptions, ServerConnection } from "./llm/server_connection.ts";
export type { ExportedModel, Origin } from "./export/exported_model.ts";
export { exportHuggingFace } from "./export/hugging_face.ts";
export { loadSavedModel } from "./export/load_saved_model.ts";
export { exportOnnx, type OnnxExportOptions } from "./export/onnx.ts";
export { taskMetadata } from "./export/task_metadata.ts";
export {
  CausalLanguageModel,
  type CausalLanguageModelOptions,
  type TextGenerateOptions,
} from "./language_model/causal_language_model.ts";
export type { Architecture } from "./language_model/architecture.ts";
export type { LanguageModelConfig, Lora } from "./language_model/config.ts";
export type { ForwardOutput } from "./language_model/decoder.ts";
export { PretrainedWeights, randomWeights } from "./language_model/pretrained_weights.ts";
export { tinyArchitecture } from "./language_model/tiny_architecture.ts";
export { type AdapterOptions, readAdapter, writeAdapter } from "./pretrained/adapter.ts";
export { loadPretrainedWeights } from "./pretrained/load_weights.ts";
export { writeMergedModel } from "./pretrained/merged_model.ts";
export { type PretrainedModel, readPretrained } from "./pretrained/read_pretrained.ts";
export { byteWeights } from "./text_models/byte_weights.ts";
export { rightContinuationValues } from "./text_models/right_continuation.ts";
export { TextActor, type TextResponse, type TextStep } from "./text_models/text_actor.ts";
export {
  criticHeads,
  TextCritic,
  type TextCriticKind,
  textCriticKinds,
  type TextCriticName,
  type TextCriticOptions,
  type TextPrediction,
  type WrittenAnswer,
} from "./text_models/text_critic.ts";
export { ByteTokenizer, type TextTokenizer, textTokenizer } from "./text_models/text_tokenizer.ts";
export { type GradientQuality, gradientQuality } from "./rl/gradient_quality.ts";
export {
  sampleTextResponses,
  type TextActorTraining,
  type TextIteration,
  type TextMethod,
  type TextMethodKind,
  textMethods,
  textPolicyGradient,
  type TextRlConfig,
  textRlConfig,
  trainTextActorStep,
} from "./text_models/train_text_actor.ts";
export { forwardFlops, parameterCount, prefillTokens, trainingFlops } from "./nn/flops.ts";
export {
  type GenerateOptions,
  MAX_TEMPERATURE,
  MIN_TEMPERATURE,
  type SampleKey,
} from "./nn/generate_options.ts";
export { Model } from "./nn/model.ts";
export { adamW, type OptimizerConfig } from "./nn/optimizer.ts";
export type { TransformerConfig } from "./nn/transformer.ts";
export type { AdvantageEstimate, AdvantageEstimator } from "./rl/advantage/estimator.ts";
export {
  advantageEstimators,
  estimateAdvantages,
  type EstimatorName,
} from "./rl/advantage/registry.ts";
export { type SegmentOptions, segmentStarts } from "./rl/advantage/segments.ts";
export { whiten } from "./rl/advantage/whiten.ts";
export {
  type RlAlgorithm,
  rlAlgorithm,
  type RlAlgorithmName,
  rlAlgorithms,
} from "./rl/algorithms.ts";
export { type CriticLearningConfig } from "./critic_learning/train_critic.ts";
export {
  type ActorTraining,
  type ActorTrainingConfig,
  actorTrainingConfig,
} from "./rl/actor_training.ts";
export type { IterationReport } from "./rl/iteration_report.ts";
export {
  type Method,
  methodConfig,
  type MethodCritic,
  methodCritics,
  type MethodName,
  methods,
} from "./rl/methods.ts";
export { trainActorStep } from "./rl/train_actor.ts";
export {
  findTrainingFailures,
  TRAINING_FAILURES,
  type TrainingFailure,
} from "./rl/training_failures.ts";
export {
  type MonteCarloConfig,
  monteCarloConfig,
  monteCarloStep,
} from "./critic_learning/regression.ts";
export { withKlPenalty } from "./rl/objective/kl.ts";
export {
  type PolicyDiagnostics,
  type PolicyObjective,
  policyObjective,
  type PolicyObjectiveConfig,
  policyObjectiveConfig,
} from "./rl/objective/policy_objective.ts";
export { sparseValuePositions } from "./critic_learning/value_positions.ts";
export { type Knowledge, prepareCriticStep, RolloutStates } from "./critic_learning/prepare.ts";
export {
  type ReinforceConfig,
  reinforceConfig,
  reinforceStep,
} from "./critic_learning/reinforce.ts";
export type { Rollout } from "./rl/rollout.ts";
export { calibrationFigure } from "./report/calibration_figure.ts";
export { figure, intervalPoint } from "./report/figure.ts";
export { foldedJson } from "./report/folded_json.ts";
export { showProgress } from "./report/notebook_progress.ts";
export { provenanceTable } from "./report/provenance_table.ts";
export { show } from "./report/show.ts";
export { table } from "./report/table.ts";
export { type TokenBox, tokenSequence } from "./report/token_sequence.ts";
export { traceTokens } from "./report/trace_tokens.ts";
export { verdictCard, verdictCards } from "./report/verdict_card.ts";
export { type RecordField, type RolloutFormat, type RowContext } from "./rollouts/format.ts";
export { type MonteCarloRow, writeMonteCarloParquet } from "./rollouts/monte_carlo_parquet.ts";
export { printable } from "./rollouts/printable.ts";
export {
  type ReadCounts,
  type ReadOptions,
  type ReadProgress,
  readRollouts,
  type RolloutStream,
} from "./rollouts/read_rollouts.ts";
export { rolloutFormat, rolloutFormats } from "./rollouts/readers.ts";
export {
  type PositionUnit,
  type Probe,
  type RolloutRecord,
  rolloutRecord,
} from "./rollouts/record.ts";
export {
  probePositions,
  type ProbeRule,
  stepStarts,
  type TokenizedRecord,
  tokenizeRecord,
} from "./rollouts/segments.ts";
export {
  type RolloutSelection,
  type SelectedRollouts,
  selectRollouts,
  type SuccessCount,
} from "./rollouts/select_rollouts.ts";
export type { RolloutState } from "./rollouts/state.ts";
export { checkTokenizer, RolloutTokenizer } from "./rollouts/tokenizer.ts";
export { type VerifierAgreement, verifierAgreement } from "./rollouts/verifiers/agreement.ts";
export { openVerifier, VERIFIERS } from "./rollouts/verifiers/registry.ts";
export type {
  Verdict,
  Verifier,
  VerifierFunction,
  VerifierTask,
} from "./rollouts/verifiers/verifier.ts";
export { writeRollouts } from "./rollouts/write_rollouts.ts";
export { openRun } from "./run/open_run.ts";
export { loadRun, readCellFile, reproduceCommand } from "./run/run.ts";
export { readSafetensors, writeSafetensors } from "./run/safetensors.ts";
export { readSafetensorsFolder } from "./run/safetensors_folder.ts";
export { loadTraining, saveTraining } from "./run/training_checkpoint.ts";
export { RandomStream } from "./numeric/random.ts";
