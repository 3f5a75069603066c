/**
 * Pretrained models' shapes with random weights on the WebGPU backend: training steps of adapters, reading of prompts, and
 * generation of 16 rows. Goes without npm packages, as bench_webgpu.ts must.
 */
import type { WebGpuEngine } from "../backend/webgpu/engine.ts";
import type { Architecture } from "../language_model/architecture.ts";
import {
  frozenWeights,
  type LanguageModelConfig,
  type Projection,
  PROJECTIONS,
  trainedParameters,
} from "../language_model/config.ts";
import { recordPrefill, recordStep, recordTraining } from "../language_model/decoder.ts";
import { ropeFrequencies, rotaryAngles } from "../language_model/rope.ts";
import { tensorShapes, type TensorSizes } from "../language_model/tensor_shapes.ts";
import type { Session } from "../tensor/backend.ts";
import { markdownTable, median } from "./bench_report.ts";
import { digits } from "./bench_webgpu_targets.ts";

interface Work extends TensorSizes {
  readonly name: string;
  /** Of a training step. */
  readonly sequences: number;
  readonly length: number;
  /** Tokens of a prompt and of a response. */
  readonly prompt: number;
  readonly response: number;
}

const CARD = { sequences: 8, length: 256, prompt: 128, response: 128 };
const WORKS: readonly Work[] = [{
  ...{ name: "SmolLM2-135M", vocabularySize: 49152, hiddenSize: 576, intermediateSize: 1536 },
  ...{ layers: 30, heads: 9, kvHeads: 3, headDim: 64, tiedEmbeddings: true, qkvBias: false },
  ...CARD,
}, {
  ...{ name: "Qwen2-0.5B", vocabularySize: 151936, hiddenSize: 896, intermediateSize: 4864 },
  ...{ layers: 24, heads: 14, kvHeads: 2, headDim: 64, tiedEmbeddings: true, qkvBias: true },
  ...CARD,
}];
/** For software adapters. */
const TINY: readonly Work[] = [{
  ...{ name: "tiny", vocabularySize: 304, hiddenSize: 32, intermediateSize: 48 },
  ...{ layers: 2, heads: 4, kvHeads: 2, headDim: 16, tiedEmbeddings: true, qkvBias: true },
  ...{ sequences: 2, length: 16, prompt: 8, response: 8 },
}];
const ROWS = 16;

function configOf(work: Work): LanguageModelConfig {
  const architecture: Architecture = {
    ...work,
    ...{ family: "llama", normEpsilon: 1e-5, ropeTheta: 1e4, ropeScaling: { type: "default" } },
    ...{ maxPositions: 2048, bosTokenId: null, eosTokenIds: [], padTokenId: null },
  };
  const targetModules = Object.keys(PROJECTIONS) as Projection[];
  return {
    ...{ architecture, storage: "bfloat16", languageHead: true, checkpointing: true },
    maxLength: Math.max(work.length, work.prompt + work.response),
    lora: { rank: 16, alpha: 32, targetModules },
  };
}

/** Numbers around 0 whose spread is that of a trained layer's; their quality does not matter. */
function filler(size: number, spread: number): Float32Array {
  const values = new Float32Array(size);
  for (let i = 0, x = 1; i < size; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    values[i] = (x / 2 ** 32 - 0.5) * spread;
  }
  return values;
}

function sessionOf(engine: WebGpuEngine, config: LanguageModelConfig): Session {
  const { architecture, maxLength } = config;
  const weights = frozenWeights(config), frozen = engine.frozen(weights);
  for (const { name, rows, cols } of weights) {
    const values = name.endsWith("norm.weight")
      ? new Float32Array(cols).fill(1)
      : filler(rows * cols, Math.sqrt(12 / rows));
    frozen.write(name, values);
  }
  const positions = Array.from({ length: maxLength }, (_, position) => position);
  const rope = rotaryAngles(ropeFrequencies(architecture, maxLength), positions);
  const parameters = trainedParameters(config);
  const session = engine.session(parameters, { rope }, frozen);
  for (const { name, rows, cols } of parameters) {
    session.write("weights", name, filler(rows * cols, Math.sqrt(1 / rows)));
  }
  return session;
}

