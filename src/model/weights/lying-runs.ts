/** Loads linears that lie in their file as they lie in memory. Runs of neighbours are one read each. */
import type { Turns } from "../../base/turns.ts";
import type { RangeRead, ReadRange } from "../../format/read-ahead.ts";
import { readLying } from "../../format/read-lying.ts";
import type { Machine } from "../../wasm/machine.ts";
import { inLanes } from "./in-lanes.ts";
import type { Linear } from "./linears.ts";

/** A linear with its place in the file. */
export interface LyingPlace {
  readonly linear: Linear;
  readonly range: ReadRange;
}

/** A run: `length` bytes from the tensor of its first linear on, and its linears with their first bytes in it. */
export interface LyingRun extends Pick<ReadRange, "tensor"> {
  length: number;
  readonly members: { readonly linear: Linear; readonly start: number }[];
}

/** The runs of linears that come in the order of the file, as they do in the forward pass. A run goes to one memory. */
export function lyingRuns(
  places: readonly LyingPlace[],
  memoryOf: (layer: number) => unknown = () => undefined,
): readonly LyingRun[] {
  const runs: LyingRun[] = [];
  for (const { linear, range } of places) {
    const { tensor, length } = range;
    const run = runs.at(-1);
    const isNext =
      run !== undefined &&
      run.tensor.offset + run.length === tensor.offset &&
      memoryOf(run.members[0].linear.layer) === memoryOf(linear.layer);
    const start = isNext ? run.length : 0;
    if (run === undefined || start === 0) runs.push({ tensor, length, members: [{ linear, start }] });
    else {
      run.members.push({ linear, start });
      run.length += length;
    }
  }
  return runs;
}

/** Where the bytes of a linear are already, and what frees them. */
export interface Block {
  readonly ptr: number;
  readonly memory: Disposable;
}

/** The part of a store that loading needs. */
interface LyingLoader {
  memoryOf(layer: number): Machine;
  load(linear: Linear, turns: Turns, read: RangeRead | undefined, block: Block): Promise<void>;
  evict(linear: Linear): void;
}

interface LyingRunOptions {
  readonly turns: Turns;
  readonly onBytes?: (bytes: number) => Promise<void>;
}

export async function loadLying(
  store: LyingLoader,
  places: readonly LyingPlace[],
  { turns, onBytes }: LyingRunOptions,
): Promise<void> {
  await inLanes(
    lyingRuns(places, (layer) => store.memoryOf(layer)),
    async ({ tensor, length, members }) => {
      turns.check();
      const { arena } = store.memoryOf(members[0].linear.layer);
      using taken = arena.region();
      const ptr = taken.alloc(length);
      await readLying(arena, { tensor, start: 0, length }, ptr);
      const memory = taken.move();
      let left = members.length;
      const shared = { [Symbol.dispose]: () => void (--left === 0 && memory[Symbol.dispose]()) };
      try {
        for (const { linear, start } of members)
          await store.load(linear, turns, undefined, { ptr: ptr + start, memory: shared });
      } catch (error) {
        for (const { linear } of members) store.evict(linear);
        memory[Symbol.dispose]();
        throw error;
      }
      await onBytes?.(length);
    },
  );
}
