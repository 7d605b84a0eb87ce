import { describe, expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { mulberry32 } from "../../helpers/random.ts";

const exp32 = (x: Float32Array) =>
  sameBits((bench, call) => {
    const to = bench.alloc(x.byteLength);
    call("exp_f32", x.length, to, bench.put(x));
    return bench.f32(to, x.length);
  });

const f64 = (kernel: "exp_f64" | "log_f64", x: Float64Array) =>
  sameBits((bench, call) => {
    const to = bench.alloc(x.byteLength);
    call(kernel, x.length, to, bench.put(x));
    return bench.f64(to, x.length);
  });

const spread = (count: number, from: number, to: number) => {
  const random = mulberry32(count);
  return Array.from({ length: count }, () => from + (to - from) * random());
};

describe("exp_f32", () => {
  it("is within 1.5e-7 of Math.exp on [-87, 88]", () => {
    for (const [from, to] of [
      [-87, 88],
      [-1, 1],
      [-1e-3, 1e-3],
    ]) {
      const x = Float32Array.from(spread(100_003, from, to));
      expect(worstError(exp32(x), Float64Array.from(x, Math.exp), 0)).toBeLessThan(1.5e-7);
    }
  });

  it("clamps outside and is never NaN for a number", () => {
    const x = Float32Array.from([0, -0, -87.4, -1e3, -3e38, -Infinity, 89, 3e38, Infinity, NaN]);
    const y = exp32(x);
    expect([...y.slice(0, 6)]).toEqual([1, 1, 0, 0, 0, 0]);
    for (const top of y.slice(6, 9)) expect(worstError([top], [Math.exp(Math.fround(88.37))], 0)).toBeLessThan(1.5e-7);
    expect(y[9]).toBeNaN();
  });

  it("never falls while x rises", () => {
    const x = Float32Array.from({ length: 200_000 }, (_, i) => -88 + (i * 176) / 200_000);
    const y = exp32(x);
    for (let i = 1; i < y.length; i++) if (y[i] < y[i - 1]) expect.fail(`falls at ${x[i]}`);
  });
});

describe("exp_f64", () => {
  it("is within 4.5e-16 of Math.exp on [-708, 709]", () => {
    for (const [from, to] of [
      [-708, 709],
      [-40, 0],
      [-1, 1],
    ]) {
      const x = Float64Array.from(spread(20_000, from, to));
      expect(worstError(f64("exp_f64", x), x.map(Math.exp), 0)).toBeLessThan(4.5e-16);
    }
    expect([...f64("exp_f64", Float64Array.from([0, -709, -1e300, NaN]))]).toEqual([1, 0, 0, NaN]);
  });
});

describe("log_f64", () => {
  it("is within 1 ulp and a half of Math.log", () => {
    const values = [
      ...spread(20_000, 0.5, 2),
      ...spread(5_000, 1, 1e6),
      ...spread(5_000, -300, 300).map((e) => 10 ** e),
    ];
    const x = Float64Array.from(values);
    expect(worstError(f64("log_f64", x), x.map(Math.log), 0)).toBeLessThan(3.4e-16);
    expect(f64("log_f64", Float64Array.from([1]))[0]).toBe(0);
  });
});
