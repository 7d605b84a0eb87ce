/** Records causal attention with grouped query heads over cached keys and values: o_in = softmax(q k^T * scale) v, after RoPE. */
import { f32Bits } from "../wasm/constants.ts";
import { type Emit, lastRows, type Rows } from "./emit.ts";

export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  /** Width of a head's queries and keys. */
  readonly headDim: number;
  /** Width of a head's values. */
  readonly valueDim: number;
  /** Factor on q k^T before the softmax. */
  readonly attentionScale: number;
  /** RoPE rotates `rotaryDim` columns of each head: the first ones, or the last ones in latent attention. */
  readonly rope: { readonly rotaryDim: number };
  /** Whether it rotates columns 2i and 2i + 1 instead of i and i + rotaryDim / 2. */
  readonly ropePairs: boolean;
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

/** Number format of the key/value cache. */
export type CacheType = "f32" | "f16";

/** Keys and values of one layer: [S, width of all heads] each. Convolutions keep their state in the keys, as f32. */
export interface LayerCache {
  readonly type: CacheType;
  readonly keys: number;
  readonly values: number;
}

/** Inputs, outputs and cache of the attention of one layer. */
export interface AttentionCall {
  /** f32 rows, one for each token. `q` and `k` are rotated in place. `out` gets the results, of the last tokens only if it has fewer rows. */
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
  /** Address of the heads' sinks, f32 [Hq], or 0. */
  readonly sinks: number;
}

/** Records the calls that rotate q and k, store k and v in the cache, and attend. */
export function attend(emit: Emit, shape: AttentionShape, call: AttentionCall): void {
  const { kvHeads, headDim, valueDim } = shape;
  const { q, k, v, cache, places, ropeTable } = call;
  const heads = { places, ropeTable, first: 0, headDim };
  rotate(emit, shape, q, heads);
  rotate(emit, shape, k, { ...heads, beside: true });
  const [keyWidth, valueWidth] = [kvHeads * headDim, kvHeads * valueDim];
  // biome-ignore format: one line a call
  emit.tape.call("store_kv", q.rows, keyWidth + valueWidth, cache.keys, cache.values, k.ptr, k.ld, v.ptr, v.ld, places.rows, keyWidth, valueWidth, isHalf(cache));
  look(emit, shape, call);
}

/** Inputs, output and cache of latent attention. */
export interface LatentCall extends Omit<AttentionCall, "k" | "v" | "sinks"> {
  /** f32 [T, rotaryDim]: the part of the keys that all heads share; it is rotated in place. */
  readonly shared: Rows;
  /** f32 [T, heads * (plain + valueDim)]: each head's own part of the key, then its value. */
  readonly expanded: Rows;
}

/** The same for latent attention, where the last columns of a head are rotated. */
export function attendLatent(emit: Emit, shape: AttentionShape, call: LatentCall): void {
  const { heads, headDim, valueDim, rope } = shape;
  const { q, shared, expanded, cache, places, ropeTable } = call;
  const plain = headDim - rope.rotaryDim;
  rotate(emit, shape, q, { places, ropeTable, first: plain, headDim });
  rotate(emit, shape, shared, { places, ropeTable, first: 0, headDim: rope.rotaryDim, beside: true });
  const work = heads * (headDim + valueDim);
  // biome-ignore format: one line a call
  emit.tape.call("store_latent", q.rows, work, cache.keys, cache.values, expanded.ptr, expanded.ld, shared.ptr, shared.ld, places.rows, heads, plain, rope.rotaryDim, valueDim, isHalf(cache));
  look(emit, shape, { ...call, sinks: 0 });
}

/** The form in which kernels take the type of a cache. */
function isHalf({ type }: LayerCache): number {
  return type === "f16" ? 1 : 0;
}

interface Rotation extends Pick<AttentionCall, "places" | "ropeTable"> {
  /** First rotated column of a head. */
  readonly first: number;
  readonly headDim: number;
  /** Whether the call may run at the same time as the one before. */
  readonly beside?: boolean;
}

/** Records RoPE of all heads of x in place. */
function rotate({ tape }: Emit, { rope, ropePairs }: AttentionShape, x: Rows, rotation: Rotation): void {
  const { first, headDim, places, ropeTable, beside = false } = rotation;
  const record = (beside ? tape.beside : tape.call).bind(tape);
  const kernel = ropePairs ? "rope_pairs_f32" : "rope_f32";
  const heads = x.cols / headDim;
  const from = x.ptr + 4 * first;
  record(kernel, x.rows, x.cols, from, x.ld, places.positions, ropeTable, heads, headDim, rope.rotaryDim);
}

/** Records softmax(q k^T * scale) v over the cache. */
function look(
  emit: Emit,
  { heads, kvHeads, headDim, valueDim, attentionScale }: AttentionShape,
  { q: all, out, cache, places, visible, sinks }: Omit<AttentionCall, "k" | "v" | "ropeTable">,
): void {
  const q = lastRows(all, out.rows);
  const offsets = places.offsets + 4 * (all.rows - out.rows);
  const parts = emit.pool.intern([heads, kvHeads, headDim, valueDim, f32Bits(attentionScale), sinks, isHalf(cache)]);
  const work = (headDim + valueDim) * visible;
  // biome-ignore format: one line a call
  emit.tape.call("attend", q.rows * heads, work, out.ptr, out.ld, q.ptr, q.ld, cache.keys, cache.values, offsets, places.segments, parts);
}
