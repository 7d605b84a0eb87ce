import { describe, expect, it } from "vitest";
import { exp } from "../../../src/base/exact-math.ts";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { gaussians } from "../../helpers/random.ts";
import { divergence, log_sum_exp } from "../../reference/network/score.ts";

const ROWS = 5;
const WIDTHS = [1, 2, 3, 15, 16, 17, 101, 1031];

describe("log_sum_exp", () => {
  it.each(WIDTHS)("matches the reference over %i columns", (width) => {
    const x = gaussians(ROWS * (width + 1), 1).map((v) => v * 10);
    const out = sameBits((bench, call) => {
      const to = bench.alloc(16 * ROWS);
      call("log_sum_exp", ROWS, to, bench.put(x), width + 1, width);
      return bench.f64(to, 2 * ROWS);
    });
    for (let row = 0; row < ROWS; row++) {
      const { most, sum } = log_sum_exp(x.subarray(row * (width + 1), row * (width + 1) + width));
      expect(out[2 * row]).toBe(most);
      expect(worstError([out[2 * row + 1]], [sum], 0)).toBeLessThan(1e-14);
    }
  });
});

const perRow = (kernel: "argmax_rows" | "finite_rows", x: Float32Array, ldx: number, width: number) =>
  sameBits((bench, call) => {
    const rows = x.length / ldx;
    const to = bench.alloc(4 * rows);
    call(kernel, rows, to, bench.put(x), ldx, width);
    return bench.i32(to, rows);
  });

describe("argmax_rows", () => {
  it.each(WIDTHS)("finds the largest of %i columns", (width) => {
    const x = gaussians(ROWS * (width + 1), 2);
    const expected = Array.from({ length: ROWS }, (_, row) => {
      const values = [...x.slice(row * (width + 1), row * (width + 1) + width)];
      return values.indexOf(Math.max(...values));
    });
    expect([...perRow("argmax_rows", x, width + 1, width)]).toEqual(expected);
  });

  it("gives ties to the lowest column", () => {
    const x = new Float32Array(2 * 19).fill(-1);
    for (const i of [6, 9, 18, 19, 37]) x[i] = 4;
    expect([...perRow("argmax_rows", x, 19, 19)]).toEqual([6, 0]);
    expect([...perRow("argmax_rows", Float32Array.from([-0, 0, 0, -0, 0]), 5, 5)]).toEqual([0]);
  });

  it("gives -1 for a row that is not finite", () => {
    for (const bad of [NaN, Infinity, -Infinity])
      for (const at of [0, 5, 16]) {
        const x = gaussians(2 * 17, 3);
        x[at] = bad;
        expect(perRow("argmax_rows", x, 17, 17)[0]).toBe(-1);
        expect(perRow("argmax_rows", x, 17, 17)[1]).toBeGreaterThanOrEqual(0);
      }
  });
});

describe("finite_rows", () => {
  it.each(WIDTHS)("finds one bad entry among %i", (width) => {
    const good = gaussians(width, 4).map((v, i) => (i % 5 === 0 ? 3.4e38 : i % 5 === 1 ? 1e-45 : v));
    expect([...perRow("finite_rows", good, width, width)]).toEqual([1]);
    for (const bad of [NaN, Infinity, -Infinity])
      for (const at of new Set([0, width >> 1, width - 1])) {
        const x = good.slice();
        x[at] = bad;
        expect([...perRow("finite_rows", x, width, width)]).toEqual([0]);
      }
  });
});

const diverge = (p: Float32Array, q: Float32Array, width: number) =>
  sameBits((bench, call) => {
    const rows = p.length / width;
    const to = bench.alloc(32 * rows);
    call("divergence", rows, to, bench.put(p), width, bench.put(q), width, width);
    return bench.f64(to, 4 * rows);
  });

describe("divergence", () => {
  it.each(WIDTHS)("matches the reference over %i columns, near and far", (width) => {
    const p = gaussians(ROWS * width, 5).map((v) => v * 8);
    for (const noise of [1e-4, 1e-2, 1, 30]) {
      const added = gaussians(ROWS * width, 6);
      const q = p.map((v, i) => v + noise * added[i]);
      const out = diverge(p, q, width);
      for (let row = 0; row < ROWS; row++) {
        const [a, b] = [p, q].map((x) => x.subarray(row * width, (row + 1) * width));
        const [lseP, lseQ] = [a, b].map(log_sum_exp).map(({ most, sum }) => most + Math.log(sum));
        const sameTop = a.indexOf(Math.max(...a)) === b.indexOf(Math.max(...b)) ? 1 : 0;
        const [kl, top, ...sums] = out.slice(4 * row, 4 * row + 4);
        expect(Math.abs(kl - divergence(a, b))).toBeLessThan(1e-12);
        expect(top).toBe(sameTop);
        expect(worstError(sums, [lseP, lseQ], 1)).toBeLessThan(1e-14);
      }
    }
  });

  it("is exactly 0 between equal rows", () => {
    const p = gaussians(ROWS * 101, 7);
    for (let row = 0; row < ROWS; row++) expect([...diverge(p, p, 101).slice(4 * row, 4 * row + 2)]).toEqual([0, 1]);
  });
});

describe("weigh_f32", () => {
  it.each([1, 2, 255, 256, 257, 1031])("gives e^((x - most) / temperature) of %i columns, to the bit", (count) => {
    const x = gaussians(count, 4).map((value) => value * 30);
    if (count > 20) x[9] = -1e30;
    if (count > 20) x[10] = Number.NEGATIVE_INFINITY;
    const scalars = Float64Array.of(Math.max(...x), 0.7);
    const weights = sameBits((bench, call) => {
      const to = bench.alloc(8 * count);
      call("weigh_f32", Math.ceil(count / 256), to, bench.put(x), count, bench.put(scalars));
      return bench.f64(to, count);
    });
    const expected = Array.from(x, (value) => (value - scalars[0]) / 0.7).map((power) =>
      power < -708 ? 0 : exp(power),
    );
    expect([...weights]).toEqual(expected);
  });
});
