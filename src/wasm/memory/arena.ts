/** The heap in a WebAssembly linear memory. It gives blocks to regions, takes them back, and makes views of the memory. */
import { MemoryError, UsageError } from "../../base/errors.ts";
import { HEAP_BASE } from "../constants.ts";
import { afterDisposal } from "../jobs.ts";
import { FreeList } from "./free-list.ts";
import { Region } from "./region.ts";

const PAGE_BYTES = 65536;
/** A memory of wasm32 has at most 4 GiB. */
export const LIMIT_BYTES: number = 65536 * PAGE_BYTES;
/** The memory grows in steps of this size, because growing is expensive in some engines (JavaScriptCore copies). */
const GROWTH_BYTES = 16 << 20;
/** Addresses and sizes of blocks are multiples of a cache line. */
export const LINE_BYTES = 64;

/** The part of WebAssembly.Memory that an arena needs. Tests use a mock to reach 4 GiB. */
export interface Growable {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

/** Most bytes that regions should own, and what is asked to give blocks back where one more would exceed them. */
export interface ArenaLimit {
  readonly bytes: number;
  /** Gives back blocks until `bytes` more bytes are free, or all that may be given back. */
  readonly reclaim: (bytes: number) => void;
}

export class Arena {
  /** A wish, not a wall: a block that does not fit within it is taken all the same. */
  limit: ArenaLimit | undefined;
  #memory: Growable | undefined;
  readonly #free: FreeList = new FreeList();
  /** Bytes of each taken block, by address. */
  readonly #taken: Map<number, number> = new Map();
  #used = 0;
  #words: Int32Array | undefined;
  #floats: Float32Array | undefined;
  constructor(memory: Growable) {
    this.#memory = memory;
    this.#free.give(HEAP_BASE, memory.buffer.byteLength - HEAP_BASE);
  }

  /** Whether threads share the memory. Views of such a memory stay valid when it grows. */
  get isShared(): boolean {
    return !(this.#buffer instanceof ArrayBuffer);
  }

  /** Bytes that belong to regions. */
  get used(): number {
    return this.#used;
  }

  /** A new region, which owns nothing yet. @throws UsageError after closing. */
  region(): Region {
    this.check();
    return new Region(this);
  }

  /** Grows the memory once for later blocks of `bytes` bytes in total, so that loading does not grow it step by step. */
  reserve(bytes: number): void {
    this.#grow(wholeLines(bytes), 0);
  }

  /** For regions: takes a block of at least `bytes` bytes. If this throws, nothing has changed. */
  take(bytes: number): number {
    this.check();
    if (!(bytes >= 0)) throw new UsageError("bytes to allocate", String(bytes), "a number from 0");
    const size = Math.max(LINE_BYTES, wholeLines(bytes));
    const excess = this.#used + size - (this.limit?.bytes ?? LIMIT_BYTES);
    if (excess > 0) this.limit?.reclaim(excess);
    let ptr = this.#free.take(size);
    if (ptr === undefined) {
      this.#grow(size, GROWTH_BYTES);
      ptr = this.#free.take(size) as number;
    }
    this.#taken.set(ptr, size);
    this.#used += size;
    return ptr;
  }

  /** For regions: gives a block back. Does nothing after closing, because the memory may belong to another machine. */
  give(ptr: number): void {
    const size = this.#taken.get(ptr);
    if (this.#memory === undefined || size === undefined) return;
    this.#taken.delete(ptr);
    this.#used -= size;
    this.#free.give(ptr, size);
  }

  /** Ends the use of the memory, which another machine may take over. Every later access throws. */
  close(): void {
    this.#memory = undefined;
    this.#words = undefined;
    this.#floats = undefined;
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

  /** Grows the memory until the last free block has `bytes` bytes, by at least `step` bytes if the limit allows that. */
  #grow(bytes: number, step: number): void {
    const memory = this.#open();
    const end = memory.buffer.byteLength;
    const missing = bytes - this.#free.sizeBefore(end);
    if (missing <= 0) return;
    if (end + missing > LIMIT_BYTES)
      throw new MemoryError("engine memory", { askedBytes: end + missing, limitBytes: LIMIT_BYTES });
    const pages = Math.ceil(missing / PAGE_BYTES);
    const wished = Math.min(Math.max(pages, step / PAGE_BYTES), (LIMIT_BYTES - end) / PAGE_BYTES);
    try {
      if (wished === pages || !grown(memory, wished)) memory.grow(pages);
    } catch (cause) {
      throw new MemoryError("engine memory", { askedBytes: end + missing, limitBytes: end }, { cause });
    }
    this.#free.give(end, memory.buffer.byteLength - end);
  }

  /** The whole memory as words. The view is the same until the memory grows, for code that runs too often to make views. */
  get words(): Int32Array {
    const buffer = this.#buffer;
    if (this.#words?.buffer !== buffer) this.#words = new Int32Array(buffer);
    return this.#words;
  }

  /** The whole memory as f32 values. The view is the same until the memory grows. */
  get floats(): Float32Array {
    const buffer = this.#buffer;
    if (this.#floats?.buffer !== buffer) this.#floats = new Float32Array(buffer);
    return this.#floats;
  }

  // These are fresh views. Never keep one across an allocation or a pause, because the memory may have grown.
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

function grown(memory: Growable, pages: number): boolean {
  try {
    memory.grow(pages);
    return true;
  } catch {
    return false;
  }
}

/** The bytes of whole cache lines that hold `bytes` bytes. */
export function wholeLines(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}
