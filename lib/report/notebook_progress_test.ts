import assert from "node:assert/strict";
import { type ProgressOutput, showProgress } from "./notebook_progress.ts";

/** A notebook with a clock of its own. */
class Recorder implements ProgressOutput {
  readonly drawn: string[] = [];
  flushed = 0;
  seconds = 100;
  show(bundle: { "text/plain": string }) {
    this.drawn.push(bundle["text/plain"]);
    return Promise.resolve();
  }
  update(bundle: { "text/plain": string }) {
    return this.show(bundle);
  }
  flush() {
    this.flushed += 1;
    return Promise.resolve();
  }
  now() {
    return this.seconds;
  }
}

Deno.test("progress shows rate and time left, and ends without times", async () => {
  const output = new Recorder();
  const progress = await showProgress("Training", "runs", output);
  output.seconds += 2;
  progress.update(4, 12, "d32");
  progress.update(5, 12, "too soon to be drawn");
  output.seconds += 1;
  progress.update(6, 12);
  progress.update(12, 12, "the last");
  await progress.finish();
  assert.deepEqual(output.drawn, [
    "Training: 0 runs",
    "Training: 4 of 12 runs, 2.0 per second, 4 s left, d32",
    "Training: 6 of 12 runs, 2.0 per second, 3 s left",
    "Training: 12 runs",
  ]);
  assert.equal(output.flushed, 1);
});

Deno.test("progress that stops early says how far it came", async () => {
  const output = new Recorder();
  const progress = await showProgress("Training", "runs", output);
  progress.update(3, 12);
  await progress.finish("interrupted");
  assert.equal(output.drawn.at(-1), "Training: 3 of 12 runs, interrupted");
});

Deno.test("drawings that fail do not stop the work; those that do not are made", async () => {
  const output = new Recorder();
  const { show, update, flush } = output;
  const fail = () => Promise.reject(new Error("the kernel is busy"));
  Object.assign(output, { show: fail, update: fail });
  const progress = await showProgress("Training", "runs", output);
  output.seconds += 1;
  progress.update(1, 2);
  await new Promise((resolve) => setTimeout(resolve));
  Object.assign(output, { show, update, flush: fail });
  await progress.finish();
  assert.deepEqual(output.drawn, ["Training: 1 of 2 runs"]);
  Object.assign(output, {
    update() {
      throw new Error("at once");
    },
    flush,
  });
  await progress.finish();
  assert.equal(output.flushed, 1);
});
