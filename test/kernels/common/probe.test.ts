import { describe, expect, it } from "vitest";
import { Bench, BUILDS } from "../../helpers/kernels.ts";
import { mulberry32 } from "../../helpers/random.ts";

const UNITS = 5;

/** 64 bytes: m and n, which have at most 7 bits and no sign as the second operand of the relaxed dot, x and the rest. */
const random = mulberry32(3);
const DATA = Int8Array.from({ length: 64 }, (_, i) => Math.floor(random() * 128) - (i < 32 ? 0 : 64));

/** Sums of products of `width` neighbours in each of the four lanes of two vectors. */
function dots(x: ArrayLike<number>, y: ArrayLike<number>, width: number): number[] {
  return [0, 1, 2, 3].map((lane) => {
    let sum = 0;
    for (let i = lane * width; i < (lane + 1) * width; i++) sum += x[i] * y[i];
    return sum;
  });
}

/** What twelve sums that begin at n have added after some units: half of them dots with m, the others with n. */
function naive(values: ArrayLike<number>, width: number, start: ArrayLike<number>): number[] {
  const vector = (at: number) => Array.from({ length: 4 * width }, (_, i) => values[4 * width * at + i]);
  const [m, n, x] = [0, 1, 2].map(vector);
  const [withM, withN] = [dots(x, m, width), dots(x, n, width)];
  return withM.map((sum, lane) => (12 * start[lane] + UNITS * 6 * (sum + withN[lane])) | 0);
}

describe.each(BUILDS)("the integer probes of the %s build", (build) => {
  it.each([
    ["probe_dot_i16", 2],
    ["probe_dot_i8", build === "relaxed" ? 4 : 2],
  ] as const)("%s adds all its dots", (kernel, width) => {
    const bench = new Bench(build, 1 << 20, 64);
    const data = bench.put(DATA);
    bench.kernels[kernel](3, 3 + UNITS, bench.scratch, data);
    const values = width === 4 ? bench.i8(data, 64) : bench.i16(data, 32);
    expect([...bench.i32(bench.scratch, 4)]).toEqual(naive(values, width, bench.i32(data + 16, 4)));
  });
});
