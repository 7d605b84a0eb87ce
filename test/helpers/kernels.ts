/** Both kernel builds on plain memories, for kernel tests: one bump allocator, views by address, no threads. */
import { instantiateSync } from "@assemblyscript/loader";
import { HEAP_BASE, writeConstants } from "../../src/wasm/constants.ts";
import { embeddedKernels } from "../../src/wasm/embedded.ts";
import type { KernelName } from "../../src/wasm/generated/kernels.ts";

export type Build = "base" | "relaxed";
type Kernel = (first: number, last: number, scratch: number, ...args: number[]) => void;

const { base, relaxed } = (await embeddedKernels()) as Record<Build, Uint8Array<ArrayBuffer>>;

/** Whether this runtime can run the relaxed build (Node 20 cannot). */
export const HAS_RELAXED: boolean = WebAssembly.validate(relaxed);
export const BUILDS: readonly Build[] = HAS_RELAXED ? ["base", "relaxed"] : ["base"];

export class Bench {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Record<KernelName, Kernel>;
  readonly scratch: number;
  #top = HEAP_BASE;
  constructor(build: Build, bytes: number = 64 << 20, scratchBytes: number = 1 << 20) {
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536), maximum: 65536 });
    writeConstants(this.memory);
    const modules = build === "relaxed" ? [base, relaxed] : [base];
    const exportsOf = (bytes: Uint8Array<ArrayBuffer>) =>
      instantiateSync(new WebAssembly.Module(bytes), { env: { memory: this.memory } }).exports;
    this.kernels = Object.assign({}, ...modules.map(exportsOf)) as Record<KernelName, Kernel>;
    this.scratch = this.alloc(scratchBytes);
  }
  alloc(bytes: number): number {
    const ptr = this.#top;
    this.#top = (ptr + bytes + 63) & ~63;
    return ptr;
  }
  f32(ptr: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, ptr, length);
  }
  f64(ptr: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, ptr, length);
  }
  i32(ptr: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, ptr, length);
  }
  u32(ptr: number, length: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, ptr, length);
  }
  u16(ptr: number, length: number): Uint16Array {
    return new Uint16Array(this.memory.buffer, ptr, length);
  }
  i16(ptr: number, length: number): Int16Array {
    return new Int16Array(this.memory.buffer, ptr, length);
  }
  i8(ptr: number, length: number): Int8Array {
    return new Int8Array(this.memory.buffer, ptr, length);
  }
  u8(ptr: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, ptr, length);
  }
  /** Copies an array in; returns its address. */
  put(
    data: Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array | Int16Array | Int8Array | Uint8Array,
  ): number {
    const ptr = this.alloc(data.byteLength);
    this.u8(ptr, data.byteLength).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return ptr;
  }
}

export { f32Bits } from "../../src/wasm/constants.ts";
