import { NOT_FINITE } from "../generated_tokens.ts";
import type { LaneContext } from "./lane_context.ts";
import { Logits } from "./logits.ts";
import type { Plan } from "./plan.ts";

/** The steps of generation, for a token of each of so many rows. */
export interface StepsJob {
  readonly kind: "steps";
  /** By the number of rows that they compute, ascending. Their caches stand in the same place. */
  readonly plans: readonly { readonly rows: number; readonly plan: Plan }[];
}

/** Reading `length` tokens of a prompt into the cache of a row. */
export interface PrefillJob {
  readonly kind: "prefill";
  readonly length: number;
  readonly plan: Plan;
}

/** Where steps and prefills read and write int32 numbers, from the lane's place on; the first lane's where they are shared. */
export interface Staging {
  readonly tokens: number;
  readonly positions: number;
  readonly filled: number;
  readonly rowIds: number;
  readonly next: number;
  /** Numbers of each, for rows or for a prompt's tokens. */
  readonly length: number;
  /** Bytes from one lane's place to that of the next. */
  readonly perLane: number;
}

/** Where the bytes of tokens are. */
export interface TokenBytes {
  readonly count: number;
  /** Address of (count + 1) int32: bytes before those of each token. */
  readonly starts: number;
  /** Address of the bytes. */
  readonly bytes: number;
}

/** A row to generate. */
export interface RowToGenerate {
  readonly promptLength: number;
  readonly maxTokens: number;
  readonly rowId: number;
  /** Id of the prefill that has room for its prompt but for the last token, which is the first step's; -1: no other token. */
  readonly prefill: number;
}

/**
 * Generation: each lane takes rows from a queue as it has room for them, and steps all that it has. Or all lanes take all
 * rows together, and share the work on each. Rows come in an order in which prompts that start alike are neighbours.
 */
export interface GenerateJob {
  readonly kind: "generate";
  /** Id of the steps. */
  readonly steps: number;
  readonly staging: Staging;
  readonly isShared: boolean;
  readonly rows: readonly RowToGenerate[];
  /** Most rows of a lane. */
  readonly share: number;
  /** Address of an int32: rows that lanes have taken. */
  readonly taken: number;
  /** Address of (rows, capacity) int32: prompts, and behind them what is generated. */
  readonly tokens: number;
  readonly capacity: number;
  /** Address of (rows) int32: tokens that were generated. */
  readonly lengths: number;
  readonly topK: number | null;
  readonly topP: number;
  readonly stopTokens: readonly number[];
  readonly stopTexts: readonly (readonly number[])[];
  /** With stop texts alone. */
  readonly bytes?: TokenBytes;
}

/** A row that a lane works on. */
interface LiveRow {
  readonly index: number;
  readonly row: RowToGenerate;
  /** Prompt and response. */
  readonly tokens: Int32Array;
  /** Tokens in the cache. */
  filled: number;
  /** The response's last bytes, fewer than those of the longest stop text. */
  tail: readonly number[];
}

/** A program, of which an argument may depend on a row's place in the caches. */
type Program = (place: number) => void;

interface Step {
  readonly forward: Program;
  readonly draw: Program;
  readonly logits: Logits;
}

/**
 * One lane's part of generation. Lanes that share the work all keep the same account of rows and tokens: they decide alike, as
 * they know the same tokens, and write what is alike.
 */
export class Generating {
  /** Row i has the i-th place in the caches. */
  readonly #live: LiveRow[] = [];
  readonly #steps: Step[] = [];
  readonly #prefills = new Map<number, Program>();
  readonly #staged: Readonly<Record<Exclude<keyof Staging, "length" | "perLane">, Int32Array>>;
  readonly #stops: ReadonlySet<number>;
  readonly #longestStop: number;
  readonly #inverseTemperature: number;
  /** Rows that were taken from the queue: by this lane, or by all where they share them. */
  #taken = 0;
  /** Of what is one lane's work, this one does every `parts`-th piece from `part` on. */
  readonly #part: number;
  readonly #parts: number;
  /** Address of the memory that activations and caches are in. */
  readonly #arena: number;
  /** Logits above it overflow as scores, or lie below -3.4e38, the score that the kernel starts with. */
  readonly #limit: number;

