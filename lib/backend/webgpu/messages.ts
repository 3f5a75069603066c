/** The messages to a WebGPU engine in a Worker and its replies. Objects go by number; the caller gives the numbers. */
import type { ErrorData } from "../../errors.ts";
import type {
  AdamWStep,
  BatchRecords,
  BatchShape,
  DecodingShape,
  GenerationOptions,
  GenerationRow,
  StateName,
} from "../../tensor/backend.ts";
import type { FrozenWeight, Parameter, Tape } from "../../tensor/tape.ts";
import type { AdapterDescription } from "./device.ts";
import type { WebGpuEngineOptions } from "./engine.ts";
import type { GenerationSettings } from "./generation.ts";

/** A recorded program. Buffers are shared by identity, which structured cloning keeps within a message. */
export type Recorded = Pick<Tape, "instructions" | "buffers">;

/** Makes an object, `object`; an error goes to whoever uses it. */
export type Make = Readonly<
  | {
    make: "session";
    parameters: readonly Parameter[];
    constants: Readonly<Record<string, Float32Array>>;
    /** The number of the frozen weights. */
    frozen: number | undefined;
  }
  | { make: "frozen"; weights: readonly FrozenWeight[] }
  | { make: "training"; session: number; shape: BatchShape; tape: Recorded }
  | { make: "forward"; session: number; shape: BatchShape & { slots: number }; tape: Recorded }
  | { make: "decoding"; session: number; shape: DecodingShape; tape: Recorded }
  | { make: "generation"; session: number; shape: DecodingShape; rows: number; step: Recorded }
>;

/** What a decoding program is fed; see `DecodingProgram`. */
interface Fed {
  forced: Int32Array;
  positions: Int32Array;
  rowIds: Int32Array;
}

/** Asks an object, `object`, for something; answered under the number `ask`. */
export type Ask = Readonly<
  | { call: "read"; state: StateName; name: string }
  | { call: "step"; batch: BatchRecords; optimizer: AdamWStep; normalizer: number | undefined }
  | { call: "gradients"; batch: BatchRecords; normalizer: number | undefined }
  | { call: "forward"; batch: BatchRecords; slots: number }
  | { call: "generate"; options: GenerationOptions } & Fed
  | {
    call: "respond";
    rows: readonly GenerationRow[];
    settings: GenerationSettings;
    /** The tapes that read prompts of these lengths, where they have not been sent. */
    prefills: ReadonlyMap<number, Recorded>;
  }
  | { call: "logits" } & Fed
>;

/** A command without an answer. */
export type Tell = Readonly<
  | { tell: "start"; options: WebGpuEngineOptions }
  | { tell: "write"; object: number; state: StateName; name: string; values: Float32Array }
  | {
    tell: "write frozen";
    object: number;
    name: string;
    values: Float32Array;
    firstColumn: number;
  }
  /** The caller's turn has ended: what it waits for may be read back. */
  | { tell: "end of turn" }
  | { tell: "close" }
>;

/** One thing to do, in the order of sending. */
export type Request =
  | (Make & { readonly object: number })
  | (Ask & { readonly object: number; readonly ask: number })
  | Tell;

/** What comes back. */
export type Reply = Readonly<
  | { ready: AdapterDescription }
  | { notReady: ErrorData }
  | { ask: number; answer: unknown }
  | { ask: number; error: ErrorData }
>;
