/**
 * Manages the memory of a model's weights. Only the store allocates it, and it knows which linears are loaded. It can evict a linear
 * and read it again from the checkpoint: the address may change, the bits do not.
 *
 * This store keeps every linear until it is evicted. `paged/paged-store.ts` keeps what fits within a limit: it sets `isPaged`, so that
 * passes stop before linears that may not be loaded and call `hold` with those that they need, such as the experts to which tokens were
 * sent. All weights of a layer are in one memory, which `memoryOf` returns, so that a store may use several memories (`spread/spread-store.ts`).
 */

import type { Turns } from "../../base/turns.ts";
import type { StoredMatrix } from "../../format/codecs/codec.ts";
import { type RangeRead, readAlone } from "../../format/read-ahead.ts";
import type { Matrix } from "../../tensor/matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import { LIMIT_BYTES } from "../../wasm/memory/arena.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { Linear } from "./linears.ts";
import type { StoredLinear } from "./locate.ts";
import type { Block } from "./lying-runs.ts";
import type { PagingFacts } from "./paged/paging-facts.ts";

/** Layers from `first` on, up to `end`, which is not one of them, and the machine in whose memory their weights are. */
export interface FurtherMemory {
  readonly first: number;
  readonly end: number;
  readonly machine: Machine;
}

/** The memory of a loaded linear. */
interface Place {
  readonly memory: Disposable;
  readonly bytes: number;
}

/** What a job's buffers may take. */
export interface JobRoom {
  /** Bytes of the engine; below 0 if what must be in memory besides is too large already. */
  readonly bytes: number;
  /** The limit of memory, if it is what leaves no more. */
  readonly limit?: number;
}

export class WeightStore implements Disposable {
  /** Memory of what is loaded once and stays, such as norms and tables. */
  readonly memory: Region;
  /** All linears of the store, in the order of `stored`. None is loaded at first. */
  readonly linears: readonly Linear[];
  readonly #machine: Machine;
  readonly #stored: ReadonlyMap<Linear, StoredMatrix>;
  readonly #places: Map<Linear, Place> = new Map();
  readonly #warn: (sentence: string) => void;
  #bytes = 0;
  #generation = 0;

  /** @param warn is called with a sentence for each oddity of the checkpoint, which says how it was read. */
  constructor(machine: Machine, stored: readonly StoredLinear[], warn: (sentence: string) => void = () => {}) {
    this.#machine = machine;
    this.#warn = warn;
    this.memory = machine.arena.region();
    this.linears = stored.map(({ stored: matrix, ...shape }) => ({ ...shape, ...absent(shape, matrix) }));
    this.#stored = new Map(this.linears.map((linear, index) => [linear, stored[index].stored]));
  }

  /** Whether passes must stop before linears that are not kept, and call `hold`. */
  get isPaged(): boolean {
    return false;
  }

  /** Whether a linear is loaded with the model, and not when a pass needs it. */
  isKept(_linear: Linear): boolean {
    return true;
  }

  /** Increases whenever a linear is loaded or evicted. A tape that was recorded at another number may contain wrong addresses. */
  get generation(): number {
    return this.#generation;
  }

  /** What reading weights when they are needed has done so far; undefined if all are kept. */
  get paging(): PagingFacts | undefined {
    return undefined;
  }

  /** Bytes of the linears that are loaded. */
  get bytes(): number {
    return this.#bytes;
  }

  isResident(linear: Linear): boolean {
    return this.#places.has(linear);
  }

  /** The layers whose weights are not in the main memory, in order: one range for each further memory, up to the last layer. */
  get further(): readonly FurtherMemory[] {
    return [];
  }

  /** The engine in whose memory the weights of a layer are; layer -1 is for embedding and head. */
  memoryOf(_layer: number): Machine {
    return this.#machine;
  }

  /** The memory of what is loaded once for a layer, and stays. */
  regionOf(_layer: number): Region {
    return this.memory;
  }

