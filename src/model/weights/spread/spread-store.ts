/**
 * A store whose weights are in several memories, because one WebAssembly memory has at most 4 GiB. Each memory has the weights of layers that follow
 * one another. Embedding and head are in the first memory, the main one, with the first layers.
 */
import { UsageError } from "../../../base/errors.ts";
import type { Machine } from "../../../wasm/machine.ts";
import type { Region } from "../../../wasm/memory/region.ts";
import type { StoredLinear } from "../locate.ts";
import { type FurtherMemory, type JobRoom, WeightStore } from "../weight-store.ts";
import { divideLayers } from "./divide-layers.ts";

/** What a store is made from. */
interface SpreadWish {
  readonly linears: readonly StoredLinear[];
  readonly memories: number;
  readonly warn: (sentence: string) => void;
}

/** Makes the further memories, which end with the main machine. @throws UsageError for more memories than layers. */
export async function spreadStore(main: Machine, { linears, memories, warn }: SpreadWish): Promise<WeightStore> {
  const ranges: FurtherMemory[] = [];
  for (const range of divideLayers(linears, memories).slice(1))
    ranges.push({ ...range, machine: await main.sibling() });
  return new SpreadStore(main, linears, { ranges, warn });
}

class SpreadStore extends WeightStore {
  readonly #main: Machine;
  readonly #ranges: readonly FurtherMemory[];
  readonly #regions: ReadonlyMap<Machine, Region>;

  constructor(
    main: Machine,
    linears: readonly StoredLinear[],
    { ranges, warn }: Pick<SpreadWish, "warn"> & { readonly ranges: readonly FurtherMemory[] },
  ) {
    super(main, linears, warn);
    this.#main = main;
    this.#ranges = ranges;
    this.#regions = new Map(ranges.map(({ machine }) => [machine, machine.arena.region()]));
  }

  override get further(): readonly FurtherMemory[] {
    return this.#ranges;
  }

  override memoryOf(layer: number): Machine {
    return this.#ranges.find(({ first, end }) => first <= layer && layer < end)?.machine ?? this.#main;
  }

  override regionOf(layer: number): Region {
    return this.#regions.get(this.memoryOf(layer)) ?? this.memory;
  }

  override roomFor(): JobRoom {
    const found = `weights in ${this.#ranges.length + 1} memories`;
    throw new UsageError("model", found, 'one that was opened with paging: "all", which jobs read block by block');
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    for (const region of this.#regions.values()) region[Symbol.dispose]();
  }
}
