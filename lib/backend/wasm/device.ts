import { UsageError } from "../../errors.ts";
import { browserHost } from "./browser_host.ts";
import {
  ARENAS,
  Command,
  CONTROL,
  ERROR,
  HEAP,
  SCALAR_BLOCK,
  type ScalarName,
  SCALARS,
  SHARDS,
  Word,
} from "./control.ts";
import { denoHost } from "./deno_host.ts";
import type { WasmHost } from "./host.ts";
import { type Job, Lane } from "./lane.ts";
import { type Kernels, kernelsOf, LaneContext, LaneStopped } from "./lane_context.ts";

const PAGE = 65536;
const INITIAL_PAGES = 16;

/** A block of memory. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
}

/**
 * What the WASM backend computes on: the kernels on one memory, worked by `threads` lanes. Lane 0 is this thread, the
 * host starts the others.
 */
export class WasmDevice {
  /** Kernel exports of lane 0, for tests and benchmarks of single kernels. */
  readonly kernels: Kernels;
  readonly #lane: Lane;
  #top = HEAP;
  /** Memory below the top that is not in use: whole lines of 64 bytes, no two blocks side by side. */
  #free: Block[] = [];
  #jobs = 0;
  /** The lanes' working memory, one after the other. */
  #arenas: Block = { address: HEAP, bytes: 0 };
  #closed = false;

  private constructor(
    readonly memory: WebAssembly.Memory,
    kernels: Kernels,
    readonly threads: number,
    readonly host: WasmHost,
  ) {
    this.kernels = kernels;
    this.#lane = new Lane(new LaneContext(kernels, memory, 0, threads));
  }

  /** Starts the lanes. Throws UsageError if `threads` is not 1 to 4, or more than the host has. */
  static async create(threads: number, host: WasmHost = hostHere()): Promise<WasmDevice> {
    if (!Number.isInteger(threads) || threads < 1 || threads > SHARDS) {
      throw new UsageError("threads", threads, `give a whole number from 1 to ${SHARDS}`);
    }
    const modules = await Promise.all(host.modules.map((name) => host.compileKernels(name)));
    const memory = host.createMemory(INITIAL_PAGES);
    const instances = await Promise.all(
      modules.map((module) => WebAssembly.instantiate(module, { env: { memory } })),
    );
    const device = new WasmDevice(memory, kernelsOf(instances), threads, host);
    const indices = Array.from({ length: threads - 1 }, (_, i) => i + 1);
    try {
      await Promise.all(
        indices.map((index) => host.startLane({ modules, memory, index, count: threads })),
      );
    } catch (error) {
      device.close();
      throw error;
    }
    return device;
  }

  /** Reserves zeroed memory on a 64-byte boundary and returns its address. It is freed with the device. */
  allocate(bytes: number): number {
    const size = Math.ceil(bytes / 64) * 64;
    const i = this.#free.findIndex((block) => block.bytes >= size);
    if (i >= 0) {
      const { address, bytes } = this.#free[i]!;
      this.#free.splice(i, 1);
      this.release({ address: address + size, bytes: bytes - size });
      new Uint8Array(this.memory.buffer, address, size).fill(0);
      return address;
    }
    const address = this.#top;
    this.#growTo(address + size);
    return address;
  }

  /** Takes back memory that was allocated. */
  release({ address, bytes }: Block): void {
    const end = address + Math.ceil(bytes / 64) * 64;
    const [before, behind] = [
      this.#free.find((block) => block.address + block.bytes === address),
      this.#free.find((block) => block.address === end),
    ];
    const start = before?.address ?? address, last = behind ? end + behind.bytes : end;
    this.#free = this.#free.filter((block) => block !== before && block !== behind);
    if (last > start) this.#free.push({ address: start, bytes: last - start });
  }

