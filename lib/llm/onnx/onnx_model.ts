/** ONNX Runtime, loaded when it is first needed, and its models with errors that a user can mend. */
import { join } from "node:path";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { UsageError } from "../../errors.ts";
import { guarded } from "../../run/files.ts";

/** ONNX Runtime's module. */
export type OnnxRuntime = typeof import("onnxruntime-node");

/**
 * ONNX Runtime for this machine.
 *
 * @throws UsageError where there is none, or native code may not be loaded.
 */
export async function loadOnnxRuntime(): Promise<OnnxRuntime> {
  try {
    return await import("onnxruntime-node");
  } catch (error) {
    const message = (error as Error).message.split("\n")[0]!;
    const remedy =
      "ONNX models need it: deno install fetches it, for Linux and Windows (x86-64, ARM64) and " +
      "macOS (ARM64); --allow-ffi=node_modules lets it be loaded";
    throw new UsageError("onnxruntime", message, remedy, { cause: error });
  }
}

/** An input or output of a model. */
export type OnnxTensorInfo = InferenceSession.TensorValueMetadata;

/**
 * A model with its inputs and outputs by name. Its numbers may differ in the last digits from one kind of processor to the
 * other, as ONNX Runtime has code for each.
 */
export class OnnxModel {
  private constructor(
    /** The file. */
    readonly path: string,
    readonly runtime: OnnxRuntime,
    readonly inputs: ReadonlyMap<string, OnnxTensorInfo>,
    readonly outputs: ReadonlyMap<string, OnnxTensorInfo>,
    private readonly session: InferenceSession,
  ) {}

  /**
   * @param path The file, or the folder of its `model.onnx`.
   * @param threads Of one operation; sums inside may be split by it.
   * @throws UsageError for a missing or broken file.
   */
  static async open(path: string, threads: number): Promise<OnnxModel> {
    const file = isFolder(path) ? join(path, "model.onnx") : path;
    // Native code asks nobody whether it may read.
    if (isFolder(file)) throw new UsageError(file, "a folder", "give the path of an ONNX file");
    const runtime = await loadOnnxRuntime();
    let session: InferenceSession;
    try {
      session = await runtime.InferenceSession.create(file, {
        executionProviders: ["cpu"],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        // Its errors are thrown, and need not be printed besides.
        logSeverityLevel: 4,
      });
    } catch (error) {
      const message = (error as Error).message.split("\n")[0]!;
      const remedy =
        "ONNX Runtime cannot load it: give an ONNX model, with its .data file beside it, if it has one";
      throw new UsageError(file, message, remedy, { cause: error });
    }
    const tensors = (of: readonly InferenceSession.ValueMetadata[]) =>
      new Map(of.flatMap((info) => info.isTensor ? [[info.name, info] as const] : []));
    const inputs = tensors(session.inputMetadata), outputs = tensors(session.outputMetadata);
    return new OnnxModel(file, runtime, inputs, outputs, session);
  }

  /**
   * The named outputs.
   *
   * @throws UsageError with ONNX Runtime's message, e.g. where the memory does not suffice.
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    outputs: readonly string[],
  ): Promise<Readonly<Record<string, Tensor>>> {
    try {
      return await this.session.run(feeds, outputs) as Readonly<Record<string, Tensor>>;
    } catch (error) {
      const message = (error as Error).message.split("\n")[0]!;
      const shapes = Object.entries(feeds).map(([name, { dims }]) => `${name} [${dims}]`);
      const remedy = `ONNX Runtime could not run it on ${shapes.slice(0, 3).join(", ")}`;
      throw new UsageError(this.path, message, remedy, { cause: error });
    }
  }

  /** A tensor of 64-bit integers of shape [1, length]. */
  integers(values: readonly number[]): Tensor {
    const data = BigInt64Array.from(values, BigInt);
    return new this.runtime.Tensor("int64", data, [1, values.length]);
  }

  /**
   * Throws a UsageError for an input that `isKnown` does not know, as nobody could say what to feed there, and where one of
   * `needed` is missing.
   */
  checkInputs(isKnown: (name: string) => boolean, needed: readonly string[], known: string): void {
    for (const name of this.inputs.keys()) {
      if (isKnown(name)) continue;
      throw new UsageError(this.path, name, `an input that is not known here; known are ${known}`);
    }
    for (const name of needed) {
      if (this.inputs.has(name)) continue;
      const has = [...this.inputs.keys()].join(", ");
      throw new UsageError(this.path, has, `the inputs lack ${name}; known are ${known}`);
    }
  }

  /** Frees its memory. */
  close(): Promise<void> {
    return this.session.release();
  }
}

function isFolder(path: string): boolean {
  try {
    return guarded(path, () => Deno.statSync(path)).isDirectory;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(
      path,
      "missing",
      "give the path of an ONNX file, or the folder of its model.onnx",
    );
  }
}
