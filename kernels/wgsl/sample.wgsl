// Chooses each row's next token: argmax_k x[i, k] (the first of equals) where inverse_temperature is 0, else
// argmax_k (x[i, k] inverse_temperature - log(-log(u[i, k]))), an exact draw from the softmax, with
// u = (top 23 bits of Philox + 0.5) / 2^23, counter (k / 4, row_ids[i], step, 0), key (seed, purpose): the numbers of
// kernels/wasm/assembly/sample.ts. Where forced is >= 0 that token is taken: this is how a prompt is fed.
// Rows s * rows.. of `forced` and `tokens` belong to step s; the token chosen at s is written at s + 1.
//# include math.wgsl
const THREADS: u32 = 64u;

struct Dims {
  rows: u32,
  cols: u32, // of x
  classes: u32,
}

struct Sampling {
  seed: u32,
  purpose: u32,
  inverse_temperature: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read> sampling: Sampling;
@group(0) @binding(3) var<storage, read> forced: array<i32>;
@group(0) @binding(4) var<storage, read> row_ids: array<u32>;
@group(0) @binding(5) var<storage, read> x: array<f32>;
@group(0) @binding(6) var<storage, read_write> tokens: array<i32>;

var<workgroup> best_scores: array<f32, THREADS>;
var<workgroup> best_tokens: array<u32, THREADS>;

/// The upper 32 bits of a b, from 16-bit halves.
fn multiply_high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle1 = (a >> 16u) * (b & 0xffffu);
  let middle2 = (a & 0xffffu) * (b >> 16u);
  let carry = (low >> 16u) + (middle1 & 0xffffu) + (middle2 & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle1 >> 16u) + (middle2 >> 16u) + (carry >> 16u);
}

/// One Philox4x32-10 block (Salmon et al. 2011).
fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = key;
  for (var r = 0u; r < 10u; r++) {
    c = vec4(
      multiply_high(0xcd9e8d57u, c.z) ^ c.y ^ k.x,
      c.z * 0xcd9e8d57u,
      multiply_high(0xd2511f53u, c.x) ^ c.w ^ k.y,
      c.x * 0xd2511f53u,
    );
    k += vec2(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_index(workgroup, count);
  let inside = row < dims.rows;
  var best = -3.4e38;
  var token = 0u;
  let end = select(0u, (dims.classes + 3u) / 4u, inside);
  for (var block = thread; block < end; block += THREADS) {
    var words = vec4(0u);
    if (sampling.inverse_temperature != 0.0) {
      words = philox(vec4(block, row_ids[row], step[0], 0u), vec2(sampling.seed, sampling.purpose));
    }
    for (var l = 0u; l < 4u; l++) {
      let k = block * 4u + l;
      if (k >= dims.classes) {
        break;
      }
      var score = x[row * dims.cols + k];
      if (sampling.inverse_temperature != 0.0) {
        let u = (f32(words[l] >> 9u) + 0.5) * 1.1920928955078125e-7;
        score = score * sampling.inverse_temperature - natural_log(-natural_log(u));
      }
      if (score > best) {
        best = score;
        token = k;
      }
    }
  }
  best_scores[thread] = best;
  best_tokens[thread] = token;
  for (var s = THREADS / 2u; s > 0u; s /= 2u) {
    workgroupBarrier();
    if (thread < s) {
      let other = best_scores[thread + s];
      let rival = best_tokens[thread + s];
      if (other > best_scores[thread] || (other == best_scores[thread] && rival < best_tokens[thread])) {
        best_scores[thread] = other;
        best_tokens[thread] = rival;
      }
    }
  }
  if (thread == 0u && inside) {
    let at = (step[0] + 1u) * dims.rows + row;
    tokens[at] = select(i32(best_tokens[0]), forced[at], forced[at] >= 0);
  }
}
