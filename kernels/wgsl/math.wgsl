// What several kernels share.

/// What an entry point is told of its workgroup. The thread comes by itself: compilers take what stands in one structure
/// with it for different from thread to thread, and refuse barriers that depend on it.
struct Workgroup {
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
}

/// Index of a workgroup whose number was folded into two dimensions (65535 workgroups at most in each).
fn flat_index(workgroup: Workgroup) -> u32 {
  return workgroup.id.y * workgroup.count.x + workgroup.id.x;
}

/// Index of a thread in workgroups of 256.
fn element(workgroup: Workgroup, thread: u32) -> u32 {
  return flat_index(workgroup) * 256u + thread;
}

/// Whether x is NaN or infinite, by its bits: a compiler may take comparisons of NaN as it likes.
fn not_finite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u;
}

/// log(x) for normal positive x, at most 2 ulp: WGSL's own promises nothing near 1. Cephes single precision (Moshier).
fn natural_log(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var e = f32(i32(bits >> 23u) - 126);
  // Mantissa in [0.5, 1), moved to [sqrt(1/2), sqrt(2)).
  var m = bitcast<f32>((bits & 0x007fffffu) | 0x3f000000u);
  if (m < 0.707106781186547524) {
    e -= 1.0;
    m += m;
  }
  m -= 1.0;
  let z = m * m;
  var p = 7.0376836292e-2;
  p = p * m - 1.1514610310e-1;
  p = p * m + 1.1676998740e-1;
  p = p * m - 1.2420140846e-1;
  p = p * m + 1.4249322787e-1;
  p = p * m - 1.6668057665e-1;
  p = p * m + 2.0000714765e-1;
  p = p * m - 2.4999993993e-1;
  p = p * m + 3.3333331174e-1;
  p = (p * m) * z;
  p = p + e * -2.12194440e-4;
  p = p - z * 0.5;
  return (m + p) + e * 0.693359375;
}
