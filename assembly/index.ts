// Exports the kernels of the base build, which has all of them; those of `relaxed.ts` replace some where the runtime has relaxed SIMD.
// `docs/kernels.md` describes the calling convention.
export * from "./predictor/adamw";
export * from "./network/mlp";
export * from "./network/norm";
export * from "./predictor/relu-dot";
export * from "./network/rope";
export { attend } from "./network/attention";
export { store_kv } from "./network/cache";
export * from "./network/latent";
export { route_f32 } from "./network/router";
export * from "./network/router-scores";
export * from "./network/short-conv";
export * from "./network/scatter";
export * from "./network/score";
export { exp_f32, exp_f64, log_f64 } from "./common/exp";
export { embed_w2, embed_w3, embed_w4, embed_w8 } from "./embed/embed-codes";
export { embed_bf16, embed_f16, embed_f32 } from "./embed/embed-float";
export { checksum_chunks } from "./lay/checksum";
export { panel_16, panel_32 } from "./lay/float-panels";
export { pack_w2, pack_w3, pack_w4, pack_w8, unpack_w2, unpack_w3, unpack_w4, unpack_w8 } from "./matmul/panel";
export { lay_gptq_w2, lay_gptq_w3, lay_gptq_w4, lay_gptq_w8 } from "./lay/gptq-panels";
export { lay_gguf_codes, unpack_gguf_blocks } from "./lay/gguf-panels";
export { quantize_act, round_act } from "./matmul/activations";
export { matmul_w2a16, matmul_w3a16, matmul_w4a16, matmul_w8a16 } from "./matmul/matmul-codes";
export { matmul_w2a16 as matmul_w2a8, matmul_w3a16 as matmul_w3a8, matmul_w4a16 as matmul_w4a8 } from "./matmul/matmul-codes";
export { matmul_w2a16 as matmul_w2a8_dot, matmul_w3a16 as matmul_w3a8_dot, matmul_w4a16 as matmul_w4a8_dot, matmul_w8a16 as matmul_w8a8_dot } from "./matmul/matmul-codes";
export { matmul_w2a16 as matmul_w2a16_dot, matmul_w3a16 as matmul_w3a16_dot, matmul_w4a16 as matmul_w4a16_dot, matmul_w8a16 as matmul_w8a16_dot } from "./matmul/matmul-codes";
export { pack_blocks } from "./blocks/block-panel";
export { embed_blocks, matmul_blocks, matmul_blocks_a16, matmul_blocks_a16 as matmul_blocks_a8 } from "./blocks/matmul-blocks";
export { matmul_bf16, matmul_f16, matmul_f32, matmul_w2, matmul_w3, matmul_w4, matmul_w8 } from "./matmul/matmul-float";
export { gram_f32, gram_f64, gram_pack } from "./hessian/gram";
export {
  cholesky_block_f64, cholesky_invert_f64, cholesky_load_f64, cholesky_solve_f64, cholesky_update_f64,
} from "./hessian/cholesky";
export { square_f64 } from "./hessian/square";
export { grid_f64, tile_load_f64 } from "./gptq/grid";
export { round_rows } from "./gptq/round";
export { gptq_f64 } from "./gptq/gptq";
export { trace_f64 } from "./gptq/trace";
export { probe_dot_form, probe_dot_i16, probe_dot_i8, probe_mul_add, probe_read } from "./common/probe";
