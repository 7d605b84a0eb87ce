/** Bump allocator over one wasm linear memory; frees only by rolling back to a mark. */
import { MemoryError } from "../base/errors.ts";
import { HEAP_BASE } from "./constants.ts";
import { afterDisposal } from "./jobs.ts";

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

/** Frees what belongs to owners that were forgotten without being disposed. */
const forgotten = new FinalizationRegistry<Disposable>((memory) => memory[Symbol.dispose]());

export class Arena {
  #memory: Growable | undefined;
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

  /**
   * Claims what `allocate`, which does not wait, allocates for `owner`, who disposes of it; a forgotten owner's is freed, too. Where
   * `allocate` throws, nothing stays claimed.
   */
  own<T>(owner: object, allocate: () => T): readonly [T, Disposable] {
    const [older, start] = [this.#claims.length, this.#top];
    const memory = this.claim();
    try {
      const found = allocate();
      forgotten.register(owner, memory);
      return [found, memory];
    } catch (error) {
      this.#claims.length = older; // with what was claimed inside
      this.#top = start;
      throw error;
    }
  }

  /** Lets go of the memory, which may be another machine's next: every access from here on throws. */
  close(): void {
    this.#memory = undefined;
  }

  /** @throws UsageError after closing. */
  check(): void {
    this.#open();
  }

  #open(): Growable {
    if (this.#memory === undefined) throw afterDisposal("engine");
    return this.#memory;
  }

  get #buffer(): ArrayBufferLike {
    return this.#open().buffer;
  }

  #ensure(end: number): void {
    const memory = this.#open();
    if (end > LIMIT_BYTES) throw new MemoryError("engine memory", end, LIMIT_BYTES);
    const missing = end - memory.buffer.byteLength;
    if (missing <= 0) return;
    const room = (LIMIT_BYTES - memory.buffer.byteLength) / PAGE_BYTES;
    const pages = Math.min(Math.ceil(Math.max(missing, GROWTH_BYTES) / PAGE_BYTES), room);
    try {
      memory.grow(pages);
    } catch (cause) {
      throw new MemoryError("engine memory", end, memory.buffer.byteLength, { cause });
    }
  }

  // Fresh views: never keep one across an `alloc` or a kernel call.
  f32(ptr: number, length: number): Float32Array {
    return new Float32Array(this.#buffer, ptr, length);
  }
  f64(ptr: number, length: number): Float64Array {
    return new Float64Array(this.#buffer, ptr, length);
  }
  i32(ptr: number, length: number): Int32Array {
    return new Int32Array(this.#buffer, ptr, length);
  }
  u32(ptr: number, length: number): Uint32Array {
    return new Uint32Array(this.#buffer, ptr, length);
  }
  i16(ptr: number, length: number): Int16Array {
    return new Int16Array(this.#buffer, ptr, length);
  }
  u16(ptr: number, length: number): Uint16Array {
    return new Uint16Array(this.#buffer, ptr, length);
  }
  i8(ptr: number, length: number): Int8Array {
    return new Int8Array(this.#buffer, ptr, length);
  }
  u8(ptr: number, length: number): Uint8Array {
    return new Uint8Array(this.#buffer, ptr, length);
  }
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
