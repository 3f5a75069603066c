/** Worker of one lane: waits for commands in shared memory. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { Command, CONTROL, ERROR, ERROR_BYTES, Word } from "./control.ts";
import type { LaneStart } from "./host.ts";
import { Lane } from "./lane.ts";
import { kernelsOf, LaneContext, LaneStopped } from "./lane_context.ts";

self.onmessage = (event: MessageEvent<LaneStart>) => {
  const { modules, memory, index, count } = event.data;
  const instances = modules.map((m) => new WebAssembly.Instance(m, { env: { memory } }));
  const lane = new Lane(new LaneContext(kernelsOf(instances), memory, index, count));
  const control = new Int32Array(memory.buffer, CONTROL, 16);
  let generation = 0;
  self.postMessage("ready");
  while (true) {
    // A short spin first: within a training step the next command comes within microseconds.
    for (let i = 0; i < 2000 && Atomics.load(control, Word.generation) === generation; i++);
    while (Atomics.load(control, Word.generation) === generation) {
      Atomics.wait(control, Word.generation, generation);
    }
    generation = Atomics.load(control, Word.generation);
    const command = control[Word.command];
    if (command === Command.close) break;
    try {
      if (command === Command.load) {
        // Unsigned: addresses go up to 4 GiB.
        const address = control[Word.address]! >>> 0;
        const text = new Uint8Array(memory.buffer, address, control[Word.length]).slice();
        lane.load(control[Word.job]!, JSON.parse(new TextDecoder().decode(text)));
      } else {
        lane.run(control[Word.job]!);
      }
    } catch (error) {
      // The lane that failed says why.
      if (!(error instanceof LaneStopped)) report(memory, `lane ${index}: ${error}`);
    }
    if (Atomics.sub(control, Word.pending, 1) === 1) Atomics.notify(control, Word.pending);
  }
  self.close();
};

/** Leaves the message of what went wrong for the engine. */
function report({ buffer }: WebAssembly.Memory, text: string): void {
  const message = new TextEncoder().encode(text).subarray(0, ERROR_BYTES - 4);
  new Int32Array(buffer, ERROR, 1)[0] = message.length;
  new Uint8Array(buffer, ERROR + 4, message.length).set(message);
  Atomics.store(new Int32Array(buffer, CONTROL, 16), Word.failed, 1);
}
