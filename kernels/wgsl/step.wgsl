// What a training step is told, and whether it may change weights.
struct Scalars {
  loss_scale: f32,
  value_loss_scale: f32,
  clip: f32, // largest gradient norm
  slot: u32, // row of the reports
  decay: f32, // and all below: see adamw.wgsl
  beta1: f32,
  beta2: f32,
  step: f32,
  root: f32,
  epsilon: f32,
}

struct Control {
  factor: f32, // of the gradient, from clipping
  failed: u32, // whether a gradient was not finite
}
