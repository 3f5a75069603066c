import { UsageError } from "../../errors.ts";
import { type Binding, type Constants, specialize } from "./source.ts";

/** A compiled kernel. */
export interface Kernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly bindings: readonly Binding[];
}

/** Which adapter was found. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** A software adapter: right, but not fast. */
  readonly software: boolean;
}

const REMEDIES: Readonly<Record<string, string>> = {
  linux:
    "install the graphics driver's Vulkan part and loader (Debian: libvulkan1 and the card's driver, " +
    "or mesa-vulkan-drivers, which also has a software adapter), or use --backend wasm",
  darwin:
    "WebGPU needs Metal: run on the machine itself, not in a container, or use --backend wasm",
  windows: "update the graphics driver (Direct3D 12 or Vulkan), or use --backend wasm",
};

/** What helps on a machine without an adapter. */
export function adapterRemedy(os: string = Deno.build.os): string {
  return REMEDIES[os] ?? "install a Vulkan driver, or use --backend wasm";
}

/** Limits taken as high as the adapter allows; the others stay at WebGPU's defaults. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
] as const;

/**
 * A WebGPU device: asks for an adapter, compiles kernels, makes buffers, reads them back, and turns everything that
 * can go wrong into an error that says what to do.
 *
 * WebGPU reports errors late and by promise. They are collected here: the first one stays the device's `failure`,
 * which every later call throws. Nothing already computed and read back is affected.
 */
