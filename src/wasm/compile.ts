/** Compiles modules of kernels, once for a process. */
import { shareMemory } from "./shared-module.ts";

/** A module of kernels, compiled or as bytes. Bytes are compiled by the engine, which edge runtimes forbid. */
export type KernelSource = WebAssembly.Module | Uint8Array<ArrayBuffer>;

const compilations = new WeakMap<Uint8Array, Map<boolean, Promise<WebAssembly.Module>>>();

/** Compiles once for given bytes and kind of memory, so that the machines of a process share the code. */
export function compile(source: KernelSource, shared: boolean): Promise<WebAssembly.Module> | WebAssembly.Module {
  if (!(source instanceof Uint8Array)) return source;
  const kinds = compilations.get(source) ?? new Map<boolean, Promise<WebAssembly.Module>>();
  compilations.set(source, kinds);
  const known = kinds.get(shared);
  if (known !== undefined) return known;
  const module = WebAssembly.compile(shared ? shareMemory(source) : source);
  kinds.set(shared, module);
  return module;
}
