/** Causal attention with grouped query heads over cached keys and values: o_in = softmax(q k^T * scale) v, after RoPE. */
import { f32Bits } from "../wasm/constants.ts";
import type { Emit, Rows } from "./emit.ts";

export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Where each token stands: addresses of i32 [T] where nothing else is said. */
export interface Places {
  /** Position for RoPE. */
  readonly positions: number;
  /** Cache row that holds the token's own key and value. */
  readonly rows: number;
  /** Cache rows the token sees, its own included: i32 [T + 1], token t's are segments offsets[t] to offsets[t + 1] - 1. */
  readonly offsets: number;
  /** i32 [segments, 2] `{ first row, rows }`, in the order of positions. */
  readonly segments: number;
}

/** Keys and values of one layer: f32 [S, Hkv * Dh] each. */
export interface LayerCache {
  readonly keys: number;
  readonly values: number;
}

/** What the tokens of one layer attend with, and to. */
export interface AttentionCall {
  /** f32 rows, one a token; `q` and `k` are turned in place, the result goes to `out`. */
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
  readonly out: Rows;
  readonly cache: LayerCache;
  readonly places: Places;
  /** Address of the table of RoPE's angles. */
  readonly ropeTable: number;
  /** Cache rows that a token sees at most, an estimate of the work. */
  readonly visible: number;
}

/** Turns q and k, stores k and v in the cache, attends. */
export function attend(emit: Emit, shape: AttentionShape, call: AttentionCall): void {
  const { heads, kvHeads, headDim } = shape;
  const { q, k, v, out, cache, places, ropeTable, visible } = call;
  const { tape } = emit;
  const tokens = q.rows;
  const width = kvHeads * headDim;
  const scale = f32Bits(1 / Math.sqrt(headDim));
  tape.call("rope_f32", tokens, heads * headDim, q.ptr, q.ld, places.positions, ropeTable, heads, headDim, headDim);
  tape.beside("rope_f32", tokens, width, k.ptr, k.ld, places.positions, ropeTable, kvHeads, headDim, headDim);
  tape.call("store_kv", tokens, 2 * width, cache.keys, cache.values, k.ptr, v.ptr, k.ld, places.rows, width);
  // biome-ignore format: one line a call
  tape.call("attend_f32", tokens * heads, 2 * headDim * visible, out.ptr, out.ld, q.ptr, q.ld, cache.keys, cache.values, places.offsets, places.segments, heads, kvHeads, headDim, scale);
}
