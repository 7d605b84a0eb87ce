/** Bump allocator over one wasm linear memory; frees only by rolling back to a mark. */
import { MemoryError } from "../errors.ts";
import { HEAP_BASE } from "./constants.ts";

const PAGE_BYTES = 65536;
/** wasm32: one memory ends at 4 GiB. */
export const LIMIT_BYTES: number = 65536 * PAGE_BYTES;
/** Growing is dear in some engines (JavaScriptCore copies), so it happens in steps of this size. */
const GROWTH_BYTES = 16 << 20;

/** The part of WebAssembly.Memory an arena needs; tests hand in a mock to reach 4 GiB. */
export interface Growable {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

export class Arena {
  readonly #memory: Growable;
  #top: number = HEAP_BASE;
  readonly #claims: { readonly start: number; open: boolean }[] = [];
  constructor(memory: Growable) {
    this.#memory = memory;
  }

  /** @returns the address of `bytes` uninitialised bytes, 64-byte aligned. May grow the memory: older views die. */
  alloc(bytes: number): number {
    const ptr = this.#top;
    const end = alignUp(ptr + bytes);
    this.#ensure(end);
    this.#top = end; // only after growth succeeded
    return ptr;
  }

  /** Grows once for `bytes` to come, so that loading does not grow step by step. */
  reserve(bytes: number): void {
    this.#ensure(alignUp(this.#top + bytes));
  }

  /** The current top; everything allocated later is freed by `release(mark)`. */
  mark(): number {
    return this.#top;
  }

  release(mark: number): void {
    this.#top = mark;
  }

  /**
   * Claims everything allocated from now on. Claims are stacked; disposing one frees its memory when all younger claims are
   * disposed too, so that owners may come and go in any order.
   */
  claim(): Disposable {
    const claim = { start: this.#top, open: true };
    this.#claims.push(claim);
    return {
      [Symbol.dispose]: () => {
        claim.open = false;
        for (let last = this.#claims.at(-1); last !== undefined && !last.open; last = this.#claims.at(-1)) {
          this.#top = Math.min(this.#top, last.start);
          this.#claims.pop();
        }
      },
    };
  }

  #ensure(end: number): void {
    if (end > LIMIT_BYTES) throw new MemoryError("engine memory", end, LIMIT_BYTES);
    const missing = end - this.#memory.buffer.byteLength;
    if (missing <= 0) return;
    const room = (LIMIT_BYTES - this.#memory.buffer.byteLength) / PAGE_BYTES;
    const pages = Math.min(Math.ceil(Math.max(missing, GROWTH_BYTES) / PAGE_BYTES), room);
    try {
      this.#memory.grow(pages);
    } catch (cause) {
      throw new MemoryError("engine memory", end, this.#memory.buffer.byteLength, { cause });
    }
  }

  // Fresh views: never keep one across an `alloc` or a kernel call.
  f32(ptr: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, ptr, length);
  }
  f64(ptr: number, length: number): Float64Array {
    return new Float64Array(this.#memory.buffer, ptr, length);
  }
  i32(ptr: number, length: number): Int32Array {
    return new Int32Array(this.#memory.buffer, ptr, length);
  }
  u32(ptr: number, length: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, ptr, length);
  }
  i16(ptr: number, length: number): Int16Array {
    return new Int16Array(this.#memory.buffer, ptr, length);
  }
  u16(ptr: number, length: number): Uint16Array {
    return new Uint16Array(this.#memory.buffer, ptr, length);
  }
  i8(ptr: number, length: number): Int8Array {
    return new Int8Array(this.#memory.buffer, ptr, length);
  }
  u8(ptr: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, ptr, length);
  }
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