export class WebGpuDevice {
  readonly #kernels = new Map<string, Kernel>();
  /** The first error, which every later call throws. */
  #failure: Error | undefined;
  /** Error scopes whose answer is not here yet. */
  readonly #scopes = new Set<Promise<void>>();
  /** What waits for the end of the caller's turn. */
  readonly #later = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  private constructor(
    readonly device: GPUDevice,
    readonly adapter: AdapterDescription,
    private readonly turns: "timer" | "manual",
  ) {
    device.lost.then(({ reason, message }) => {
      if (this.#closed) return;
      this.#fail(
        new Error(
          `the GPU device was lost (${reason}: ${message}): its driver gave up. Finished runs are kept; ` +
            "start again, with a smaller batch or model if it happens again",
        ),
      );
    });
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      this.#fail(new Error(`the GPU reports: ${error.message}`));
    });
  }

  /**
   * Asks for the fastest adapter. Throws UsageError, with the remedy for the platform, where there is none.
   *
   * @param turns When the caller's turn ends, so that reports are read back: at the next timer, or at `endTurn` alone.
   */
  static async create(
    { gpu = navigator.gpu, turns = "timer" }: {
      gpu?: GPU | undefined;
      turns?: "timer" | "manual";
    } = {},
  ): Promise<WebGpuDevice> {
    const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw new UsageError("--backend", "webgpu", `no adapter: ${adapterRemedy()}`);
    const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
    const requiredFeatures = (["timestamp-query", "shader-f16"] as const)
      .filter((name) => adapter.features.has(name));
    const device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
    const { vendor, architecture, description } = adapter.info;
    return new WebGpuDevice(device, {
      vendor,
      architecture,
      description,
      software: adapter.info.isFallbackAdapter || /llvmpipe|swiftshader/i.test(description),
    }, turns);
  }

  /** Does `task`, once, when the caller has asked for all that it asks for in this turn. */
  later(task: () => void): void {
    this.#later.add(task);
    if (this.turns === "timer") this.#timer ??= setTimeout(() => this.endTurn(), 0);
  }

  /** Does now what waits for the end of the turn. */
  endTurn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const tasks = [...this.#later];
    this.#later.clear();
    for (const task of tasks) task();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }

  /** Throws the device's first error, if there has been one. */
  check(): void {
    if (this.#closed) throw new Error("the engine is closed");
    if (this.#failure) throw this.#failure;
  }

  /** Waits for the answers that are still out, then throws the first error, if any. */
  async settle(): Promise<void> {
    while (this.#scopes.size > 0) await Promise.all(this.#scopes);
    this.check();
  }

  /** Runs `make`; if the device reports an error of this kind for it, that becomes the device's failure. */
  #guarded<T>(filter: GPUErrorFilter, make: () => T, explain: (message: string) => Error): T {
    const { device } = this;
    device.pushErrorScope(filter);
    try {
      return make();
    } finally {
      const answer = device.popErrorScope().then(
        (error) => {
          if (error) this.#fail(explain(error.message));
        },
        () => {}, // the device is lost, which is reported elsewhere
      ).finally(() => this.#scopes.delete(answer));
      this.#scopes.add(answer);
    }
  }

  /** A kernel file with these constants and these bindings in float16, compiled once. */
  kernel(name: string, constants: Constants = {}, half: readonly string[] = []): Kernel {
    this.check();
    const key = `${name} ${JSON.stringify([constants, half])}`;
    let kernel = this.#kernels.get(key);
    if (!kernel) {
      kernel = this.#guarded(
        "validation",
        () => this.#compile(name, constants, half),
        (message) => new Error(`kernels/wgsl/${name}.wgsl does not compile:\n${message}`),
      );
      this.#kernels.set(key, kernel);
    }
    return kernel;
  }

  #compile(name: string, constants: Constants, half: readonly string[]): Kernel {
    const { device } = this;
    const { code, bindings } = specialize(name, constants, half);
    const layout = device.createBindGroupLayout({
      label: name,
      entries: bindings.map(({ index, type }) => ({
        binding: index,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type },
      })),
    });
    const pipeline = device.createComputePipeline({
      label: name,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: {
        module: device.createShaderModule({ label: name, code }),
        entryPoint: "main",
      },
    });
    return { pipeline, layout, bindings };
  }

  /**
   * A zeroed buffer of at least `bytes` bytes. Throws UsageError, with the remedy, if the device has no buffers of that
   * size; where it has no room for one, that becomes its failure.
   */
  buffer(
    label: string,
    bytes: number,
    { usage = 0, remedy = "choose a smaller model, batch or sequence length" }: {
      usage?: number;
      remedy?: string;
    } = {},
  ): GPUBuffer {
    this.check();
    const { limits } = this.device;
    const most = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
    const size = Math.ceil(Math.max(bytes, 16) / 16) * 16;
    const mib = (n: number) => `${Math.ceil(n / 2 ** 20)} MiB`;
    if (size > most) {
      throw new UsageError(label, mib(size), `this device's buffers hold ${mib(most)}: ${remedy}`);
    }
    return this.#guarded(
      "out-of-memory",
      () =>
        this.device.createBuffer({
          label,
          size,
          usage: usage || GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
              GPUBufferUsage.COPY_DST,
        }),
      () =>
        new UsageError(`GPU memory for ${label}`, mib(size), `the device has none left: ${remedy}`),
    );
  }

  /** Submits one pass of dispatches, which `encode` records. */
  submit(encode: (pass: GPUComputePassEncoder) => void): void {
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass);
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  /**
   * Copies parts of buffers to the CPU, after all work submitted so far. All parts wait once: a wait costs 10 ms and
   * more, however many maps it covers.
   */
  async read(
    parts: readonly { buffer: GPUBuffer; offset?: number; bytes: number }[],
  ): Promise<ArrayBuffer[]> {
    this.check();
    const { device } = this;
    const encoder = device.createCommandEncoder();
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const copies = parts.map(({ buffer, offset = 0, bytes }) => {
      const size = Math.max(4, Math.ceil(bytes / 4) * 4);
      const copy = this.buffer(`read-back of ${buffer.label}`, size, { usage });
      encoder.copyBufferToBuffer(buffer, offset, copy, 0, size);
      return { copy, bytes };
    });
    device.queue.submit([encoder.finish()]);
    const maps = copies.map(({ copy }) => copy.mapAsync(GPUMapMode.READ));
    try {
      await Promise.all(maps);
    } catch (error) {
      // Why the map failed is the device's to say: lost, or out of memory.
      await Promise.allSettled(maps);
      await this.settle();
      throw error;
    }
    await this.settle();
    return copies.map(({ copy, bytes }) => {
      const out = copy.getMappedRange().slice(0, bytes);
      copy.unmap();
      copy.destroy();
      return out;
    });
  }

  /** Frees the device and all its buffers. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.device.destroy();
  }
}
