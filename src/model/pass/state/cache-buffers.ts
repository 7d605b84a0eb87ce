/** Allocates the key/value cache of a state, and buffers that take turns in the same memory. */
import type { CacheType, LayerCache } from "../../../nn/attention.ts";
import { wholeLines } from "../../../wasm/memory/arena.ts";
import type { Region } from "../../../wasm/memory/region.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { cacheWidths, cellBytes } from "./mixer-widths.ts";

/** Allocates bytes. @returns their address. */
export type Alloc = (bytes: number) => number;

export const takeOf =
  (memory: Region): Alloc =>
  (bytes) =>
    memory.alloc(bytes);

/** Buffers of a block's mixer and of its MLP in the same memory: where no later pass reads the cache, a mixer that is done needs nothing more. */
export function inTurn<First extends object, Second extends object>(
  take: Alloc,
  first: (alloc: Alloc) => First,
  second: (alloc: Alloc) => Second,
): First & Second {
  const from = (start: number) => {
    let end = start;
    const alloc = (bytes: number) => {
      const ptr = end;
      end += wholeLines(bytes);
      return ptr;
    };
    return { alloc, end: () => end };
  };
  const sizeOf = (use: (alloc: Alloc) => object) => {
    const { alloc, end } = from(0);
    use(alloc);
    return end();
  };
  const start = take(Math.max(sizeOf(first), sizeOf(second)));
  return { ...first(from(start).alloc), ...second(from(start).alloc) };
}

/** What the cache of a state depends on. */
export interface CacheShape {
  readonly cacheRows: number;
  readonly convRows: number;
  readonly oneCache?: boolean;
  readonly cache?: CacheType;
  /** The layers that have a cache. Default: all. */
  readonly layers?: { readonly first: number; readonly end: number };
}

/** The caches of all layers. Those of layers that have none are empty. */
export function allocCache(
  alloc: Alloc,
  config: ModelConfig,
  { cacheRows, convRows, oneCache = false, cache = "f32", layers }: CacheShape,
): readonly LayerCache[] {
  const cells = config.mixers.map((mixer, layer) => {
    if (layers !== undefined && (layer < layers.first || layer >= layers.end))
      return { type: cache, keys: 0, values: 0 };
    const { keys, values } = cacheWidths(config, mixer);
    const isConv = mixer === "conv";
    const rows = isConv ? convRows : cacheRows;
    const type = isConv ? "f32" : cache;
    return { type, keys: rows * keys * cellBytes(type), values: rows * values * cellBytes(type) };
  });
  const both = (keys: number, values: number) => ({ keys: alloc(keys), values: alloc(values) });
  if (!oneCache)
    return cells.map(({ type, keys, values }) =>
      keys + values === 0 ? { type, keys: 0, values: 0 } : { type, ...both(keys, values) },
    );
  const most = (of: "keys" | "values") => Math.max(...cells.map((count) => count[of]));
  const shared = both(most("keys"), most("values"));
  return cells.map(({ type }) => ({ type, ...shared }));
}
