// Exports the kernels that replace those of the same name in `index.ts` where the runtime has relaxed SIMD.
export { matmul_w2a8, matmul_w3a8, matmul_w4a8 } from "./matmul/matmul-codes";
export { matmul_w2a8_dot, matmul_w3a8_dot, matmul_w4a8_dot, matmul_w8a8_dot, matmul_w2a16_dot, matmul_w3a16_dot, matmul_w4a16_dot, matmul_w8a16_dot } from "./matmul/matmul-codes";
export { probe_dot_form, probe_dot_i8 } from "./common/probe";
export { matmul_blocks_a8 } from "./blocks/matmul-blocks";
