/** The RoPE table of a model in the engine's memory: one for all sessions, replaced by a longer one when one asks for more positions. */
import type { Arena } from "../wasm/memory/arena.ts";
import type { Region } from "../wasm/memory/region.ts";
import { type RopeOptions, ropeTable } from "./rope-table.ts";

/** Positions are rounded up to a multiple of this, so that slightly longer sequences seldom need another table. */
const POSITION_STEP = 256;

/** A table that somebody uses; dispose it when nobody computes with it any more. */
export interface RopeLease extends Disposable {
  /** Address of f32 [positions][2][rotaryDim / 2], as `ropeTable` has them. */
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
  readonly #shape: Omit<RopeOptions, "positions">;
  /** The longest so far. Shorter ones stay while they are used: the tapes of their users know their addresses. */
  #longest: Table | undefined;

  constructor(arena: Arena, shape: Omit<RopeOptions, "positions">) {
    this.#arena = arena;
    this.#shape = shape;
  }

  /** A table of at least `positions` rows. @throws MemoryError where there is no room for it; the one so far stays then. */
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
    // Before the table is computed, which takes time: a context too long for the memory is refused at once.
    const ptr = taken.alloc(positions * rotaryDim * 4);
    this.#arena.f32(ptr, positions * rotaryDim).set(ropeTable({ ...this.#shape, positions }));
    return { memory: taken.move(), ptr, positions, users: 0 };
  }
}
