/** The messages to a WebGPU engine in a Worker and its replies. Objects go by number; the caller gives the numbers. */
import type { ErrorData } from "../../errors.ts";
import type {
  AdamWStep,
  BatchRecords,
  BatchShape,
  DecodingShape,
  GenerationOptions,
  StateName,
} from "../../tensor/backend.ts";
import type { Parameter, Tape } from "../../tensor/tape.ts";
import type { AdapterDescription } from "./device.ts";
import type { WebGpuEngineOptions } from "./engine.ts";

/** A recorded program. Buffers are shared by identity, which structured cloning keeps within a message. */
export type Recorded = Pick<Tape, "instructions" | "buffers">;

/** Makes an object, `object`; an error goes to whoever uses it. */
export type Make =
  | {
    readonly make: "session";
    readonly parameters: readonly Parameter[];
    readonly constants: Readonly<Record<string, Float32Array>>;
  }
  | {
    readonly make: "training";
    readonly session: number;
    readonly shape: BatchShape;
    readonly tape: Recorded;
  }
  | {
    readonly make: "forward";
    readonly session: number;
    readonly shape: BatchShape & { slots: number };
    readonly tape: Recorded;
  }
  | {
    readonly make: "decoding";
    readonly session: number;
    readonly shape: DecodingShape;
    readonly tape: Recorded;
  };

/** Asks an object, `object`, for something; answered under the number `ask`. */
export type Ask =
  | { readonly call: "read"; readonly state: StateName; readonly name: string }
  | {
    readonly call: "step";
    readonly batch: BatchRecords;
    readonly optimizer: AdamWStep;
    readonly normalizer: number | undefined;
  }
  | {
    readonly call: "gradients";
    readonly batch: BatchRecords;
    readonly normalizer: number | undefined;
  }
  | { readonly call: "forward"; readonly batch: BatchRecords; readonly slots: number }
  | {
    readonly call: "generate";
    readonly forced: Int32Array;
    readonly positions: Int32Array;
    readonly rowIds: Int32Array;
    readonly options: GenerationOptions;
  }
  | {
    readonly call: "logits";
    readonly forced: Int32Array;
    readonly positions: Int32Array;
    readonly rowIds: Int32Array;
  };

/** A command without an answer. */
export type Tell =
  | { readonly tell: "start"; readonly options: WebGpuEngineOptions }
  | {
    readonly tell: "write";
    readonly object: number;
    readonly state: StateName;
    readonly name: string;
    readonly values: Float32Array;
  }
  /** The caller's turn has ended: what it waits for may be read back. */
  | { readonly tell: "end of turn" }
  | { readonly tell: "close" };

/** One thing to do, in the order of sending. */
export type Request =
  | (Make & { readonly object: number })
  | (Ask & { readonly object: number; readonly ask: number })
  | Tell;

/** What comes back. */
export type Reply =
  | { readonly ready: AdapterDescription }
  | { readonly notReady: ErrorData }
  | { readonly ask: number; readonly answer: unknown }
  | { readonly ask: number; readonly error: ErrorData };
