// Kernels of pretrained language models: a second module on the memory that the core's kernels work on, with constants of its
// own above theirs. Strict SIMD only, as there: the same bits on every machine. lib/tensor/tape.ts says what each operation
// computes.
export { gqa_backward, gqa_decode, gqa_forward, gqa_prefill } from "./attention";
export { add_bias, add_bias_backward, scale } from "./bias";
export { frozen_embedding } from "./embedding";
export { frozen_gemm_nn, frozen_gemm_nt } from "./gemm";
export { rope_halves } from "./rope";
export { sample_at } from "./sample";
export { swiglu_backward, swiglu_forward } from "./swiglu";
export { vocabulary_log_probs, vocabulary_loss } from "./vocabulary";
