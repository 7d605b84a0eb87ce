// Exports the kernels. `docs/kernels.md` describes the calling convention.
export * from "./adamw";
export * from "./mlp";
export * from "./norm";
export * from "./relu-dot";
export * from "./rope";
export * from "./attention";
export * from "./router";
export * from "./scatter";
export * from "./score";
export { exp_f32, exp_f64, log_f64 } from "./exp";
export { embed_bf16, embed_f16, embed_f32, panel_16, panel_32 } from "./float-panel";
export { pack_w2, pack_w3, pack_w4, pack_w8, unpack_w2, unpack_w3, unpack_w4, unpack_w8 } from "./panel";
export { quantize_act, round_act } from "./activations";
export { matmul_w2a8, matmul_w3a8, matmul_w4a8, matmul_w2a16, matmul_w3a16, matmul_w4a16, matmul_w8a16 } from "./matmul-codes";
export { matmul_bf16, matmul_f16, matmul_f32, matmul_w2, matmul_w3, matmul_w4, matmul_w8 } from "./matmul-float";
export { gram_f32, gram_f64, gram_pack_f32, gram_pack_f64 } from "./gram";
export {
  cholesky_block_f64, cholesky_invert_f64, cholesky_load_f64, cholesky_solve_f64, cholesky_update_f64,
} from "./cholesky";
export { grid_f64, round_f64, tile_load_f64 } from "./grid";
export { gptq_f64 } from "./gptq";
export { trace_f64 } from "./trace";
export { probe_mul_add, probe_read } from "./probe";
