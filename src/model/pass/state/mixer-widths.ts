/** Columns of the buffers and caches that the mixers of a model need. */
import { UsageError } from "../../../base/errors.ts";
import type { CacheType } from "../../../nn/attention.ts";
import type { MixerKind, ModelConfig } from "../../config/model-config.ts";

/** Columns of the buffers of a pass; all layers share them. */
export interface MixerWidths {
  readonly query: number;
  readonly key: number;
  readonly value: number;
  readonly low: number;
  readonly queryLow: number;
  readonly attended: number;
}

export function mixerWidths({ latent, ...config }: ModelConfig): MixerWidths {
  const { heads, kvHeads, headDim, valueDim, hiddenSize } = config;
  const hasConv = config.mixers.includes("conv");
  const query = Math.max(heads * headDim, hasConv ? 3 * hiddenSize : 0);
  const attended = Math.max(heads * valueDim, hasConv ? hiddenSize : 0);
  if (latent === null)
    return { query, key: kvHeads * headDim, value: kvHeads * valueDim, low: 0, queryLow: 0, attended };
  const low = latent.rank + config.rope.rotaryDim;
  const value = heads * (latent.plain + valueDim);
  return { query, key: 0, value, low, queryLow: latent.queryRank ?? 0, attended };
}

/** Columns of a row of a layer's cache. A convolution keeps its state in the keys. */
export function cacheWidths(config: ModelConfig, mixer: MixerKind): { readonly keys: number; readonly values: number } {
  const { kvHeads, headDim, valueDim } = config;
  return mixer === "conv"
    ? { keys: config.hiddenSize, values: 0 }
    : { keys: kvHeads * headDim, values: kvHeads * valueDim };
}

/** The number format of a cache; f32 if none is asked for. @throws UsageError for an unknown one. */
export function checkCache(type: CacheType = "f32"): CacheType {
  if (type !== "f32" && type !== "f16") throw new UsageError("cache", String(type), "f32 or f16");
  return type;
}

/** Bytes of a number in the cache. The state of convolutions is f32 in any case. */
export function cellBytes(type: CacheType): number {
  return type === "f16" ? 2 : 4;
}

/** Bytes of the keys and values of one token in all layers. Convolutions keep the state of a few tokens only, which does not count. */
export function cacheBytesPerToken(config: ModelConfig, type: CacheType): number {
  const widths = config.mixers.filter((mixer) => mixer !== "conv").map((mixer) => cacheWidths(config, mixer));
  return widths.reduce((sum, { keys, values }) => sum + cellBytes(type) * (keys + values), 0);
}
