// Exports the kernels that replace those of the same name in `index.ts` where the runtime has relaxed SIMD.
export { matmul_w2a8, matmul_w3a8, matmul_w4a8 } from "./matmul/matmul-codes";
export { probe_dot_i8 } from "./common/probe";
export { matmul_blocks_a8 } from "./blocks/matmul-blocks";
