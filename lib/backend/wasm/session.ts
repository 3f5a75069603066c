import type {
  BatchShape,
  DecodingProgram,
  DecodingShape,
  ForwardProgram,
  GenerationProgram,
  GenerationRecorder,
  Session,
  StateName,
  TrainingProgram,
} from "../../tensor/backend.ts";
import type { Parameter, Tape } from "../../tensor/tape.ts";
import { Decoding } from "./decoding.ts";
import type { WasmDevice } from "./device.ts";
import { forwardProgram } from "./forward.ts";
import type { WasmFrozenWeights } from "./frozen.ts";
import { Generation } from "./generation.ts";
import { WasmState } from "./state.ts";
import { trainingProgram, Update } from "./training.ts";

/** One model on a WASM device: its state, and the programs compiled for it. */
export class WasmSession implements Session {
  readonly #state: WasmState;
  #update: Update | undefined;

  constructor(
    device: WasmDevice,
    parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
    frozen?: WasmFrozenWeights,
  ) {
    this.#state = new WasmState(device, parameters, constants, frozen);
  }

  read(state: StateName, name: string): Promise<Float32Array> {
    return Promise.resolve(this.#state.read(state, name));
  }

  write(state: StateName, name: string, values: Float32Array): void {
    this.#state.write(state, name, values);
  }

  training(shape: BatchShape, record: (tape: Tape) => void): TrainingProgram {
    this.#update ??= new Update(this.#state);
    return trainingProgram(this.#state, this.#update, shape, record);
  }

  forward(
    shape: BatchShape & { slots: number },
    record: (tape: Tape) => void,
  ): ForwardProgram {
    return forwardProgram(this.#state, shape, record);
  }

  decoding(
    shape: DecodingShape,
    record: (tape: Tape, capacity: number) => void,
  ): DecodingProgram {
    return new Decoding(this.#state, shape, record);
  }

  generation(shape: DecodingShape, record: GenerationRecorder): GenerationProgram {
    return new Generation(this.#state, shape, record);
  }
}
