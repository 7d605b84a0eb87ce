/** Compiles modules of kernels, once for a process. */
import { UnsupportedError } from "../base/errors.ts";
import { hasSimd } from "./features.ts";
import { shareMemory } from "./shared-module.ts";

/** A module of kernels, compiled or as bytes. Bytes are compiled by the engine, which edge runtimes forbid. */
export type KernelSource = WebAssembly.Module | Uint8Array<ArrayBuffer>;

const NEEDED = "SIMD (Chrome 91, Firefox 89, Safari 16.4 or newer)";

const compilations = new WeakMap<Uint8Array, Map<boolean, Promise<WebAssembly.Module>>>();

/** Compiles once for given bytes and kind of memory, so that the machines of a process share the code. @throws UnsupportedError without SIMD. */
export function compile(source: KernelSource, shared: boolean): Promise<WebAssembly.Module> | WebAssembly.Module {
  if (!(source instanceof Uint8Array)) return source;
  const kinds = compilations.get(source) ?? new Map<boolean, Promise<WebAssembly.Module>>();
  compilations.set(source, kinds);
  const known = kinds.get(shared);
  if (known !== undefined) return known;
  if (!hasSimd()) throw new UnsupportedError("WebAssembly", "a runtime without SIMD", [NEEDED]);
  const module = WebAssembly.compile(shared ? shareMemory(source) : source);
  kinds.set(shared, module);
  return module;
}
