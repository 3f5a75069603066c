// Draws from softmax(x inverse_temperature): argmax_k x[i, k] (the first of equals) where inverse_temperature is 0, else
// argmax_k (x[i, k] inverse_temperature - log(-log(u[i, k]))), an exact draw from the softmax, with
// u = (top 23 bits of Philox + 0.5) / 2^23, counter (k / 4, row_ids[i], step, 0), key (seed, purpose): the numbers of
// kernels/wasm/assembly/sample.ts. Where a score is not finite, NOT_FINITE is drawn.
// With FILTERED, draws are among the tokens that top_k and top_p keep (lib/nn/generate_options.ts).
// Goes with math.wgsl and trees.wgsl.
const THREADS: u32 = 64u;
const LANES: u32 = THREADS;
const FILTERED: u32 = 0u;
const NOT_FINITE = 0xfffffffeu; // -2
const LARGEST = 0x1.fffffep+127f;

struct Dims {
  rows: u32,
  cols: u32, // of x
  classes: u32,
}

struct Sampling {
  seed: u32,
  purpose: u32,
  inverse_temperature: f32,
  top_k: u32, // 0 = all
  top_p: f32, // 1 = all
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read> sampling: Sampling;
@group(0) @binding(4) var<storage, read> row_ids: array<u32>;
@group(0) @binding(5) var<storage, read> x: array<f32>;

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

/// A place in the order of falling logits, of equal ones by rising tokens.
struct Place {
  key: u32,
  token: u32,
}

/// Rises with x. 0 and -0 are equal.
fn key_of(x: f32) -> u32 {
  let bits = select(bitcast<u32>(x), 0u, x == 0.0);
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

/// Whether a token comes up to a place.
fn is_kept(logit: f32, token: u32, last: Place) -> bool {
  let key = key_of(logit);
  return key > last.key || (key == last.key && token <= last.token);
}

/// How many tokens come up to both places; or, by_weight, the sum of their exp((x - largest) inverse_temperature).
fn amount(row: u32, thread: u32, a: Place, b: Place, by_weight: bool, largest: f32) -> f32 {
  var sum = 0.0;
  for (var k = thread; k < dims.classes; k += THREADS) {
    let logit = x[row * dims.cols + k];
    if (is_kept(logit, k, a) && is_kept(logit, k, b)) {
      sum += select(1.0, exp((logit - largest) * sampling.inverse_temperature), by_weight);
    }
  }
  return row_sum(thread, sum);
}

/// The first place up to which, of what comes up to `bound`, the amount is at least `wanted`; found bit by bit.
fn first_place(
  row: u32, thread: u32, bound: Place, by_weight: bool, largest: f32, wanted: f32,
) -> Place {
  let unused = countLeadingZeros(dims.classes);
  var place = Place(0u, 0xffffffffu >> unused);
  for (var bit = 0x80000000u; bit > 0u; bit >>= 1u) {
    let earlier = Place(place.key | bit, place.token);
    if (amount(row, thread, bound, earlier, by_weight, largest) >= wanted) {
      place = earlier;
    }
  }
  for (var bit = 0x80000000u >> unused; bit > 0u; bit >>= 1u) {
    let earlier = Place(place.key, place.token & ~bit);
    if (amount(row, thread, bound, earlier, by_weight, largest) >= wanted) {
      place = earlier;
    }
  }
  return place;
}

/// The last token that top_k and top_p keep.
fn last_kept(row: u32, thread: u32) -> Place {
  var last = Place(0u, 0xffffffffu);
  if (sampling.top_k > 0u && sampling.top_k < dims.classes) {
    last = first_place(row, thread, last, false, 0.0, f32(sampling.top_k));
  }
  if (sampling.top_p < 1.0) {
    var largest = -LARGEST;
    for (var k = thread; k < dims.classes; k += THREADS) {
      largest = max(largest, x[row * dims.cols + k]);
    }
    largest = row_max(thread, largest);
    // The largest logit's weight is 1: more than 0 keeps at least that token.
    let wanted = max(1e-30, sampling.top_p * amount(row, thread, last, last, true, largest));
    last = first_place(row, thread, last, true, largest, wanted);
  }
  return last;
}

/// The token of a row at a step of its random stream, for thread 0. All threads must call it.
fn choose(row: u32, thread: u32, step: u32, inside: bool, is_filtered: bool) -> u32 {
  var last = Place(0u, 0xffffffffu);
  if (is_filtered) {
    last = last_kept(row, thread);
  }
  var best = -3.4e38;
  var token = 0u;
  let end = select(0u, (dims.classes + 3u) / 4u, inside);
  for (var block = thread; block < end; block += THREADS) {
    var words = vec4(0u);
    if (sampling.inverse_temperature != 0.0) {
      words = philox(vec4(block, row_ids[row], step, 0u), vec2(sampling.seed, sampling.purpose));
    }
    for (var l = 0u; l < 4u; l++) {
      let k = block * 4u + l;
      if (k >= dims.classes) {
        break;
      }
      let logit = x[row * dims.cols + k];
      var score = logit;
      if (sampling.inverse_temperature != 0.0) {
        let u = (f32(words[l] >> 9u) + 0.5) * 1.1920928955078125e-7;
        score = score * sampling.inverse_temperature - natural_log(-natural_log(u));
      }
      if (not_finite(score)) {
        best = LARGEST;
        token = NOT_FINITE;
      } else if (score > best && (!is_filtered || is_kept(logit, k, last))) {
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
  return best_tokens[0];
}
