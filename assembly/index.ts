// The kernels, one export a kernel; `docs/kernels.md` tells the calling convention.
export * from "./mlp";
