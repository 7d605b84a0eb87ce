import { describe, expect, it } from "vitest";
import { f16Value } from "../../../src/tensor/float16.ts";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { f32Bits } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { attend_f32, type Cache } from "../../reference/network/attention.ts";
import { nearestF16 } from "../../reference/network/cache.ts";

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
  /** Whether the cache has f16. */
  readonly half?: boolean;
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
  const { heads, kvHeads, headDim, valueDim = headDim, rows, firsts, peak = 1, pieces = 0, half = false } = shape;
  const tokens = rows.length;
  const [keyStride, valueStride] = [kvHeads * headDim, kvHeads * valueDim];
  const [width, ldq, ldy] = [heads * valueDim, heads * headDim + 4, heads * valueDim + 1];
  const q = gaussians(tokens * ldq, 1).map((value) => value * peak);
  const cells = (count: number, seed: number) => {
    const numbers = gaussians(count, seed);
    return half ? numbers.map((value) => f16Value(nearestF16(value))) : numbers;
  };
  const keys = cells((Math.max(...rows) + 1) * keyStride, 2);
  const values = cells((Math.max(...rows) + 1) * valueStride, 3);
  const sinks = shape.sink === true ? gaussians(heads, 4).map((value) => value * 3) : undefined;
  const scale = 1 / Math.sqrt(headDim);
  const y = sameBits((bench, call) => {
    const to = bench.put(new Float32Array(tokens * ldy).fill(9));
    const put = (cache: Float32Array) => bench.put(half ? Uint16Array.from(cache, nearestF16) : cache);
    const cacheK = put(scatter(keys, keyStride, pieces));
    const cacheV = put(scatter(values, valueStride, pieces));
    const { offsets, segments } = cut(rows, firsts, pieces);
    const sinkPtr = sinks === undefined ? 0 : bench.put(sinks);
    const words = Int32Array.of(heads, kvHeads, headDim, valueDim, f32Bits(scale), sinkPtr, half ? 1 : 0);
    const [at, list, parts] = [offsets, segments, words].map((ints) => bench.put(ints));
    call("attend", tokens * heads, to, ldy, bench.put(q), ldq, cacheK, cacheV, at, list, parts);
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

describe("attend", () => {
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

  it.each([
    ["from the beginning", (t: number) => [t, 0]],
    ["after others", (t: number) => [100 + t, 0]],
    ["in a window", (t: number) => [30 + t, 11 + t]],
    ["in a window that begins", (t: number) => [10 + t, Math.max(0, t - 3)]],
    ["in windows far from each other", (t: number) => [(t % 3) * 150 + t + 4, (t % 3) * 150 + t]],
    ["in windows of different size", (t: number) => [60 + ((7 * t) % 5), (11 * t) % 61]],
  ] as const)("computes blocks of tokens %s as single tokens", (_, place) => {
    const places = Array.from({ length: 37 }, (_, t) => place(t));
    const [rows, firsts] = [places.map(([row]) => row), places.map(([, first]) => first)];
    for (const half of [false, true])
      for (const widths of [
        { headDim: 20, valueDim: 36 },
        { headDim: 152, valueDim: 129 },
      ]) {
        const { y, expected } = scenario({ heads: 6, kvHeads: 2, ...widths, rows, firsts, half });
        expect(worstError(y, expected, 1)).toBeLessThan(1e-6);
      }
  });

  it.each([1, 4, 7, 30])("reads a cache of f16 as f32 with the same numbers, over %i rows", (count) => {
    for (const headDim of [4, 15, 64, 128]) {
      const shape = { heads: 4, kvHeads: 2, headDim, rows: [count - 1, count], firsts: [0, 0], half: true };
      const { y, expected } = scenario(shape);
      expect(worstError(y, expected, 1)).toBeLessThan(1e-6);
      expect(scenario({ ...shape, pieces: 3 }).y).toEqual(y);
    }
  });

  it("takes wide heads of f16 in turn", () => {
    const shape = {
      heads: 10,
      kvHeads: 5,
      headDim: 600,
      valueDim: 700,
      rows: [5, 6, 9],
      firsts: [0, 0, 0],
      half: true,
    };
    const { y, expected } = scenario(shape);
    expect(worstError(y, expected, 1)).toBeLessThan(1e-6);
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
        0,
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

/** Numbers near every rule of rounding to f16: ties, subnormals, the largest, overflow, infinities. */
function hardNumbers(): Float32Array {
  const numbers = [0, -0, 1, 65504, 65519.996, 65520, -65520, 1e30, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const exponent of [-26, -25, -24, -20, -15, -14, -13, 0, 5, 15])
    for (const steps of [1, 1.0001, 1.5, 2, 2.5, 3.5, 1023.5, 1024.5, 1025.5])
      for (const sign of [1, -1]) numbers.push((sign * steps * 2 ** exponent) / 1024, sign * steps * 2 ** exponent);
  return Float32Array.from([...numbers, ...gaussians(500, 3)]);
}

describe("caches of f16", () => {
  const numbers = hardNumbers();
  const { length } = numbers;

  it("have the nearest f16 of each number, ties to even", () => {
    const cache = sameBits((bench, call) => {
      const at = bench.alloc(8 * length);
      const rows = bench.put(Int32Array.of(1));
      // biome-ignore format: one line a call
      call("store_kv", 1, at, at + 4 * length, bench.put(numbers), length, bench.put(numbers), length - 1, rows, length, length - 1, 1);
      return Int32Array.from(bench.u16(at + 2 * length, length));
    });
    expect([...cache]).toEqual(Array.from(numbers, nearestF16));
  });

  it("give NaN for rows with numbers that overflowed", () => {
    for (const value of [65520, Number.NEGATIVE_INFINITY, Number.NaN]) {
      const y = sameBits((bench, call) => {
        const [keys, values, rows] = [bench.alloc(64), bench.alloc(64), bench.put(Int32Array.of(0, 1))];
        const stored = bench.put(Float32Array.of(1, 2, 3, 4, value, 2, 3, 4));
        call("store_kv", 2, keys, values, stored, 4, stored, 4, rows, 4, 4, 1);
        const to = bench.alloc(32);
        const shape = bench.put(Int32Array.of(1, 1, 4, 4, f32Bits(1), 0, 1));
        const [offsets, segments] = [bench.put(Int32Array.of(0, 1, 2)), bench.put(Int32Array.of(0, 1, 0, 2))];
        call("attend", 2, to, 4, stored, 4, keys, values, offsets, segments, shape);
        return bench.f32(to, 8);
      });
      expect([...y.subarray(0, 4)]).toEqual([1, 2, 3, 4]);
      expect(y[4]).toBeNaN();
    }
  });
});

describe("store_latent", () => {
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
      call("store_latent", 2, at, at + 4 * keyCells, from, ldx, shared, ldt, places, heads, plain, rotary, valueWidth, 0);
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
