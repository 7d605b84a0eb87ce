/** Keeps a model's RoPE table in the engine's memory. All sessions share it; if one needs more positions, a longer table replaces it. */
import type { Arena } from "../wasm/memory/arena.ts";
import type { Region } from "../wasm/memory/region.ts";
import type { RopeShape } from "./rope-frequencies.ts";
import { ropeTable } from "./rope-table.ts";

/** Positions are rounded up to a multiple of this, so that slightly longer sequences seldom need another table. */
const POSITION_STEP = 256;

/** The use of a table by one session. Dispose it when the session no longer computes with the table. */
export interface RopeLease extends Disposable {
  /** Address of f32 [positions][2][rotaryDim / 2], as from `ropeTable`. */
  readonly ptr: number;
}

interface Table {
  readonly memory: Region;
  readonly ptr: number;
  readonly positions: number;
  users: number;
}

export class RopeTables {
  readonly #arena: Arena;
  readonly #shape: RopeShape;
  /** The longest table so far. Shorter ones stay while they are used, because the tapes of their users contain their addresses. */
  #longest: Table | undefined;

  constructor(arena: Arena, shape: RopeShape) {
    this.#arena = arena;
    this.#shape = shape;
  }

  /** Leases a table of at least `positions` rows. @throws MemoryError if it does not fit; the present table then stays. */
  take(positions: number): RopeLease {
    if (this.#longest === undefined || this.#longest.positions < positions) {
      const longer = this.#make(Math.ceil(positions / POSITION_STEP) * POSITION_STEP);
      const replaced = this.#longest;
      this.#longest = longer;
      if (replaced?.users === 0) replaced.memory[Symbol.dispose]();
    }
    const table = this.#longest;
    table.users++;
    let isUsed = true;
    const release = () => {
      if (isUsed) this.#release(table);
      isUsed = false;
    };
    return { ptr: table.ptr, [Symbol.dispose]: release };
  }

  #release(table: Table): void {
    table.users--;
    if (table.users === 0 && table !== this.#longest) table.memory[Symbol.dispose]();
  }

  #make(positions: number): Table {
    using taken = this.#arena.region();
    const { rotaryDim } = this.#shape;
    // Memory is taken before the table is computed, so that a context too long for the memory is refused at once.
    const ptr = taken.alloc(positions * rotaryDim * 4);
    this.#arena.f32(ptr, positions * rotaryDim).set(ropeTable({ ...this.#shape, positions }));
    return { memory: taken.move(), ptr, positions, users: 0 };
  }
}
