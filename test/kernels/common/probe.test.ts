import { describe, expect, it } from "vitest";
import { Bench, BUILDS } from "../../helpers/kernels.ts";
import { mulberry32 } from "../../helpers/random.ts";

const UNITS = 5;

/** 128 bytes: m and n, which have at most 7 bits and no sign as the second operand of the relaxed dot, then six vectors. */
const random = mulberry32(3);
const DATA = Int8Array.from({ length: 128 }, (_, i) => Math.floor(random() * 128) - (i < 32 ? 0 : 64));

/** Sums of products of `width` neighbours in each of the four lanes of two vectors. */
function dots(x: ArrayLike<number>, y: ArrayLike<number>, width: number): number[] {
  return [0, 1, 2, 3].map((lane) => {
    let sum = 0;
    for (let i = lane * width; i < (lane + 1) * width; i++) sum += x[i] * y[i];
    return sum;
  });
}

/**
 * What sums that begin at the last of the factors have added up after some units, each of which multiplies every factor by every other vector.
 */
function naive(
  values: ArrayLike<number>,
  { width, factors, sums, others }: Record<"width" | "factors" | "sums" | "others", number>,
  start: ArrayLike<number>,
): number[] {
  const vector = (at: number) => Array.from({ length: 4 * width }, (_, i) => values[4 * width * at + i]);
  const total = [0, 1, 2, 3].map((lane) => sums * start[lane]);
  for (let factor = 0; factor < factors; factor++)
    for (let other = factors; other < factors + others; other++)
      dots(vector(other), vector(factor), width).forEach((dot, lane) => {
        total[lane] += UNITS * dot;
      });
  return total;
}

describe.each(BUILDS)("the probes of arithmetic of the %s build", (build) => {
  it.each([
    ["probe_dot_i16", 2],
    ["probe_dot_i8", build === "relaxed" ? 4 : 2],
  ] as const)("%s adds all its dots", (kernel, width) => {
    const bench = new Bench(build, 1 << 20, 64);
    const data = bench.put(DATA);
    bench.kernels[kernel](3, 3 + UNITS, bench.scratch, data);
    const values = width === 4 ? bench.i8(data, 128) : bench.i16(data, 64);
    const expected = naive(values, { width, factors: 2, sums: 12, others: 6 }, bench.i32(data + 16, 4));
    expect([...bench.i32(bench.scratch, 4)]).toEqual(expected.map((sum) => sum | 0));
  });

  it("probe_mul_add adds all its products", () => {
    const bench = new Bench(build, 1 << 20, 64);
    const values = Float32Array.from({ length: 32 }, () => Math.floor(random() * 64) - 32);
    const data = bench.put(values);
    bench.kernels.probe_mul_add(3, 3 + UNITS, bench.scratch, data);
    // Small whole numbers, so that every order of the sum gives the same.
    const expected = naive(values, { width: 1, factors: 4, sums: 8, others: 4 }, values.slice(12, 16));
    expect([...bench.f32(bench.scratch, 4)]).toEqual(expected);
  });
});

describe.each(BUILDS)("probe_read of the %s build", (build) => {
  const bytes = 4 * 4096;
  it.each([
    ["one stream", 32, 128],
    ["four streams", bytes / 4, 32],
  ])("reads every byte once in %s, however the units are cut", (_, apart, step) => {
    const bench = new Bench(build, 1 << 20, 64);
    const words = Int32Array.from({ length: bytes / 4 }, () => Math.floor(random() * 2 ** 31));
    const data = bench.put(words);
    const sums = [0, 0, 0, 0];
    for (const [first, last] of [
      [0, 1],
      [1, 4],
    ]) {
      bench.kernels.probe_read(first, last, bench.scratch, data, apart, step);
      bench.i32(bench.scratch, 4).forEach((sum, lane) => {
        sums[lane] = (sums[lane] + sum) | 0;
      });
    }
    const expected = [0, 1, 2, 3].map((lane) =>
      words.reduce((sum, word, i) => (i % 4 === lane ? (sum + word) | 0 : sum), 0),
    );
    expect(sums).toEqual(expected);
  });
});
