import { describe, expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { f32Bits } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { attend_f32, type Cache } from "../../reference/network/attention.ts";

interface Shape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Width of a head's values, if it is not that of its keys. */
  readonly valueDim?: number;
  /** Whether every head has a sink. */
  readonly sink?: boolean;
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

function scenario(shape: Shape) {
  const { heads, kvHeads, headDim, valueDim = headDim, rows, firsts, peak = 1, pieces = 0 } = shape;
  const tokens = rows.length;
  const [keyStride, valueStride] = [kvHeads * headDim, kvHeads * valueDim];
  const [width, ldq, ldy] = [heads * valueDim, heads * headDim + 4, heads * valueDim + 1];
  const q = gaussians(tokens * ldq, 1).map((value) => value * peak);
  const keys = gaussians((Math.max(...rows) + 1) * keyStride, 2);
  const values = gaussians((Math.max(...rows) + 1) * valueStride, 3);
  const sinks = shape.sink === true ? gaussians(heads, 4).map((value) => value * 3) : undefined;
  const scale = 1 / Math.sqrt(headDim);
  const y = sameBits((bench, call) => {
    const to = bench.put(new Float32Array(tokens * ldy).fill(9));
    const cacheK = bench.put(scatter(keys, keyStride, pieces));
    const cacheV = bench.put(scatter(values, valueStride, pieces));
    const { offsets, segments } = cut(rows, firsts, pieces);
    const sinkPtr = sinks === undefined ? 0 : bench.put(sinks);
    const words = Int32Array.of(heads, kvHeads, headDim, valueDim, f32Bits(scale), sinkPtr);
    const [at, list, parts] = [offsets, segments, words].map((ints) => bench.put(ints));
    call("attend_f32", tokens * heads, to, ldy, bench.put(q), ldq, cacheK, cacheV, at, list, parts);
    return bench.f32(to, tokens * ldy);
  });
  const expected = new Float64Array(tokens * ldy).fill(9);
  for (let t = 0; t < tokens; t++)
    for (let head = 0; head < heads; head++) {
      const query = q.subarray(t * ldq + head * headDim, t * ldq + (head + 1) * headDim);
      const kvHead = Math.floor(head / (heads / kvHeads));
      const cache: Cache = {
        keys: { data: keys, stride: keyStride, offset: kvHead * headDim },
        values: { data: values, stride: valueStride, offset: kvHead * valueDim },
        valueWidth: valueDim,
      };
      const result = attend_f32(query, cache, firsts[t], rows[t], Math.fround(scale), sinks?.[head]);
      expected.set(result, t * ldy + head * valueDim);
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

  it.each([
    [24, 16],
    [6, 7],
    [8, 40],
    [15, 2],
  ])("matches the reference with keys of %i and values of %i", (headDim, valueDim) => {
    const shape = { heads: 4, kvHeads: 2, headDim, valueDim, rows: [6, 7, 8], firsts: [0, 0, 0], pieces: 3 };
    const { y, expected } = scenario(shape);
    expect(worstError(y, expected, 1)).toBeLessThan(1e-6);
  });

  it.each([1, 3, 4, 17])("gives a sink its part of the softmax over %i rows", (count) => {
    const shape = { heads: 6, kvHeads: 2, headDim: 16, rows: [count - 1, count - 1], firsts: [0, 0], sink: true };
    const { y, expected } = scenario(shape);
    expect(worstError(y, expected, 1)).toBeLessThan(1e-6);
    const sharp = scenario({ ...shape, peak: 20 });
    expect(worstError(sharp.y, sharp.expected, 1)).toBeLessThan(3e-5);
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
    const [keyWidth, valueWidth, ldk, ldv] = [6, 5, 8, 9];
    const rows = Int32Array.from([4, 0, 2]);
    const [key, value] = [gaussians(3 * ldk, 1), gaussians(3 * ldv, 2)];
    const cells = 5 * (keyWidth + valueWidth);
    const cache = sameBits((bench, call) => {
      const at = bench.put(new Float32Array(cells));
      const values = at + 5 * keyWidth * 4;
      call(
        "store_kv",
        3,
        at,
        values,
        bench.put(key),
        ldk,
        bench.put(value),
        ldv,
        bench.put(rows),
        keyWidth,
        valueWidth,
      );
      return bench.f32(at, cells);
    });
    const expected = new Float32Array(cells);
    rows.forEach((row, t) => {
      expected.set(key.subarray(t * ldk, t * ldk + keyWidth), row * keyWidth);
      expected.set(value.subarray(t * ldv, t * ldv + valueWidth), 5 * keyWidth + row * valueWidth);
    });
    expect(cache).toEqual(expected);
  });
});

describe("store_latent_f32", () => {
  it("joins each head's key with the rotated part that all heads share", () => {
    const [heads, plain, rotary, valueWidth, ldx, ldt] = [3, 5, 2, 4, 29, 3];
    const rows = Int32Array.from([3, 1]);
    const [x, turned] = [gaussians(2 * ldx, 1), gaussians(2 * ldt, 2)];
    const keyCells = 4 * heads * (plain + rotary);
    const cells = keyCells + 4 * heads * valueWidth;
    const cache = sameBits((bench, call) => {
      const at = bench.put(new Float32Array(cells));
      const [from, shared, places] = [bench.put(x), bench.put(turned), bench.put(rows)];
      // biome-ignore format: one line a call
      call("store_latent_f32", 2, at, at + 4 * keyCells, from, ldx, shared, ldt, places, heads, plain, rotary, valueWidth);
      return bench.f32(at, cells);
    });
    const expected = new Float32Array(cells);
    rows.forEach((row, t) => {
      for (let head = 0; head < heads; head++) {
        const from = t * ldx + head * (plain + valueWidth);
        const key = (row * heads + head) * (plain + rotary);
        expected.set(x.subarray(from, from + plain), key);
        expected.set(turned.subarray(t * ldt, t * ldt + rotary), key + plain);
        const value = x.subarray(from + plain, from + plain + valueWidth);
        expected.set(value, keyCells + (row * heads + head) * valueWidth);
      }
    });
    expect(cache).toEqual(expected);
  });
});
