import type {
  AdamWStep,
  BatchRecords,
  BatchShape,
  GradientReport,
  StepReport,
  TrainingProgram,
} from "../../tensor/backend.ts";
import { lossScale as scaleOf } from "../../tensor/loss_scale.ts";
import { recorded, Tape } from "../../tensor/tape.ts";
import { BLOCK, CHUNK, SHARDS } from "./control.ts";
import type { WasmDevice } from "./device.ts";
import { bytesOf, makePlan } from "./plan.ts";
import { Records } from "./records.ts";
import type { WasmState } from "./state.ts";

/** What all training programs of a model share: the shards' gradients, and the jobs that add them up and use them. */
export class Update {
  /** Address of the shards' gradients, one after the other; once added up, the first is their sum. */
  readonly gradients: number;
  /** Bytes of one shard's gradients. */
  readonly bytes: number;
  readonly #device: WasmDevice;
  readonly #reduce: number;
  readonly #update: number;
  readonly #squares: { readonly address: number; readonly length: number };

  constructor(state: WasmState) {
    const { device, layout: { count, decayed: undecayed } } = state;
    this.#device = device;
    this.bytes = count * 4;
    const gradients = this.gradients = device.allocate(SHARDS * this.bytes);
    const length = Math.ceil(count / BLOCK), squares = device.allocate(length * 4);
    this.#squares = { address: squares, length };
    this.#reduce = device.load({ kind: "reduce", gradients, stride: this.bytes, count, squares });
    const [weights, m, v] = [state.flat("weights"), state.flat("m"), state.flat("v")];
    this.#update = device.load({ kind: "update", weights, gradients, m, v, count, undecayed });
  }

  /** Adds up the shards' gradients; returns the L2 norm of the sum. */
  reduce(): number {
    this.#device.run(this.#reduce);
    return Math.sqrt(total(this.#device.f32(this.#squares.address, this.#squares.length)));
  }

  /** AdamW, with the sum of gradients times `clip`. */
  step(o: AdamWStep, clip: number): void {
    this.#device.run(this.#update, { ...o, clip });
  }
}

/** Compiles a training step: transposes the weights, then forward and backward chunk by chunk, then the update. */
export function trainingProgram(
  state: WasmState,
  update: Update,
  { sequences, length, chunk = CHUNK }: BatchShape,
  record: (tape: Tape) => void,
): TrainingProgram {
  const { device } = state;
  const tape = recorded(new Tape(chunk, length, true), record);
  const calls = tape.buffers.filter((b) => b.space === "transposed").map((b) => {
    const y = state.transposed.get(b.label) ?? device.allocate(bytesOf(b));
    state.transposed.set(b.label, y);
    // b is (cols, rows) of the weight.
    const args = [y, (b.rows + 1) * 64, state.weight(b.label), (b.cols + 1) * 64, b.cols, b.rows];
    return { kernel: "transpose", args };
  });
  const chunks = Math.ceil(sequences / chunk);
  const records = new Records(device, tape, chunks);
  const transpose = device.load({ kind: "calls", calls });
  /** By the tokens that it computes of each sequence: the job with the plan. */
  const ofLength = new Map<number, number>();
  const planOf = (tokens: number): number => {
    const known = ofLength.get(tokens);
    if (known !== undefined) return known;
    const own = tokens === length ? tape : recorded(new Tape(chunk, tokens, true), record);
    const plan = makePlan(own, state.placed(records.fields));
    device.reserveArenas(plan.laneBytes);
    const id = device.load({ kind: "plan", plan });
    ofLength.set(tokens, id);
    return id;
  };
  const plans = device.allocate(chunks * 4);
  const run = device.load({
    kind: "chunks",
    chunks,
    plans,
    gradients: { address: update.gradients, bytes: update.bytes },
  });
  const backward = (batch: BatchRecords, normalizer: number | undefined): StepReport => {
    records.write(batch, sequences * length);
    // Where a chunk is one sequence, what follows its last token with a weight only adds zeros at the end of sums.
    const ids = Array.from(
      { length: chunks },
      (_, s) => planOf(chunk === 1 ? computedTokens(batch, s, length) : length),
    );
    device.i32(plans, chunks).set(ids);
    const lossScale = scaleOf(batch.weights, normalizer);
    const valueLossScale = scaleOf(batch.valueWeights);
    device.run(transpose);
    device.run(run, { lossScale, valueLossScale });
    const gradientNorm = update.reduce();
    return {
      loss: total(records.read("loss")) * lossScale,
      valueLoss: total(records.read("valueLoss")) * valueLossScale,
      gradientNorm,
    };
  };
  return {
    step(batch, o, normalizer): Promise<StepReport> {
      const report = backward(batch, normalizer), { loss, valueLoss, gradientNorm } = report;
      if (!Number.isFinite(gradientNorm)) {
        throw new Error(
          `the gradient is ${gradientNorm} (loss ${loss}, value loss ${valueLoss}): ` +
            "lower the learning rate or look at the batch",
        );
      }
      update.step(o, Math.min(1, o.clip / (gradientNorm + 1e-6)));
      return Promise.resolve(report);
    },
    gradients(batch, normalizer): Promise<GradientReport> {
      const report = backward(batch, normalizer);
      const gradients = Object.fromEntries(
        [...state.layout.slots].map(([name, s]) => [name, state.unpack(update.gradients, s)]),
      );
      return Promise.resolve({ ...report, gradients });
    },
  };
}

/** Lengths that have plans of their own are so far apart. */
const LENGTH_STEP = 16;

/** How many tokens of a sequence must be computed: attention is causal, so none after the last that has a weight. */
function computedTokens(
  { weights, valueWeights }: BatchRecords,
  sequence: number,
  length: number,
): number {
  const start = sequence * length;
  let used = 0;
  for (const record of [weights, valueWeights]) {
    let t = record ? length : 0;
    while (t > used && record![start + t - 1] === 0) t--;
    used = Math.max(used, t);
  }
  return Math.min(length, Math.max(LENGTH_STEP, Math.ceil(used / LENGTH_STEP) * LENGTH_STEP));
}

/** Sum in float64, in order. */
function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
