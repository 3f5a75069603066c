// Choosing the next token where every row has a step of its own.
import { sample } from "../assembly/sample";

/** As `sample` of the core without forced tokens, with steps[i] in the place of `step`. */
export function sample_at(
  next: usize, x: usize, xs: usize, row_ids: usize, steps: usize, scratch: usize, m: i32, n: i32,
  inverse_temperature: f32, seed: u32, purpose: u32,
): void {
  for (let i = 0; i < m; i++) {
    const at = <usize>i << 2;
    // Read as the forced token, which is none, before it is written over.
    store<i32>(scratch, -1);
    sample(
      next + at, x + (<usize>i << 6), xs, scratch, row_ids + at, scratch, 1, n,
      inverse_temperature, load<u32>(steps + at), seed, purpose,
    );
  }
}
