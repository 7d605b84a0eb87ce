/** The flipped Cholesky against the textbook way: inverse first, then its upper factor. */
import { describe, expect, it } from "vitest";
import { Bench, BUILDS, type Build } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { hessianOf } from "../../reference/gptq/gptq.ts";
import { unpackFactor, upperFactor } from "../../reference/hessian/cholesky.ts";

/** Kernel-side factor of a square h: R and the lowest pivot. */
function factor(build: Build, h: Float64Array, n: number, perm: readonly number[], lambda: number, step = 1000) {
  const bench = new Bench(build, 16 << 20);
  const { kernels, scratch } = bench;
  const padded = Math.ceil(n / 4) * 4;
  const ld = Math.ceil(padded / 16) * 16 + 8;
  const hPtr = bench.put(packLower(h, n));
  const r = bench.alloc(padded * (padded + 4) * 4);
  const u = bench.alloc(padded * ld * 8);
  const order = bench.put(Int32Array.from({ length: padded }, (_, i) => perm[i] ?? -1));
  const scalars = bench.put(Float64Array.from([1, lambda]));
  const status = bench.put(Float64Array.from([Number.POSITIVE_INFINITY]));
  const cut = (units: number, call: (first: number, last: number) => void) => {
    for (let unit = 0; unit < units; unit += step) call(unit, Math.min(unit + step, units));
  };
  cut(padded, (a, b) => kernels.cholesky_load_f64(a, b, scratch, u, hPtr, order, scalars, padded, ld));
  for (let end = padded; end > 0; end -= 64) {
    const start = Math.max(0, end - 64);
    cut(Math.ceil(end / 16), (a, b) => kernels.cholesky_update_f64(a, b, scratch, u, padded, ld, start, end));
    kernels.cholesky_block_f64(0, 1, scratch, u, status, ld, start, end);
    cut(Math.ceil(start / 16), (a, b) => kernels.cholesky_solve_f64(a, b, scratch, u, ld, start, end));
  }
  cut(Math.ceil(Math.ceil(padded / 32) / 2), (a, b) => kernels.cholesky_invert_f64(a, b, scratch, r, u, padded, ld));
  const upper = unpackFactor(bench.f64(r, padded * (padded + 4) * 4), n);
  return { upper, pivot: bench.f64(status, 1)[0] };
}

function packLower(h: Float64Array, n: number): Float64Array {
  const panels = Math.ceil(n / 8);
  const packed = new Float64Array(32 * panels * (panels + 1));
  for (let row = 0; row < n; row++)
    for (let col = 0; col <= row; col++) {
      const p = row >> 3;
      packed[32 * p * (p + 1) + (row & 7) * 8 * (p + 1) + col] = h[row * n + col];
    }
  return packed;
}

function damped(h: Float64Array, n: number, perm: readonly number[], lambda: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    const value = h[perm[i] * n + perm[j]];
    return i === j ? (value === 0 ? 1 : value) + lambda : value;
  });
}

const identity = (n: number) => Array.from({ length: n }, (_, i) => i);

describe.each(BUILDS)("cholesky (%s)", (build) => {
  it.each([1, 2, 3, 4, 5, 8, 17, 63, 64, 65, 100, 131, 200])("gives chol(inv(H), upper) for n = %i", (n) => {
    const h = hessianOf(gaussians(2 * n * n, n), 2 * n, n);
    const perm = identity(n).map((i) => (i * 7 + 3) % n);
    const order = new Set(perm).size === n ? perm : identity(n).reverse();
    const { upper, pivot } = factor(build, h, n, order, 0.02);
    const want = upperFactor(damped(h, n, order, 0.02), n) as Float64Array;
    const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    upper.forEach((value, at) => {
      expect(Math.abs(value - want[at]) / largest).toBeLessThan(1e-11);
    });
    expect(pivot).toBeGreaterThan(0);
  });

  it("counts a dead column as 1 and leaves it alone", () => {
    const n = 70;
    const x = gaussians(100 * n, 6);
    for (let t = 0; t < 100; t++) x[t * n + 66] = 0;
    const h = hessianOf(x, 100, n);
    const { upper } = factor(build, h, n, identity(n), 0.01);
    expect(upper[66 * n + 66]).toBeCloseTo(1 / Math.sqrt(1.01), 14);
    for (let i = 0; i < n; i++) if (i !== 66) expect([upper[i * n + 66], upper[66 * n + i]]).toEqual([0, 0]);
  });

  it("gives the same bits however the units are cut, and the bits of the base build", () => {
    const n = 150;
    const h = hessianOf(gaussians(200 * n, 7), 200, n);
    const whole = factor(build, h, n, identity(n), 0.01).upper;
    expect(factor(build, h, n, identity(n), 0.01, 1).upper).toEqual(whole);
    expect(factor(build, h, n, identity(n), 0.01, 3).upper).toEqual(whole);
    expect(factor("base", h, n, identity(n), 0.01).upper).toEqual(whole);
  });

  it("reports the first pivot that is not positive", () => {
    const n = 80;
    const h = hessianOf(gaussians(100 * n, 8), 100, n);
    h[30 * n + 30] = -5;
    expect(factor(build, h, n, identity(n), 0).pivot).toBeLessThan(0);
    h[30 * n + 30] = Number.NaN;
    expect(factor(build, h, n, identity(n), 0).pivot).toBeNaN();
  });
});
