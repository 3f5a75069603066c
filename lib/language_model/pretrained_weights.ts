import { UsageError } from "../errors.ts";
import { sha256, sha256OfParts } from "../numeric/digest.ts";
import { RandomStream } from "../numeric/random.ts";
import type { Backend, FrozenWeights } from "../tensor/backend.ts";
import type { WeightStorage } from "../tensor/tape.ts";
import type { Architecture } from "./architecture.ts";
import { tensorShapes } from "./tensor_shapes.ts";
import { checkArchitecture } from "./check_config.ts";
import { frozenWeights } from "./config.ts";

/**
 * A pretrained model's weights on a backend, which any number of models share: an actor, its reference policy and its
 * critics, each with adapters and heads of its own.
 */
export class PretrainedWeights {
  /** The weights on the device, for sessions. */
  readonly device: FrozenWeights;
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #digests = new Map<string, string>();

  /**
   * All zero until they are written.
   *
   * @param storage How matrices are stored; norms and biases are float32.
   * @throws UsageError for an architecture that the kernels cannot run, and for more memory than the backend has.
   */
  constructor(
    readonly backend: Backend,
    readonly architecture: Architecture,
    readonly storage: WeightStorage,
  ) {
    checkArchitecture(architecture);
    this.#shapes = tensorShapes(architecture);
    this.device = backend.frozen(frozenWeights({ architecture, storage }));
  }

  /**
   * Writes all tensors.
   *
   * @param read The numbers of a tensor by Hugging Face's name, or parts of them in their order, of matrices whole rows;
   *   these are (outputs, inputs), row-major. Asked once for each, so that no more than a part is in memory at a time.
   * @throws UsageError for a number that the storage has no place for, RangeError for a wrong count of them.
   */
  write(read: (name: string) => Float32Array | Iterable<Float32Array>): this {
    for (const [name, [outputs, inputs]] of this.#shapes) {
      const given = read(name), digest = sha256OfParts();
      let rows = 0;
      for (const values of given instanceof Float32Array ? [given] : given) {
        const { buffer, byteOffset, byteLength } = values;
        digest.update(new Uint8Array(buffer, byteOffset, byteLength));
        if (inputs !== undefined && this.storage === "float16") checkRange(name, values);
        this.device.write(name, values, rows);
        rows += values.length / (inputs ?? 1);
      }
      if (rows !== outputs) throw new RangeError(`${name} has ${rows} rows, needs ${outputs}`);
      this.#digests.set(name, digest.hex());
    }
    return this;
  }

  /** SHA-256 over all tensors as they were written, before they were rounded to the storage. Throws Error before that. */
  digest(): string {
    const lines = [...this.#shapes.keys()].map((name) => `${name}:${this.digestOf(name)}`);
    return sha256(new TextEncoder().encode(lines.join("\n")));
  }

  /** That of a single tensor, of its float32 numbers. */
  digestOf(name: string): string {
    const digest = this.#digests.get(name);
    if (!digest) throw new Error(`${name} has not been written`);
    return digest;
  }
}

/**
 * Random weights of an architecture, for tests and trials without a pretrained model: norms are 1, all else is normal with a
 * variance of 1 / inputs, each tensor from a stream of its own.
 *
 * @returns What `PretrainedWeights.write` reads.
 */
export function randomWeights(
  architecture: Architecture,
  seed: number,
): (name: string) => Float32Array<ArrayBuffer> {
  const shapes = tensorShapes(architecture);
  return (name) => {
    const shape = shapes.get(name)!, [outputs, inputs] = shape;
    const values = new Float32Array(outputs! * (inputs ?? 1));
    if (name.endsWith("norm.weight")) return values.fill(1);
    const random = new RandomStream({ seed, purpose: `pretrained/${name}` });
    const deviation = Math.sqrt(1 / shape.at(-1)!);
    for (let i = 0; i < values.length; i++) values[i] = random.normal() * deviation;
    return values;
  };
}

/** The largest float16. */
const FLOAT16_MAX = 65504;

function checkRange(name: string, values: Float32Array): void {
  for (const value of values) {
    if (Math.abs(value) <= FLOAT16_MAX) continue;
    throw new UsageError(`${name}: storage`, "float16", `it has no ${value}: use "bfloat16"`);
  }
}
