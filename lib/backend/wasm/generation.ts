import type {
  DecodingShape,
  GenerationOptions,
  GenerationProgram,
  GenerationRecorder,
  GenerationRow,
  GenerationStop,
} from "../../tensor/backend.ts";
import { recorded, Tape } from "../../tensor/tape.ts";
import { checkGeneration } from "../check_generation.ts";
import type { Block } from "./device.ts";
import type { Staging, TokenBytes } from "./generating.ts";
import { bytesOf, type Layout, makePlan, type Plan, sharedBytes } from "./plan.ts";
import { canShare } from "./sharing.ts";
import type { WasmState } from "./state.ts";

/** Most bytes of all lanes' caches, unless 4 rows of each need more. */
const CACHE_BYTES = 2 ** 30;
/** Most rows that a lane steps together. */
const MOST_ROWS = 64;
/** Up to so many rows, lanes share each step. With more, a lane has enough to do for the weights that it reads. */
const SHARED_ROWS = 4;

/**
 * Generation with whole prompts: each lane reads prompts one by one, and steps the rows that it has together; or, where rows
 * are few, all lanes share the reading of each prompt and the steps of all rows. Which it is shows in speed alone.
 */
export class Generation implements GenerationProgram {
  /** Tokens of a row's cache, a multiple of 16. */
  readonly #room: number;
  /** Whether lanes share prompts and steps. */
  readonly #isShared: boolean;
  /** Rows that step together. */
  readonly #groupRows: number;
  readonly #staging: Staging;
  readonly #layout: Layout;
  /** Ids of prefill jobs by the number of tokens. */
  readonly #prefills = new Map<number, number>();
  readonly #steps: number;
  readonly #tokens: number;
  readonly #lengths: number;
  readonly #taken: number;
  #job: number | undefined;
  /** The bytes of tokens that are in memory. */
  #bytes: { of: readonly Uint8Array[]; at: TokenBytes; memory: Block } | undefined;

