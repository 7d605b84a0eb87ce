/** Records causal attention with grouped query heads over cached keys and values: o_in = softmax(q k^T * scale) v, after RoPE. */
import { f32Bits } from "../wasm/constants.ts";
import type { Emit, Rows } from "./emit.ts";

export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Factor on q k^T before the softmax. */
  readonly attentionScale: number;
  /** RoPE rotates the first `rotaryDim` columns of each head. */
  readonly rope: { readonly rotaryDim: number };
}

/** Addresses of each token's position and cache rows; i32 [T] unless noted otherwise. */
export interface Places {
  /** Position for RoPE. */
  readonly positions: number;
  /** Cache row of the token's key and value. */
  readonly rows: number;
  /** i32 [T + 1]: token t sees the cache rows of segments offsets[t] to offsets[t + 1] - 1, which include its own row. */
  readonly offsets: number;
  /** i32 [segments, 2] `{ first row, rows }`, in the order of positions. */
  readonly segments: number;
}

/** Keys and values of one layer: f32 [S, Hkv * Dh] each. */
export interface LayerCache {
  readonly keys: number;
  readonly values: number;
}

/** Inputs, outputs and cache of the attention of one layer. */
export interface AttentionCall {
  /** f32 rows, one for each token. `q` and `k` are rotated in place, and the result is written to `out`. */
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
  readonly out: Rows;
  readonly cache: LayerCache;
  readonly places: Places;
  /** Address of the RoPE table of cosines and sines. */
  readonly ropeTable: number;
  /** Most cache rows that a token sees, for estimating the work. */
  readonly visible: number;
}

/** Records the calls that rotate q and k, store k and v in the cache, and attend. */
export function attend(emit: Emit, shape: AttentionShape, call: AttentionCall): void {
  const { heads, kvHeads, headDim, rope } = shape;
  const { q, k, v, out, cache, places, ropeTable, visible } = call;
  const { tape } = emit;
  const tokens = q.rows;
  const width = kvHeads * headDim;
  const { rotaryDim } = rope;
  const scale = f32Bits(shape.attentionScale);
  tape.call("rope_f32", tokens, heads * headDim, q.ptr, q.ld, places.positions, ropeTable, heads, headDim, rotaryDim);
  tape.beside("rope_f32", tokens, width, k.ptr, k.ld, places.positions, ropeTable, kvHeads, headDim, rotaryDim);
  const rows = places.rows;
  // biome-ignore format: one line a call
  tape.call("store_kv", tokens, 2 * width, cache.keys, cache.values, k.ptr, k.ld, v.ptr, v.ld, rows, width, width);
  const parts = emit.pool.intern([heads, kvHeads, headDim, headDim, scale, 0]);
  // biome-ignore format: one line a call
  tape.call("attend_f32", tokens * heads, 2 * headDim * visible, out.ptr, out.ld, q.ptr, q.ld, cache.keys, cache.values, places.offsets, places.segments, parts);
}
