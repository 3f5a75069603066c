import type {
  AdamWStep,
  BatchRecords,
  GradientReport,
  StepReport,
  TrainingProgram,
} from "../../tensor/backend.ts";
import { lossScale } from "../../tensor/loss_scale.ts";
import type { Tape } from "../../tensor/tape.ts";
import { type Dispatch, grid } from "./dispatch.ts";
import type { Lowering } from "./lower.ts";
import { found, Program, type Resolve, type View } from "./program.ts";
import { Records } from "./records.ts";
import { unpack, type WebGpuState } from "./state.ts";

/** Reports that the device keeps before they are read back. */
const REPORTS = 64;
/** Floats that a workgroup of sum_squares.wgsl adds up. */
const SQUARES = 4096;
/** Records that the device writes. */
const OUTPUTS = new Set(["loss", "valueLoss"]);

interface Waiting {
  /** Whether weights were to change, so that a gradient that is not finite is an error. */
  readonly step: boolean;
  resolve(report: StepReport): void;
  reject(error: unknown): void;
}

/** Training steps on a WebGPU device: one command buffer a step, unless it is a long one, no wait; reports are read back many at a time. */
export class Training implements TrainingProgram {
  readonly #records: Records;
  readonly #backward: Program;
  readonly #update: Program;
  /** Parts of the gradient that this program never writes: they must be zero. */
  readonly #untouched: readonly Required<View>[];
  readonly #reports: GPUBuffer;
  readonly #control: GPUBuffer;
  #waiting: Waiting[] = [];
  /** One function, so that the device notes it once a turn. */
  readonly #readBack = () => this.#flush();

