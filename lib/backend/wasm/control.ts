/** The control block at the start of shared memory, through which the engine commands its lanes. */

/** Byte address of the control words (int32). */
export const CONTROL = 4096;

/** Indices of control words. */
export const Word = {
  /** Counts commands; lanes wait on it. */
  generation: 0,
  /** Lanes that have not finished the command. */
  pending: 1,
  /** `Command`. */
  command: 2,
  /** Job of the command. */
  job: 3,
  /** Address and length of a job's JSON, for `load`. */
  address: 4,
  length: 5,
  /** Set to 1 by a lane that failed; its message stands at ERROR. */
  failed: 6,
  /** Lanes that have come to where all meet, and a count of meetings; lanes wait on the latter. */
  arrived: 7,
  meetings: 8,
  /** Set to 1 by a lane that will not come to the next one: it failed. */
  stopped: 9,
} as const;

/** Commands. */
export const Command = { load: 1, run: 2, close: 3 } as const;

/** Byte address of run-time scalars (float64), in the order of SCALARS. */
export const SCALAR_BLOCK = CONTROL + 256;

/** Names of the run-time scalars that the engine sets before a command. */
export const SCALARS = [
  ...["lossScale", "valueLossScale", "inverseTemperature", "seed", "purpose", "topK", "topP"],
  ...["steps", "active", "clip", "learningRate", "weightDecay", "beta1", "beta2", "epsilon"],
  ...["biasCorrection1", "biasCorrection2"],
] as const;
/** Name of a run-time scalar. */
export type ScalarName = typeof SCALARS[number];

/** Byte address of the addresses of the lanes' working memory (float64). */
export const ARENAS = CONTROL + 512;

/** Byte address of the error message: its length (int32), then its bytes. */
export const ERROR = 8192;
/** Bytes of both. */
export const ERROR_BYTES = 4096;

/** First byte that may be allocated. */
export const HEAP = 65536;

/** Shards of a batch: fixed, so that results do not depend on the number of lanes. */
export const SHARDS = 4;
/** Sequences worked on at a time: fixed for the same reason, and small so that activations stay in cache. */
export const CHUNK = 4;
/** Floats in a block of the reduction and the optimizer. */
export const BLOCK = 16384;
