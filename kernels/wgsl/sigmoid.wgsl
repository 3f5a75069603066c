// The logistic function.

/// 1 / (1 + exp(-x)); -x is kept below 87 so that exp stays finite.
fn sigmoid(x: vec4<f32>) -> vec4<f32> {
  return 1.0 / (1.0 + exp(min(vec4(87.0), -x)));
}