  constructor(
    private readonly state: WebGpuState,
    private readonly tape: Tape,
    lowering: Lowering,
  ) {
    const { device, pool, layout } = state;
    const vectors = layout.count / 4, squares = Math.ceil(layout.count / SQUARES);
    const norms = { space: "temporary", label: "squares", elements: squares } as const;
    lowering.emit("sum_squares", grid(squares), [vectors], {
      g: "gradient",
      out: norms,
    });
    lowering.emit("report", [1, 1, 1], [tape.rows, squares], {
      scalars: "scalars",
      loss: tape.batch("loss"),
      value_loss: tape.batch("valueLoss"),
      squares: norms,
      control: "control",
      reports: "reports",
    });
    const update: Dispatch[] = [{
      kernel: "adamw",
      groups: grid(Math.ceil(vectors / 256)),
      dims: [vectors, layout.decayed / 4],
      operands: {
        scalars: "scalars",
        control: "control",
        gradient: "gradient",
        weights: "weights",
        m: "m",
        v: "v",
      },
    }];
    this.#records = new Records(device, tape.buffers, lowering.dispatches, OUTPUTS);
    this.#reports = device.buffer("reports", REPORTS * 16);
    this.#control = device.buffer("control", 16);
    // A head that the model lacks has no losses: they stay zero.
    const losses = new Map([...OUTPUTS].map((x) => [x, device.buffer(x, tape.rows * 4)]));
    // Training reads its tokens and positions at step 0.
    const own: Partial<Record<string, View>> = {
      scalars: this.#records.scalarView,
      control: { buffer: this.#control },
      reports: { buffer: this.#reports },
      step: { buffer: device.buffer("step", 16) },
    };
    const resolve: Resolve = (operand) => {
      if (typeof operand === "string") {
        return found(operand, own[operand], state.resolve(operand));
      }
      const loss = operand.space === "batch" ? losses.get(operand.label) : undefined;
      return found(
        operand,
        state.resolve(operand),
        loss && { buffer: loss },
        operand.space === "batch" ? this.#records.view(operand.label) : undefined,
      );
    };
    const { sizes } = lowering;
    this.#backward = new Program(device, lowering.dispatches, { resolve, pool, sizes });
    this.#update = new Program(device, update, { resolve, pool });
    this.#untouched = [...layout.slots.keys()].filter((name) => !lowering.gradients.has(name))
      .map((name) => state.part("gradient", name));
  }

  step(batch: BatchRecords, o: AdamWStep, normalizer?: number): Promise<StepReport> {
    this.state.changed();
    return this.#run(batch, o, normalizer);
  }

  gradients(batch: BatchRecords, normalizer?: number): Promise<GradientReport> {
    this.state.device.check();
    const report = this.#run(batch, undefined, normalizer);
    // Copied out before any later call changes it: the queue keeps the order.
    const flat = this.state.readFlat("gradient");
    return Promise.all([report, flat]).then(([report, flat]) => ({
      ...report,
      gradients: Object.fromEntries(
        [...this.state.layout.slots].map(([name, slot]) => [name, unpack(flat, slot)]),
      ),
    }));
  }

  /** Submits one step, or one backward pass without an optimizer. */
  #run(
    batch: BatchRecords,
    o: AdamWStep | undefined,
    normalizer: number | undefined,
  ): Promise<StepReport> {
    const { device } = this.state;
    const { queue } = device.device;
    this.#records.write(batch, this.tape.rows);
    this.#setScalars(batch, o, normalizer);
    this.#records.upload();
    const last = this.#backward.parts - 1;
    this.#backward.submit(last);
    const encoder = device.device.createCommandEncoder();
    // The norm, in the last part, is the first that reads them.
    for (const { buffer, offset, size } of this.#untouched) {
      encoder.clearBuffer(buffer, offset, size);
    }
    const pass = encoder.beginComputePass();
    this.#backward.encode(pass, last);
    if (o) this.#update.encode(pass);
    pass.end();
    // Gradients alone may be what they are: only a step must not use them.
    if (!o) encoder.clearBuffer(this.#control);
    queue.submit([encoder.finish()]);
    const report = new Promise<StepReport>((resolve, reject) => {
      this.#waiting.push({ step: o !== undefined, resolve, reject });
    });
    // Whoever awaits the report later gets the error; until then nobody does.
    report.catch(() => {});
    if (this.#waiting.length === REPORTS) this.#flush();
    else device.later(this.#readBack);
    return report;
  }

  #setScalars(
    batch: BatchRecords,
    o: AdamWStep | undefined,
    normalizer: number | undefined,
  ): void {
    const { scalars, integers } = this.#records;
    scalars.set([lossScale(batch.weights, normalizer), lossScale(batch.valueWeights)]);
    // Infinity is no number that a kernel may rely on.
    scalars[2] = Math.min(o?.clip ?? Infinity, 3e38);
    integers[3] = this.#waiting.length;
    if (!o) return;
    scalars.set([
      1 - o.learningRate * o.weightDecay,
      o.beta1,
      o.beta2,
      o.learningRate / o.biasCorrection1,
      1 / Math.sqrt(o.biasCorrection2),
      o.epsilon,
    ], 4);
  }

  /** Reads back what the steps since the last flush reported. */
  #flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    const { device } = this.state;
    const reject = (error: unknown) => waiting.forEach((w) => w.reject(error));
    try {
      device.read([{ buffer: this.#reports, bytes: waiting.length * 16 }]).then(([bytes]) => {
        const reports = new Float32Array(bytes!);
        let failed = false;
        waiting.forEach(({ step, resolve, reject }, i) => {
          const [loss, valueLoss, gradientNorm, flag] = [...reports.subarray(i * 4, i * 4 + 4)] as [
            ...[number, number, number, number],
          ];
          if (step && flag !== 0) {
            reject(notFinite({ loss, valueLoss, gradientNorm }));
            failed = true;
          } else resolve({ loss, valueLoss, gradientNorm });
        });
        // Whoever catches the error may go on.
        if (failed) device.device.queue.writeBuffer(this.#control, 0, new Uint32Array(4));
      }).catch(reject);
    } catch (error) {
      reject(error);
    }
  }
}

function notFinite({ loss, valueLoss, gradientNorm }: StepReport): Error {
  return new Error(
    Number.isFinite(gradientNorm)
      ? "the gradient of an earlier step is not finite: this step changed nothing"
      : `the gradient is ${gradientNorm} (loss ${loss}, value loss ${valueLoss}): ` +
        "lower the learning rate or look at the batch",
  );
}
