/** Defines regions: blocks of the engine's memory that have one owner and are given back together. */
import { UsageError } from "../../base/errors.ts";
import { afterDisposal } from "../jobs.ts";

/** The part of the arena that regions need. */
export interface Heap {
  take(bytes: number): number;
  give(ptr: number): void;
  u8(ptr: number, length: number): Uint8Array;
}

/** The blocks of a region. They are in a separate object, so that they can be given back after the region was garbage collected. */
interface Holding {
  readonly heap: Heap;
  readonly blocks: Set<number>;
}

/** Gives back the blocks of regions that were garbage collected without being disposed. */
const forgotten = new FinalizationRegistry<Holding>(giveBack);

function giveBack({ heap, blocks }: Holding): void {
  for (const ptr of blocks) heap.give(ptr);
  blocks.clear();
}

/**
 * Memory with an owner. Disposing a region gives back all its blocks, regardless of the order in which regions were made. If a region
 * is garbage collected without being disposed, its memory is given back then. An object that keeps addresses must therefore keep
 * their region too.
 */
export class Region implements Disposable {
  #holding: Holding | undefined;

  constructor(heap: Heap, blocks: Set<number> = new Set()) {
    this.#holding = { heap, blocks };
    forgotten.register(this, this.#holding, this);
  }

  /**
   * Allocates memory. It may grow the memory, which detaches older views.
   * @returns the address of `bytes` uninitialised bytes, 64-byte aligned.
   * @throws MemoryError if they do not fit; UsageError after disposal.
   */
  alloc(bytes: number): number {
    const { heap, blocks } = this.#live();
    const ptr = heap.take(bytes);
    blocks.add(ptr);
    return ptr;
  }

  /** Copies data into a new block. @returns its address. */
  place(data: Int32Array | Uint32Array | Float32Array | Float64Array | Uint8Array | Uint16Array): number {
    const ptr = this.alloc(data.byteLength);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#live().heap.u8(ptr, data.byteLength).set(bytes);
    return ptr;
  }

  /** Gives back one block. @throws UsageError for an address that the region did not allocate. */
  free(ptr: number): void {
    const { heap, blocks } = this.#live();
    if (!blocks.delete(ptr)) throw new UsageError("region", `address ${ptr}`, "the address of one of its blocks");
    heap.give(ptr);
  }

  /**
   * Moves all blocks to a new region; this one is then disposed. A constructor can allocate from a region under `using` and move it at
   * the end: if the constructor fails half-way, the memory is given back.
   */
  move(): Region {
    const { heap, blocks } = this.#live();
    this.#end();
    return new Region(heap, blocks);
  }

  /** Gives back all blocks. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#holding === undefined) return;
    giveBack(this.#holding);
    this.#end();
  }

  #end(): void {
    this.#holding = undefined;
    forgotten.unregister(this);
  }

  #live(): Holding {
    if (this.#holding === undefined) throw afterDisposal("region of memory");
    return this.#holding;
  }
}
