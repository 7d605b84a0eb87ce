import { describe, expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { f32Bits } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { attend_f32 } from "../../reference/network/attention.ts";

interface Shape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rows: readonly number[];
  readonly firsts: readonly number[];
  /** Factor on the queries: large ones make the softmax peak. */
  readonly peak?: number;
  /** Cuts the cache into pieces of so many rows that lie in reverse order with a gap between. */
  readonly pieces?: number;
}

/** The cache row where a row of a sequence lies. */
function placeOf(row: number, pieces: number): number {
  return pieces === 0 ? row : (200 - Math.floor(row / pieces)) * (pieces + 1) + (row % pieces);
}

/** Rows firsts[t] to rows[t] of each token as segments of neighbouring cache rows. */
function cut(rows: readonly number[], firsts: readonly number[], pieces: number) {
  const offsets = [0];
  const segments: number[] = [];
  rows.forEach((last, t) => {
    for (let row = firsts[t]; row <= last; row++) {
      const place = placeOf(row, pieces);
      if (row > firsts[t] && place === placeOf(row - 1, pieces) + 1) segments[segments.length - 1]++;
      else segments.push(place, 1);
    }
    offsets.push(segments.length / 2);
  });
  return { offsets: Int32Array.from(offsets), segments: Int32Array.from(segments) };
}

/** Rows of a cache at their places. */
function scatter(cache: Float32Array, stride: number, pieces: number): Float32Array {
  const count = cache.length / stride;
  const scattered = new Float32Array((Math.max(placeOf(0, pieces), placeOf(count - 1, pieces)) + pieces + 1) * stride);
  for (let row = 0; row < count; row++)
    scattered.set(cache.subarray(row * stride, (row + 1) * stride), placeOf(row, pieces) * stride);
  return scattered;
}

function scenario({ heads, kvHeads, headDim, rows, firsts, peak = 1, pieces = 0 }: Shape) {
  const tokens = rows.length;
  const stride = kvHeads * headDim;
  const [width, ldq, ldy] = [heads * headDim, heads * headDim + 4, heads * headDim + 1];
  const q = gaussians(tokens * ldq, 1).map((value) => value * peak);
  const keys = gaussians((Math.max(...rows) + 1) * stride, 2);
  const values = gaussians(keys.length, 3);
  const scale = 1 / Math.sqrt(headDim);
  const y = sameBits((bench, call) => {
    const to = bench.put(new Float32Array(tokens * ldy).fill(9));
    const [cacheK, cacheV] = [keys, values].map((cache) => bench.put(scatter(cache, stride, pieces)));
    const { offsets, segments } = cut(rows, firsts, pieces);
    call(
      "attend_f32",
      tokens * heads,
      to,
      ldy,
      bench.put(q),
      ldq,
      cacheK,
      cacheV,
      bench.put(offsets),
      bench.put(segments),
      heads,
      kvHeads,
      headDim,
      f32Bits(scale),
    );
    return bench.f32(to, tokens * ldy);
  });
  const expected = new Float64Array(tokens * ldy).fill(9);
  for (let t = 0; t < tokens; t++)
    for (let head = 0; head < heads; head++) {
      const query = q.subarray(t * ldq + head * headDim, t * ldq + (head + 1) * headDim);
      const offset = Math.floor(head / (heads / kvHeads)) * headDim;
      const cache = { keys, values, stride, offset };
      expected.set(attend_f32(query, cache, firsts[t], rows[t], Math.fround(scale)), t * ldy + head * headDim);
    }
  expect(width).toBeLessThan(ldy);
  return { y, expected };
}

describe("attend_f32", () => {
  it.each([1, 2, 3, 4, 5, 15, 16, 17, 101])("matches the reference over %i rows", (count) => {
    const { y, expected } = scenario({ heads: 4, kvHeads: 2, headDim: 16, rows: [count - 1], firsts: [0] });
    expect(worstError(y, expected, 1)).toBeLessThan(1e-6);
  });

  it.each([2, 4, 6, 10, 15, 17, 32, 36, 64, 80, 96, 128])("matches the reference with heads of %i", (headDim) => {
    const { y, expected } = scenario({ heads: 3, kvHeads: 1, headDim, rows: [6, 7, 8], firsts: [0, 0, 0] });
    expect(worstError(y, expected, 1)).toBeLessThan(1e-6);
  });

  it("sees only the rows of a window", () => {
    const { y, expected } = scenario({ heads: 2, kvHeads: 2, headDim: 32, rows: [9, 10, 3, 30], firsts: [5, 6, 3, 0] });
    expect(worstError(y, expected, 1)).toBeLessThan(1e-6);
  });

  it.each([1, 2, 3, 5, 8, 13])("gives the same bits when the rows come in segments of %i", (pieces) => {
    const shape = { heads: 4, kvHeads: 2, headDim: 20, rows: [0, 6, 40, 200], firsts: [0, 2, 0, 1] };
    expect(scenario({ ...shape, pieces }).y).toEqual(scenario(shape).y);
  });

  it("matches the reference over so many rows that heads are taken in turn", () => {
    const { y, expected } = scenario({ heads: 3, kvHeads: 1, headDim: 4, rows: [29_999, 30_000], firsts: [0, 5] });
    expect(worstError(y, expected, 1)).toBeLessThan(1e-6);
  });

  it("matches the reference over 2000 rows and with a sharp softmax", () => {
    const flat = scenario({ heads: 2, kvHeads: 1, headDim: 64, rows: [1999], firsts: [0] });
    expect(worstError(flat.y, flat.expected, 1)).toBeLessThan(1e-6);
    const sharp = scenario({ heads: 2, kvHeads: 1, headDim: 64, rows: [1999], firsts: [0], peak: 30 });
    expect(worstError(sharp.y, sharp.expected, 1)).toBeLessThan(3e-5); // scores near 100 are known to 1e-5 in f32
  });
});

describe("store_kv", () => {
  it("writes each token's key and value to its cache row and nothing else", () => {
    const [width, ld] = [6, 8];
    const rows = Int32Array.from([4, 0, 2]);
    const [key, value] = [gaussians(3 * ld, 1), gaussians(3 * ld, 2)];
    const cache = sameBits((bench, call) => {
      const at = bench.put(new Float32Array(2 * 5 * width));
      call("store_kv", 3, at, at + 5 * width * 4, bench.put(key), bench.put(value), ld, bench.put(rows), width);
      return bench.f32(at, 2 * 5 * width);
    });
    const expected = new Float32Array(2 * 5 * width);
    rows.forEach((row, t) => {
      expected.set(key.subarray(t * ld, t * ld + width), row * width);
      expected.set(value.subarray(t * ld, t * ld + width), (5 + row) * width);
    });
    expect(cache).toEqual(expected);
  });
});
