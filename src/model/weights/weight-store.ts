/**
 * Weights have places: the store stands between a linear and its address. It alone takes memory for them, knows which linears are
 * there, gives the memory of one back and reads it again from the checkpoint, to other addresses and the same bits.
 *
 * This one holds whatever was loaded until it is evicted. A store for models that are larger than the memory keeps the experts that
 * are asked for: it sets `needsRoutes`, and passes then stop before the experts of each layer and call `hold` with those that tokens
 * were sent to. A layer lies in one memory, `memoryOf` says in which, so that a store may have several of them.
 */
import type { Turns } from "../../base/turns.ts";
import type { StoredMatrix } from "../../format/codecs/codec.ts";
import type { Matrix } from "../../tensor/matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { Linear } from "./linears.ts";
import type { StoredLinear } from "./locate.ts";

/** What a linear takes while it is there. */
interface Place {
  readonly memory: Region;
  readonly bytes: number;
}

export class WeightStore implements Disposable {
  /** Owns what is loaded once and stays: norms, tables that go with the weights. */
  readonly memory: Region;
  /** All linears that the store knows, in the order of the checkpoint's; none is there at first. */
  readonly linears: readonly Linear[];
  readonly #machine: Machine;
  readonly #stored: ReadonlyMap<Linear, StoredMatrix>;
  readonly #places: Map<Linear, Place> = new Map();
  readonly #warn: (sentence: string) => void;
  #bytes = 0;
  #generation = 0;

  /** @param warn is told what was odd in the checkpoint and how it was read, a sentence each. */
  constructor(machine: Machine, stored: readonly StoredLinear[], warn: (sentence: string) => void = () => {}) {
    this.#machine = machine;
    this.#warn = warn;
    this.memory = machine.arena.region();
    this.linears = stored.map(({ stored: matrix, ...shape }) => ({ ...shape, ...absent(shape, matrix) }));
    this.#stored = new Map(this.linears.map((linear, index) => [linear, stored[index].stored]));
  }

  /** Whether passes must stop before the experts of a layer and call `hold`. */
  get needsRoutes(): boolean {
    return false;
  }

  /** Rises whenever a linear comes or goes: a tape that was recorded under another number holds addresses that may be wrong. */
  get generation(): number {
    return this.#generation;
  }

  /** Bytes of the linears that are there. */
  get bytes(): number {
    return this.#bytes;
  }

  isResident(linear: Linear): boolean {
    return this.#places.has(linear);
  }

  /** The engine in whose memory a layer's weights lie; -1 for embedding and head. */
  memoryOf(_layer: number): Machine {
    return this.#machine;
  }

  /**
   * Reads a linear into memory, unless it is there.
   * @throws MemoryError where there is no room; what the codec throws for weights that are damaged. Nothing is taken then.
   */
  async load(linear: Linear, turns: Turns): Promise<void> {
    if (this.#places.has(linear)) return;
    const stored = this.#storedOf(linear);
    const machine = this.memoryOf(linear.layer);
    using taken = machine.arena.region();
    using scratch = machine.arena.region();
    const ptr = taken.alloc(stored.memoryBytes);
    const staging = scratch.alloc(stored.stagingBytes);
    const { perm } = await stored.lay({ machine, turns, staging, warn: this.#warn }, ptr);
    const vector = await stored.bias?.read();
    const permPtr = perm === undefined ? 0 : taken.place(perm);
    linear.bias = vector === undefined ? 0 : taken.place(vector);
    linear.matrix = matrixAt(linear, stored, ptr, permPtr);
    const bytes = stored.memoryBytes + (perm?.byteLength ?? 0) + (vector?.byteLength ?? 0);
    this.#places.set(linear, { memory: taken.move(), bytes });
    this.#bytes += bytes;
    this.#generation++;
  }

  /** Gives a linear's memory back. Passes that compute it must not run until it is loaded again. */
  evict(linear: Linear): void {
    const place = this.#places.get(linear);
    if (place === undefined) return;
    this.#places.delete(linear);
    this.#bytes -= place.bytes;
    this.#generation++;
    Object.assign(linear, absent(linear, this.#storedOf(linear)));
    place.memory[Symbol.dispose]();
  }

  /**
   * For a store that needs routes: loads these experts of a layer, and keeps them until what it gives is disposed. Only they are
   * computed meanwhile.
   */
  async hold(_layer: number, _experts: ReadonlySet<number>, _turns: Turns): Promise<Disposable> {
    return { [Symbol.dispose]: () => {} };
  }

  /** Gives back everything. */
  [Symbol.dispose](): void {
    for (const { memory } of this.#places.values()) memory[Symbol.dispose]();
    this.#places.clear();
    this.#bytes = 0;
    this.#generation++;
    this.memory[Symbol.dispose]();
  }

  #storedOf(linear: Linear): StoredMatrix {
    const stored = this.#stored.get(linear);
    if (stored === undefined) throw new Error(`${linear.name} is no linear of this store`);
    return stored;
  }
}

/** What a linear holds while it is not there: its format, by which passes sort linears, and no address. */
function absent(shape: Pick<Linear, "rows" | "cols">, stored: StoredMatrix): Pick<Linear, "matrix" | "bias"> {
  return { matrix: matrixAt(shape, stored, 0, 0), bias: 0 };
}

function matrixAt(
  { rows, cols }: Pick<Linear, "rows" | "cols">,
  stored: StoredMatrix,
  ptr: number,
  permPtr: number,
): Matrix {
  if (stored.kind === "float") return { kind: "float", dtype: stored.dtype, ptr, rows, cols };
  return { kind: "packed", bits: stored.bits, groupSize: stored.groupSize, ptr, rows, cols, permPtr };
}