  constructor(
    private readonly state: WasmState,
    private readonly shape: DecodingShape,
    private readonly record: GenerationRecorder,
  ) {
    const { device } = state, { rows, capacity } = shape;
    const room = this.#room = Math.ceil(capacity / 16) * 16;
    const step = this.#step(4), most = rowsInMemory(step), { threads } = device;
    this.#isShared = threads > 1 && rows <= Math.min(SHARED_ROWS, most) &&
      canShare(step.instructions);
    const lanes = this.#isShared ? 1 : threads;
    const fitting = Math.min(MOST_ROWS, Math.floor(most / lanes / 4) * 4);
    const groupRows = this.#groupRows = Math.max(
      4,
      Math.min(fitting, Math.ceil(rows / lanes / 4) * 4),
    );
    this.#tokens = device.allocate(rows * capacity * 4);
    this.#lengths = device.allocate(rows * 4);
    this.#taken = device.allocate(4);
    const length = Math.max(groupRows, room), size = length * 4, perLane = 5 * size;
    const start = device.allocate(device.threads * perLane);
    const places = {
      tokens: start,
      positions: start + size,
      filled: start + 2 * size,
      rowIds: start + 3 * size,
      next: start + 4 * size,
    };
    this.#staging = { ...places, length, perLane };
    this.#layout = state.placed(
      new Map(
        Object.entries(places).map(([label, address]) => [label, { address, perChunk: perLane }]),
      ),
    );
    const plans = [4, 8, 16, 32].filter((n) => n < groupRows).concat(groupRows)
      .map((n) => ({ rows: n, plan: this.#plan(this.#step(n)) }));
    this.#steps = device.load({ kind: "steps", plans });
  }

  #step(rows: number): Tape {
    return recorded(new Tape(rows, 1, false), (tape) => this.record.step(tape, this.#room));
  }

  /** A plan, with the memory that it works in. */
  #plan(tape: Tape): Plan {
    const { device } = this.state, lanes = this.#isShared ? device.threads : 1;
    const plan = makePlan(tape, this.#layout, this.#groupRows, lanes);
    device.reserveArenas(sharedBytes(plan, lanes));
    return plan;
  }

  run(
    rows: readonly GenerationRow[],
    options: Omit<GenerationOptions, "stop"> & { readonly stop: GenerationStop },
  ): Promise<number[][]> {
    checkGeneration(this.shape, rows, options.stop);
    const { device } = this.state, { capacity } = this.shape;
    const order = rows.map((_, i) => i).filter((i) => rows[i]!.maxTokens > 0)
      .sort((a, b) => compareTokens(rows[a]!.prompt, rows[b]!.prompt) || a - b);
    const prefills = order.map((i) => this.#prefill(rows[i]!.prompt.length - 1));
    const bytes = this.#placeBytes(options.stop);
    const tokens = device.i32(this.#tokens, order.length * capacity);
    order.forEach((i, place) => tokens.set(rows[i]!.prompt, place * capacity));
    device.i32(this.#taken, 1)[0] = 0;
    const { temperature, seed, purpose, topK, topP = 1, stop } = options;
    this.#job = device.load({
      kind: "generate",
      steps: this.#steps,
      staging: this.#staging,
      rows: order.map((i, place) => ({
        promptLength: rows[i]!.prompt.length,
        maxTokens: rows[i]!.maxTokens,
        rowId: rows[i]!.row,
        prefill: prefills[place]!,
      })),
      isShared: this.#isShared,
      share: this.#isShared
        ? order.length
        : Math.min(this.#groupRows, Math.ceil(order.length / device.threads)),
      taken: this.#taken,
      tokens: this.#tokens,
      capacity,
      lengths: this.#lengths,
      topK: topK ?? null,
      topP,
      stopTokens: stop.tokens,
      stopTexts: (stop.texts ?? []).map((text) => [...text]),
      ...bytes && { bytes },
    }, this.#job);
    const inverseTemperature = temperature === 0 ? 0 : 1 / temperature;
    device.run(this.#job, { inverseTemperature, seed, purpose });
    const responses = rows.map((): number[] => []);
    const all = device.i32(this.#tokens, order.length * capacity);
    const lengths = device.i32(this.#lengths, order.length);
    order.forEach((i, place) => {
      const start = place * capacity + rows[i]!.prompt.length;
      responses[i] = [...all.subarray(start, start + lengths[place]!)];
    });
    return Promise.resolve(responses);
  }

  /** The job that reads so many tokens of a prompt, -1 for none. */
  #prefill(tokens: number): number {
    if (tokens === 0) return -1;
    // Few lengths, so that there are few programs.
    const unit = tokens <= 256 ? 16 : 64;
    const length = Math.min(this.#room, Math.ceil(tokens / unit) * unit);
    const known = this.#prefills.get(length);
    if (known !== undefined) return known;
    const tape = recorded(
      new Tape(1, length, false),
      (tape) => this.record.prefill(tape, this.#room),
    );
    const job = this.state.device.load({ kind: "prefill", length, plan: this.#plan(tape) });
    this.#prefills.set(length, job);
    return job;
  }

  /** Where the bytes of tokens are, if they are needed. */
  #placeBytes({ texts = [], bytes }: GenerationStop): TokenBytes | undefined {
    if (texts.length === 0 || !bytes) return undefined;
    if (this.#bytes?.of === bytes) return this.#bytes.at;
    const { device } = this.state, count = bytes.length;
    if (this.#bytes) device.release(this.#bytes.memory);
    this.#bytes = undefined;
    const size = bytes.reduce((sum, { length }) => sum + length, (count + 1) * 4);
    const address = device.allocate(size), behind = address + (count + 1) * 4;
    const starts = device.i32(address, count + 1);
    const all = new Uint8Array(device.memory.buffer, behind, size - (count + 1) * 4);
    let at = 0;
    bytes.forEach((own, token) => {
      starts[token] = at;
      all.set(own, at);
      at += own.length;
    });
    starts[count] = at;
    this.#bytes = {
      of: bytes,
      at: { starts: address, count, bytes: behind },
      memory: { address, bytes: size },
    };
    return this.#bytes.at;
  }
}

/** Rows whose caches take no more memory than all of them may. */
function rowsInMemory(step: Tape): number {
  const caches = step.buffers.filter(({ space }) => space === "cache");
  const rowBytes = caches.reduce((sum, b) => sum + bytesOf({ ...b, rows: 1 }), 0);
  return Math.floor(CACHE_BYTES / rowBytes);
}

/** Order of token sequences in which those that start alike are neighbours. */
function compareTokens(a: readonly number[], b: readonly number[]): number {
  const t = a.findIndex((token, i) => token !== b[i]);
  return t < 0 ? a.length - b.length : t < b.length ? a[t]! - b[t]! : 1;
}