  /**
   * Reads a linear into memory, unless it is already loaded. `read` reads its file, if it was read ahead; `block` is where its bytes are already.
   * @throws MemoryError if it does not fit; the codec's errors for damaged weights. In both cases no memory is kept.
   */
  async load(linear: Linear, turns: Turns, read: RangeRead = readAlone, block?: Block): Promise<void> {
    if (this.#places.has(linear)) return;
    const stored = this.storedOf(linear);
    if (stored.lying !== undefined && block === undefined) return this.loadRuns([linear], turns);
    const machine = this.memoryOf(linear.layer);
    using taken = machine.arena.region();
    using scratch = machine.arena.region();
    const ptr = block?.ptr ?? taken.alloc(stored.memoryBytes);
    const staging = scratch.alloc(stored.stagingBytes);
    const { perm, zero, permPtr, biasPtr } = await stored.lay({ machine, turns, staging, read, warn: this.#warn }, ptr);
    const vector = biasPtr === undefined ? await stored.bias?.read() : undefined;
    const order = permPtr ?? (perm === undefined ? 0 : taken.place(perm));
    linear.bias = biasPtr ?? (vector === undefined ? 0 : taken.place(vector));
    linear.matrix = matrixAt(linear, stored, { ptr, permPtr: order, zero });
    const bytes = stored.memoryBytes + (perm?.byteLength ?? 0) + (vector?.byteLength ?? 0);
    this.#places.set(linear, { memory: block?.memory ?? taken.move(), bytes });
    this.#bytes += bytes;
    this.#generation++;
  }

  /**
   * Loads those of the linears that lie in their file as they lie in memory, each run of neighbours with one read. The memory of a run is freed when
   * its last linear is evicted. `onBytes` is called after each run.
   */
  async loadRuns(linears: readonly Linear[], turns: Turns, onBytes?: (bytes: number) => Promise<void>): Promise<void> {
    const missing = linears.flatMap((linear) => {
      const range = this.#places.has(linear) ? undefined : this.storedOf(linear).lying;
      return range === undefined ? [] : [{ linear, range }];
    });
    // Only bundles need it.
    if (missing.length > 0) await (await import("./lying-runs.ts")).loadLying(this, missing, { turns, onBytes });
  }

  /** Frees a linear's memory. Passes that compute it must not run until it is loaded again. */
  evict(linear: Linear): void {
    const place = this.#places.get(linear);
    if (place === undefined) return;
    this.#places.delete(linear);
    this.#bytes -= place.bytes;
    this.#generation++;
    Object.assign(linear, absent(linear, this.storedOf(linear)));
    place.memory[Symbol.dispose]();
  }

  /**
   * Loads these linears, all of one step of a pass, and keeps them until the returned object is disposed. A pass holds one step at a time:
   * if two could each wait for what the other holds, they would wait for ever.
   */
  async hold(_linears: readonly Linear[], _turns: Turns): Promise<Disposable> {
    return { [Symbol.dispose]: () => {} };
  }

  /** Whether a linear is read when it is needed. One that a job has replaced needs nothing. */
  hasPage(_linear: Linear): boolean {
    return false;
  }

  /** Room for the buffers of a job that also keeps `outside` bytes that are not the engine's. */
  roomFor(_outside: number): JobRoom {
    return { bytes: LIMIT_BYTES - this.#machine.arena.used };
  }

  /** Counts the bytes that a job keeps outside of the engine to the limit of memory until the returned object is disposed. */
  beginJob(_outside: number): Disposable {
    return { [Symbol.dispose]: () => {} };
  }

  /** Divides linears of one step into parts that can be held one after the other. */
  partsOf(linears: readonly Linear[]): readonly (readonly Linear[])[] {
    return [linears];
  }

  /** Frees all memory of the store. */
  [Symbol.dispose](): void {
    for (const { memory } of this.#places.values()) memory[Symbol.dispose]();
    this.#places.clear();
    this.#bytes = 0;
    this.#generation++;
    this.memory[Symbol.dispose]();
  }

  /** How the checkpoint stores a linear. */
  protected storedOf(linear: Linear): StoredMatrix {
    const stored = this.#stored.get(linear);
    if (stored === undefined) throw new Error(`${linear.name} is no linear of this store`);
    return stored;
  }
}

/** The matrix of a linear that is not loaded: its format, by which passes group linears, and address 0. */
function absent(shape: Pick<Linear, "rows" | "cols">, stored: StoredMatrix): Pick<Linear, "matrix" | "bias"> {
  return { matrix: matrixAt(shape, stored, { ptr: 0, permPtr: 0 }), bias: 0 };
}

/** The matrix at an address, in the form in which the codec lays it. */
export function matrixAt(
  { rows, cols }: Pick<Linear, "rows" | "cols">,
  stored: StoredMatrix,
  { ptr, permPtr, zero }: { readonly ptr: number; readonly permPtr: number; readonly zero?: number },
): Matrix {
  if (stored.kind === "float") return { kind: "float", dtype: stored.dtype, ptr, rows, cols };
  if (stored.kind === "blocks") {
    const { bits, groupSize, blockSize } = stored;
    return { kind: "blocks", bits, groupSize, blockSize, ptr, rows, cols };
  }
  const { bits, groupSize } = stored;
  return { kind: "packed", bits, groupSize, zero: zero ?? stored.zero, ptr, rows, cols, permPtr };
}
