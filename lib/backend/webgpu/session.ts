import type {
  BatchShape,
  DecodingProgram,
  DecodingShape,
  ForwardProgram,
  FrozenWeights,
  GenerationProgram,
  GenerationRecorder,
  Session,
  StateName,
  TrainingProgram,
} from "../../tensor/backend.ts";
import { type Parameter, recorded, Tape } from "../../tensor/tape.ts";
import { Decoding } from "./decoding.ts";
import type { WebGpuDevice } from "./device.ts";
import { ownFrozenWeights } from "./frozen.ts";
import { forwardProgram } from "./forward.ts";
import type { GemmTuning } from "./gemm.ts";
import { Generation, type GenerationTapes, generationTapes } from "./generation.ts";
import { halfBuffers, type Storage } from "./half_storage.ts";
import { Lowering } from "./lower.ts";
import { WebGpuState } from "./state.ts";
import { Training } from "./training.ts";

/** One model on a WebGPU device: its state, and the programs compiled for it. */
export class WebGpuSession implements Session {
  readonly #state: WebGpuState;

  constructor(
    device: WebGpuDevice,
    private readonly tuning: GemmTuning,
    private readonly generationStorage: Storage,
    parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
    frozen?: FrozenWeights,
  ) {
    const own = ownFrozenWeights(device, frozen);
    this.#state = new WebGpuState(device, parameters, constants, own);
  }

  read(state: StateName, name: string): Promise<Float32Array> {
    return this.#state.read(state, name);
  }

  write(state: StateName, name: string, values: Float32Array): void {
    this.#state.write(state, name, values);
  }

  training({ sequences, length }: BatchShape, record: (tape: Tape) => void): TrainingProgram {
    const tape = recorded(new Tape(sequences, length, true), record);
    return new Training(this.#state, tape, Lowering.of(tape, this.tuning));
  }

  forward(
    { sequences, length, slots }: BatchShape & { slots: number },
    record: (tape: Tape) => void,
  ): ForwardProgram {
    const tape = recorded(new Tape(sequences, length, false), record);
    return forwardProgram(this.#state, tape, Lowering.of(tape, this.tuning), slots);
  }

  decoding(
    shape: DecodingShape,
    record: (tape: Tape, capacity: number) => void,
  ): DecodingProgram {
    const tape = recorded(new Tape(shape.rows, 1, false), (t) => record(t, shape.capacity));
    const half = this.generationStorage === "float16" ? halfBuffers(tape) : undefined;
    return new Decoding(this.#state, tape, Lowering.of(tape, this.tuning, half), shape);
  }

  generation(shape: DecodingShape, recorder: GenerationRecorder): GenerationProgram {
    return this.generationOf(shape, generationTapes(shape, recorder));
  }

  /** Compiles a generation that is recorded. */
  generationOf(shape: DecodingShape, tapes: GenerationTapes): GenerationProgram {
    return new Generation(this.#state, shape, tapes, this.tuning);
  }
}