  #growTo(top: number): void {
    const missing = Math.ceil(top / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing > 0) {
      try {
        this.memory.grow(missing);
      } catch (cause) {
        const size = `${Math.ceil(top / 2 ** 20)} MiB`;
        throw new UsageError(
          "memory",
          size,
          `the engine cannot have that much (${
            this.host.maximumPages * PAGE / 2 ** 30
          } GiB at most): ` +
            "choose a smaller model, batch or sequence length",
          { cause },
        );
      }
    }
    this.#top = top;
  }

  /** Working memory of at least `bytes` for each lane, shared by all programs: none keeps data there between runs. */
  reserveArenas(bytes: number): void {
    const each = Math.ceil(bytes / 64) * 64, size = each * this.threads;
    const old = this.#arenas;
    if (size <= old.bytes) return;
    // Where nothing stands behind it, it grows in its place.
    const isLast = old.address + old.bytes === this.#top;
    const address = isLast ? old.address : this.#top;
    this.#growTo(address + size);
    if (!isLast) this.release(old);
    this.#arenas = { address, bytes: size };
    const addresses = new Float64Array(this.memory.buffer, ARENAS, this.threads);
    for (let lane = 0; lane < this.threads; lane++) addresses[lane] = address + lane * each;
  }

  /** float32 view of memory; valid until the next `allocate`. */
  f32(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  /** int32 view of memory; valid until the next `allocate`. */
  i32(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length);
  }

  /**
   * Makes a job known to every lane and returns its id.
   *
   * @param id Of a job that it takes the place of.
   */
  load(job: Job, id: number = this.#jobs++): number {
    this.#lane.load(id, job);
    if (this.threads > 1) {
      const text = new TextEncoder().encode(JSON.stringify(job));
      const address = this.allocate(text.length);
      new Uint8Array(this.memory.buffer, address, text.length).set(text);
      const control = this.#control();
      control[Word.address] = address;
      control[Word.length] = text.length;
      this.#command(Command.load, id, () => {});
      this.release({ address, bytes: text.length });
    }
    return id;
  }

  /** Runs a job on all lanes and waits for its end. */
  run(id: number, scalars: Partial<Record<ScalarName, number>> = {}): void {
    const block = new Float64Array(this.memory.buffer, SCALAR_BLOCK, SCALARS.length);
    SCALARS.forEach((name, i) => {
      const value = scalars[name];
      if (value !== undefined) block[i] = value;
    });
    this.#command(Command.run, id, () => this.#lane.run(id));
  }

  #control(): Int32Array {
    return new Int32Array(this.memory.buffer, CONTROL, 16);
  }

  #command(command: number, job: number, own: () => void): void {
    if (this.#closed) throw new Error("the engine is closed");
    if (this.threads === 1) return own();
    const control = this.#control();
    control[Word.command] = command;
    control[Word.job] = job;
    control[Word.arrived] = control[Word.stopped] = 0;
    Atomics.store(control, Word.pending, this.threads - 1);
    Atomics.add(control, Word.generation, 1);
    Atomics.notify(control, Word.generation);
    let failure: unknown;
    try {
      own();
    } catch (error) {
      failure = error;
    }
    // Whatever happened here, the other lanes must have ended before memory is used again.
    for (let i = 0; i < 2000 && Atomics.load(control, Word.pending) > 0; i++);
    let pending: number;
    while ((pending = Atomics.load(control, Word.pending)) > 0) {
      Atomics.wait(control, Word.pending, pending);
    }
    if (failure !== undefined && !(failure instanceof LaneStopped)) throw failure;
    if (Atomics.load(control, Word.failed)) {
      const [length] = this.i32(ERROR, 1);
      throw new Error(
        new TextDecoder().decode(new Uint8Array(this.memory.buffer, ERROR + 4, length).slice()),
      );
    }
  }

  /** Ends the workers: they would keep the process alive. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const control = this.#control();
    control[Word.command] = Command.close;
    Atomics.add(control, Word.generation, 1);
    Atomics.notify(control, Word.generation);
  }
}

function hostHere(): WasmHost {
  return "Deno" in globalThis ? denoHost : browserHost();
}
