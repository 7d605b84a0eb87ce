/** Detects the features of the runtime. Modules are only validated, so that it also works where compiling is forbidden. */

/** Most threads of a machine. */
export const MAX_THREADS = 64;

const HEADER = [0, 97, 115, 109, 1, 0, 0, 0];
const SPLAT_ZERO = [65, 0, 253, 15];

/** A module with one function `() -> v128` that has the given instructions. */
function vectorModule(...code: number[]): Uint8Array<ArrayBuffer> {
  const body = [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, code.length + 4, 1, code.length + 2, 0, ...code, 11];
  return new Uint8Array([...HEADER, ...body]);
}

/** Whether the runtime has SIMD, which every kernel uses. */
export function hasSimd(): boolean {
  return WebAssembly.validate(vectorModule(...SPLAT_ZERO));
}

/** Whether the runtime has relaxed SIMD: the int8 dot product that the `relaxed` build uses (i16x8.relaxed_dot_i8x16_i7x16_s). */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(vectorModule(...SPLAT_ZERO, ...SPLAT_ZERO, 253, 146, 2));
}

/**
 * Whether workers can receive shared memory. A page that is not cross-origin isolated can construct one and only fails to post it,
 * so isolation is checked first.
 */
export function hasSharedMemory(): boolean {
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated;
  return typeof SharedArrayBuffer === "function" && isolated !== false;
}

type Os = { availableParallelism?(): number };
type Runtime = {
  readonly process?: { getBuiltinModule?(name: string): Os | undefined };
  readonly navigator?: { readonly hardwareConcurrency?: number };
};

/** Default number of threads: the cores, or 1 if memory cannot be shared (a page that is not isolated). */
export function defaultThreads(): number {
  if (!hasSharedMemory()) return 1;
  const { process, navigator } = globalThis as Runtime;
  const cores = process?.getBuiltinModule?.("node:os")?.availableParallelism?.() ?? navigator?.hardwareConcurrency ?? 1;
  return Math.max(1, Math.min(cores, MAX_THREADS));
}
