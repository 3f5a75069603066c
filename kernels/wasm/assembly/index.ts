// The WASM kernel bundle: every export is one operation on memory that the engine has laid out.
// Strict SIMD only (no relaxed instructions, no fused multiply-add): the same bits on every machine.
// lib/tensor/tape.ts says what each operation computes, and lib/nn/reference.ts is a model of them in plain loops.
export { attention_backward, attention_decode, attention_forward } from "./attention";
export { embedding_backward, embedding_forward } from "./embedding";
export { gelu_backward, gelu_forward } from "./gelu";
export { gemm_nn, gemm_tn } from "./gemm";
export { gru_backward, gru_forward } from "./gru";
export { cross_entropy, soft_cross_entropy, squared_error } from "./loss";
export { rmsnorm_backward, rmsnorm_forward } from "./norm";
export { adamw, reduce_gradients } from "./optimizer";
export { rope } from "./rope";
export { sample } from "./sample";
export { gather_rows, transpose } from "./transpose";
