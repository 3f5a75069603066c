/**
 * Generation with weights, activations and the KV cache in float16: half the memory and half the traffic, in which
 * generation spends its time. Sums are float32, and so are the logits. Values have 11 significant bits and end at 65504:
 * an activation beyond that is infinite, and so are the logits that follow from it, which `Model.generate` refuses.
 */
import { UsageError } from "../../errors.ts";
import type { Buffer, Tape } from "../../tensor/tape.ts";
import { type Dispatch, grid } from "./dispatch.ts";
import type { WebGpuDevice } from "./device.ts";
import { Pool, Program, type View } from "./program.ts";

/** How generation keeps weights, activations and the KV cache. */
export type Storage = "float32" | "float16";

/** Throws UsageError where the device cannot store `storage`. */
export function checkStorage({ device, adapter }: WebGpuDevice, storage: Storage): void {
  if (storage === "float32" || device.features.has("shader-f16")) return;
  throw new UsageError(
    "generationStorage",
    storage,
    `${
      adapter.description || "the adapter"
    } lacks WebGPU's shader-f16: leave the option out, or use a newer ` +
      "driver or card (Vulkan: shaderFloat16 and storageBuffer16BitAccess)",
  );
}

/** What a decoding program keeps in float16: all but logits, from which tokens are drawn, and what no kernel reads. */
export function halfBuffers({ instructions, buffers }: Tape): ReadonlySet<Buffer> {
  const full = new Set(
    instructions.flatMap((i) => i.op === "sample" ? i.x : i.op === "rmsnorm_forward" ? i.rstd : []),
  );
  return new Set(
    buffers.filter((b) =>
      (b.space === "parameter" || b.space === "cache" || b.space === "activation") && !full.has(b)
    ),
  );
}

/** Offsets are whole bindings: 256 bytes. */
const ALIGNMENT = 256;

/** A model's weights in float16: a copy on the device, made anew before it is used after a change. */
export class HalfWeights {
  readonly #views = new Map<string, View>();
  readonly #program: Program;
  #isStale = true;

  /**
   * @param weights Elements of each weight, a multiple of 4, by name.
   * @param source Where a weight lies in float32.
   */
  constructor(
    private readonly device: WebGpuDevice,
    weights: ReadonlyMap<string, number>,
    source: (name: string) => View,
  ) {
    const offsets = new Map<string, number>();
    let bytes = 0;
    for (const [name, elements] of weights) {
      offsets.set(name, bytes);
      bytes += Math.ceil(elements * 2 / ALIGNMENT) * ALIGNMENT;
    }
    const buffer = device.buffer("weights of the model in float16", bytes);
    const dispatches: Dispatch[] = [];
    for (const [name, elements] of weights) {
      this.#views.set(name, { buffer, offset: offsets.get(name)!, size: elements * 2 });
      const operand = (space: Buffer["space"]): Buffer => (
        { id: 0, label: name, space, rows: 1, cols: elements, layout: "plain" }
      );
      dispatches.push({
        kernel: "store",
        dims: [elements / 4],
        operands: { x: operand("parameter"), y: operand("constant") },
        groups: grid(Math.ceil(elements / 1024)),
        half: ["y"],
      });
    }
    this.#program = new Program(device, dispatches, {
      pool: new Pool(device),
      resolve: (operand) => {
        const { label, space } = operand as Buffer;
        return space === "parameter" ? source(label) : this.view(label);
      },
    });
  }

  /** Where a weight lies. */
  view(name: string): View {
    return this.#views.get(name)!;
  }

  /** To be called where weights change. */
  changed(): void {
    this.#isStale = true;
  }

  /** Submits the copy, unless nothing has changed since the last. */
  refresh(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    this.device.submit((pass) => this.#program.encode(pass));
  }
}