/** Weights of the layers' matrices, and of the output layer. */
function matrixWeights(work: Work): { layers: number; output: number } {
  let layers = 0;
  for (const [name, [outputs, inputs]] of tensorShapes(work)) {
    if (inputs !== undefined && name.startsWith("model.layers.")) layers += outputs! * inputs;
  }
  return { layers, output: work.vocabularySize * work.hiddenSize };
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Milliseconds of a training step of the adapters, many asked for before one is awaited. */
async function trainingTime(
  session: Session,
  config: LanguageModelConfig,
  { sequences, length, vocabularySize }: Work,
  steps: number,
): Promise<number> {
  const program = session.training(
    { sequences, length },
    (tape) => recordTraining(tape, config),
  );
  const size = sequences * length;
  const tokens = Int32Array.from({ length: size }, (_, i) => (i * 7919) % vocabularySize);
  const batch = {
    ...{ tokens, targets: tokens.toReversed(), weights: new Float32Array(size).fill(1) },
    positions: Int32Array.from({ length: size }, (_, i) => i % length),
  };
  const optimizer = {
    ...{ learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clip: 1 },
    ...{ biasCorrection1: 0.1, biasCorrection2: 0.001 },
  };
  const run = (count: number) =>
    Promise.all(Array.from({ length: count }, () => program.step(batch, optimizer)));
  await run(1); // compiles
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push(await milliseconds(() => run(steps)) / steps);
  return median(times);
}

/** Milliseconds in which 16 prompts are read, and of a step in which 16 rows get a token. */
async function generationTimes(
  session: Session,
  config: LanguageModelConfig,
  { prompt, response, vocabularySize }: Work,
): Promise<{ reading: number; step: number }> {
  const program = session.generation({ rows: ROWS, capacity: prompt + response }, {
    prefill: (tape, capacity) => recordPrefill(tape, config, capacity),
    step: (tape, capacity) => recordStep(tape, config, capacity),
  });
  const settings = { temperature: 1, seed: 1, purpose: 1, stop: { tokens: [] } };
  const rows = (maxTokens: number) =>
    Array.from({ length: ROWS }, (_, row) => ({
      prompt: Array.from({ length: prompt }, (_, i) => (row * 31 + i * 7919) % vocabularySize),
      ...{ maxTokens, row },
    }));
  const few = rows(1), many = rows(response);
  await program.run(few, settings); // compiles
  const reading: number[] = [], whole: number[] = [];
  for (let i = 0; i < 3; i++) {
    reading.push(await milliseconds(() => program.run(few, settings)));
    whole.push(await milliseconds(() => program.run(many, settings)));
  }
  return {
    reading: median(reading),
    step: (median(whole) - median(reading)) / (response - 1),
  };
}

/** The table, as Markdown. */
export async function languageModels(
  engine: WebGpuEngine,
  small: boolean,
  say: (line: string) => void,
): Promise<string> {
  const rows: string[][] = [];
  for (const work of small ? TINY : WORKS) {
    say(`pretrained model: ${work.name}`);
    const config = configOf(work), session = sessionOf(engine, config);
    const { sequences, length, prompt } = work, tokens = sequences * length;
    const training = await trainingTime(session, config, work, small ? 2 : 5);
    const { reading, step } = await generationTimes(session, config, work);
    const { layers, output } = matrixWeights(work);
    // Layers: there, there again, and back to their inputs. Output layer: there and back.
    const flops = 2 * tokens * (3 * layers + 2 * output);
    rows.push([
      work.name,
      String(layers + output),
      `${sequences} x ${length}`,
      digits(training),
      digits(tokens / training * 1e3),
      digits(flops / training / 1e6),
      digits(reading),
      digits(ROWS * prompt / reading * 1e3),
      digits(step),
      digits(ROWS / step * 1e3),
    ]);
  }
  const head = [
    ...["shape of", "weights of matrices", "training step", "ms", "tokens/s", "GFLOPS"],
    ...[`${ROWS} prompts read, ms`, "tokens/s", `step of ${ROWS} rows, ms`, "tokens/s"],
  ];
  return markdownTable(head, rows);
}