  constructor(
    private readonly context: LaneContext,
    private readonly job: GenerateJob,
    private readonly steps: StepsJob,
    private readonly prefillOf: (id: number) => PrefillJob,
  ) {
    const { staging: { length, perLane, ...places }, isShared } = job;
    this.#part = isShared ? context.index : 0;
    this.#parts = isShared ? context.count : 1;
    this.#arena = isShared ? context.sharedArena : context.arena;
    const lane = isShared ? 0 : context.index;
    const staged = (address: number) => this.#i32(address + lane * perLane, length);
    this.#staged = Object.fromEntries(
      Object.entries(places).map(([name, address]) => [name, staged(address)]),
    ) as never;
    this.#stops = new Set(job.stopTokens);
    this.#longestStop = Math.max(0, ...job.stopTexts.map((text) => text.length));
    this.#inverseTemperature = context.scalars().inverseTemperature;
    this.#limit = 3e38 / Math.max(1, this.#inverseTemperature);
  }

  #i32(address: number, length: number): Int32Array {
    return new Int32Array(this.context.memory.buffer, address, length);
  }

  run(): void {
    for (const index of this.#take(this.job.share)) this.#admit(index, this.#live.length);
    while (this.#live.length > 0) {
      const ended = this.#step();
      // From the last on, so that whatever stands behind one goes on.
      for (const place of ended.reverse()) {
        const [index] = this.#take(1);
        if (index === undefined) this.#remove(place);
        else this.#admit(index, place);
      }
    }
  }

  /** A part of a plan, for the place of this lane's or these lanes' numbers. */
  #program(plan: Plan, calls: Plan["calls"]): Program {
    const { context, job: { isShared } } = this;
    if (isShared) return context.bindShared(plan, calls, 0);
    const bound = context.bind(calls);
    return (place) => bound(context.index, place);
  }

  /** Those of so many pieces that are this lane's: all, unless lanes share them. */
  #own(pieces: number): number[] {
    return Array.from({ length: pieces }, (_, i) => i).filter((i) =>
      i % this.#parts === this.#part
    );
  }

  /** Rows from the queue, at most `count`. */
  #take(count: number): number[] {
    const { taken, rows, isShared } = this.job;
    const first = isShared ? this.#taken : Atomics.add(this.#i32(taken, 1), 0, count);
    this.#taken += count;
    const left = Math.max(0, Math.min(count, rows.length - first));
    return Array.from({ length: left }, (_, i) => first + i);
  }

  /** Gives a row this place, with its prompt but for the last token in the cache. */
  #admit(index: number, place: number): void {
    const { rows, capacity, tokens: all } = this.job, row = rows[index]!;
    const tokens = this.#i32(all + index * capacity * 4, capacity);
    const needed = row.promptLength - 1;
    // What a row leaves in the cache is there until the place is another's: its own place comes first.
    let filled = 0, from = place;
    const sources = [place, ...this.#live.keys()].filter((i) => i < this.#live.length);
    for (const source of sources) {
      const common = commonTokens(this.#live[source]!, tokens, needed);
      if (common > filled) [filled, from] = [common, source];
    }
    // The rest of a prompt takes steps, in which a token is dearer than when the prompt is read as a whole.
    if (filled >= needed / 2) this.#copyCache(from, place);
    else {
      this.#prefill(row, tokens.subarray(0, needed), place);
      filled = needed;
    }
    this.#live[place] = { index, row, tokens, filled, tail: [] };
  }

  #prefill({ prefill }: RowToGenerate, prompt: Int32Array, place: number): void {
    const { length, plan } = this.prefillOf(prefill);
    let program = this.#prefills.get(prefill);
    if (!program) this.#prefills.set(prefill, program = this.#program(plan, plan.calls));
    if (this.#part === 0) {
      const { tokens, positions } = this.#staged;
      tokens.set(prompt);
      tokens.fill(0, prompt.length, length);
      positions.fill(0, prompt.length, length);
      for (let t = 0; t < prompt.length; t++) positions[t] = t;
    }
    program(place);
  }

  #copyCache(from: number, to: number): void {
    if (from === to) return;
    const { buffer } = this.context.memory, { caches } = this.steps.plans[0]!.plan;
    for (const i of this.#own(caches.length)) {
      const { offset, rowBytes } = caches[i]!, rows = Math.max(from, to) + 1;
      const bytes = new Uint8Array(buffer, this.#arena + offset, rows * rowBytes);
      bytes.copyWithin(to * rowBytes, from * rowBytes, (from + 1) * rowBytes);
    }
  }

  /** Takes a row out; the last one takes its place. */
  #remove(place: number): void {
    const last = this.#live.length - 1;
    this.#copyCache(last, place);
    this.#live[place] = this.#live[last]!;
    this.#live.pop();
  }

  /** A token for every row; returns the places of those that have ended, ascending. */
  #step(): number[] {
    const live = this.#live, { plans } = this.steps;
    const k = plans.findIndex(({ rows }) => rows >= live.length), { rows, plan } = plans[k]!;
    const { forward, draw, logits } = this.#steps[k] ??= this.#bindStep(plan);
    const { tokens, positions, filled, rowIds, next } = this.#staged;
    if (this.#part === 0) {
      for (let i = 0; i < rows; i++) {
        const at = live[i]?.filled ?? 0;
        tokens[i] = live[i]?.tokens[at] ?? 0;
        positions[i] = filled[i] = at;
        rowIds[i] = live[i]?.row.rowId ?? 0;
      }
    }
    forward(0);
    const { topK, topP } = this.job, inverse = this.#inverseTemperature;
    const choosing = live.map(({ filled, row }) => filled + 1 >= row.promptLength);
    if (choosing.includes(true)) {
      const own = this.#own(live.length).filter((i) => choosing[i]!);
      const fine = new Set(own.filter((i) => logits.areFinite(i, this.#limit)));
      if (inverse > 0 && (topK !== null || topP < 1)) {
        for (const i of fine) logits.keepTopOfMany(i, topK ?? Infinity, topP, inverse);
      }
      draw(0);
      for (const i of own) if (!fine.has(i)) next[i] = NOT_FINITE;
      if (this.#parts > 1) this.context.meet();
    }
    return [...live.keys()].filter((i) => {
      live[i]!.filled++;
      return choosing[i]! && this.#append(live[i]!, next[i]!);
    });
  }

  #bindStep(plan: Plan): Step {
    const { calls, logits } = plan;
    const sample = calls.findIndex(({ kernel }) => kernel === "sample_at");
    return {
      forward: this.#program(plan, calls.slice(0, sample)),
      draw: this.#program(plan, calls.slice(sample)),
      logits: new Logits(this.context.memory.buffer, this.#arena, logits!),
    };
  }

  /** Adds a token to a response; returns whether that ends it. */
  #append(live: LiveRow, token: number): boolean {
    const { row: { promptLength, maxTokens }, filled, tokens, index } = live;
    tokens[filled] = token;
    const length = filled + 1 - promptLength;
    this.#i32(this.job.lengths, this.job.rows.length)[index] = length;
    return token === NOT_FINITE || this.#stops.has(token) || length === maxTokens ||
      this.#endsWithText(live, token);
  }

  #endsWithText(live: LiveRow, token: number): boolean {
    const { bytes, stopTexts } = this.job;
    if (!bytes || token >= bytes.count) return false;
    const [start, end] = this.#i32(bytes.starts + token * 4, 2) as unknown as [number, number];
    const { buffer } = this.context.memory;
    const text = [...live.tail, ...new Uint8Array(buffer, bytes.bytes + start, end - start)];
    live.tail = text.slice(Math.max(0, text.length - this.#longestStop + 1));
    return stopTexts.some((stop) => includes(text, stop));
  }
}

/** How many of the first `most` tokens are in a row's cache. */
function commonTokens(live: LiveRow, tokens: Int32Array, most: number): number {
  const end = Math.min(most, live.filled);
  let t = 0;
  while (t < end && live.tokens[t] === tokens[t]) t++;
  return t;
}

/** Whether `part` stands in `text`. */
function includes(text: readonly number[], part: readonly number[]): boolean {
  for (let at = 0; at + part.length <= text.length; at++) {
    if (part.every((byte, i) => text[at + i] === byte)) return true;
  }
  return false;
}
