// The kernels, one export a kernel; `docs/kernels.md` tells the calling convention.
export * from "./mlp";
export * from "./norm";
export * from "./rope";
export * from "./attention";
export * from "./router";
export * from "./scatter";
export * from "./score";
export { exp_f32, exp_f64, log_f64 } from "./exp";
