/** Chooses the store of a model's weights: in one memory, in several, or within a limit of memory. */
import { memoryBytes } from "../../files/byte-size.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { StoredLinear } from "./locate.ts";
import type { Paging } from "./paged/paging-facts.ts";
import { WeightStore } from "./weight-store.ts";

/** Most bytes of weights in one WebAssembly memory, which has 4 GiB: the rest is for sessions. */
const MEMORY_SHARE = 3 * 2 ** 30;

interface StoreWish {
  readonly linears: readonly StoredLinear[];
  /** Experts to which a token is sent. */
  readonly topK: number;
  /** Most memory of the engine. Default: no limit. */
  readonly memory?: number | string;
  readonly paging?: Paging;
  readonly memories?: number;
  readonly warn: (sentence: string) => void;
}

/** @throws UsageError for a limit that has no room for what must be in memory at the same time, and for a number of memories that cannot be. */
export async function chooseStore(machine: Machine, wish: StoreWish): Promise<WeightStore> {
  const { linears, topK, memory, paging, warn } = wish;
  const total = linears.reduce((sum, { stored }) => sum + stored.memoryBytes, 0);
  // Jobs that go through a model block by block do so in one memory, which may be smaller than the model.
  const isBlockwise = paging === "all" && total > MEMORY_SHARE;
  if (memory !== undefined || isBlockwise) {
    const limitBytes = memory === undefined ? Number.MAX_SAFE_INTEGER : memoryBytes(memory);
    // Only this needs the code that reads weights when they are needed.
    const { pagedStore } = await import("./paged/memory-limit.ts");
    const paged = pagedStore(machine, { linears, topK, limitBytes, paging, warn });
    if (paged !== undefined) return paged;
  }
  const { memories = Math.ceil(total / MEMORY_SHARE) } = wish;
  if (memories === 1) return new WeightStore(machine, linears, warn);
  return (await import("./spread/spread-store.ts")).spreadStore(machine, { linears, memories, warn });
}
