import { describe, expect, it } from "vitest";
import { cos, exp, log, pow, sin } from "../../src/base/exact-math.ts";
import { mulberry32 } from "../helpers/random.ts";

/** Distance in units of the last place of `expected`. */
function ulps(actual: number, expected: number): number {
  if (Object.is(actual, expected) || actual === expected) return 0;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(expected))), -1022);
  return Math.abs(actual - expected) / 2 ** (exponent - 52);
}

function worst(actual: (x: number) => number, expected: (x: number) => number, points: readonly number[]): number {
  return Math.max(...points.map((x) => ulps(actual(x), expected(x))).map((u) => (Number.isNaN(u) ? Infinity : u)));
}

const random = mulberry32(1);
const spread = (count: number, from: number, to: number) =>
  Array.from({ length: count }, () => from + (to - from) * random());

describe("exp", () => {
  it.each([
    [-745, 709.7],
    [-40, 40],
    [-1, 1],
    [-1e-8, 1e-8],
    [709, 709.78],
  ])("is within 2 ulp of Math.exp from %f to %f", (from, to) => {
    expect(worst(exp, Math.exp, spread(20_000, from, to))).toBeLessThanOrEqual(2);
  });

  it("holds at the borders", () => {
    expect(exp(0)).toBe(1);
    expect(exp(-0)).toBe(1);
    expect(exp(-746)).toBe(0);
    expect(exp(-745.1)).toBe(5e-324);
    expect(exp(-Infinity)).toBe(0);
    expect(exp(710)).toBe(Infinity);
    expect(exp(Infinity)).toBe(Infinity);
    expect(exp(NaN)).toBeNaN();
    expect(worst(exp, Math.exp, [709.782712893384, -708.4, -709, -744.4, 1, Math.LN2, -Math.LN2])).toBeLessThanOrEqual(
      2,
    );
  });
});

describe("log", () => {
  it("is within 2 ulp of Math.log", () => {
    const points = [
      ...spread(20_000, 0.5, 2),
      ...spread(20_000, 1 - 1e-6, 1 + 1e-6),
      ...spread(20_000, 1, 1e9),
      ...spread(5_000, -323, 308).map((e) => 10 ** e),
    ];
    expect(worst(log, Math.log, points)).toBeLessThanOrEqual(2);
  });

  it("holds at the borders", () => {
    expect(log(1)).toBe(0);
    expect(log(0)).toBe(-Infinity);
    expect(log(-1)).toBeNaN();
    expect(log(NaN)).toBeNaN();
    expect(log(Infinity)).toBe(Infinity);
    expect(worst(log, Math.log, [5e-324, 2 ** -1022, Number.MAX_VALUE, Math.E, Math.SQRT2, 0.5])).toBeLessThanOrEqual(
      2,
    );
  });

  it("undoes exp", () => {
    for (const x of spread(1000, 1, 700)) expect(Math.abs(log(exp(x)) - x)).toBeLessThan(1e-12);
  });
});

describe("pow", () => {
  it.each([10_000, 500_000, 1_000_000, 150_000, 2])("is within 2 ulp of Math.pow for base %i", (base) => {
    const points = [...Array.from({ length: 256 }, (_, i) => -i / 128), ...spread(5_000, -20, 20)];
    expect(
      worst(
        (y) => pow(base, y),
        (y) => base ** y,
        points,
      ),
    ).toBeLessThanOrEqual(2);
  });

  it("is within 2 ulp of Math.pow for bases from 1e-3 to 1e3 and results up to 1e300", () => {
    for (const base of spread(200, -3, 3).map((e) => 10 ** e))
      expect(
        worst(
          (y) => pow(base, y),
          (y) => base ** y,
          spread(100, -100, 100),
        ),
      ).toBeLessThanOrEqual(2);
  });

  it("is exact where the result is", () => {
    for (let i = -1022; i <= 1023; i++) expect(pow(2, i)).toBe(2 ** i);
    for (let i = 0; i <= 22; i++) expect(pow(10, i)).toBe(10 ** i);
    expect([pow(1, 1e9), pow(7, 0), pow(9, 0.5), pow(49, -0.5)]).toEqual([1, 1, 3, 1 / 7]);
  });

  it("holds at the borders", () => {
    expect([pow(2, 1024), pow(10, 400), pow(0.5, 2000), pow(2, -1074)]).toEqual([Infinity, Infinity, 0, 5e-324]);
    expect([pow(-2, 2), pow(0, 2), pow(2, NaN)]).toEqual([NaN, NaN, NaN]);
  });
});

describe.each([
  { name: "sin", actual: sin, expected: Math.sin },
  { name: "cos", actual: cos, expected: Math.cos },
])("$name", ({ name, actual, expected }) => {
  it(`is within 2 ulp of Math.${name}`, () => {
    for (const limit of [1e-9, 0.8, 7, 1000, 1e6, 2 ** 26])
      expect(worst(actual, expected, spread(20_000, -limit, limit)), String(limit)).toBeLessThanOrEqual(2);
  });

  it("holds at whole positions and beside multiples of pi / 2", () => {
    const positions = Array.from({ length: 20_000 }, (_, i) => i * 7);
    const nearZeros = Array.from({ length: 20_000 }, (_, i) => (i * 101 * Math.PI) / 2);
    expect(worst(actual, expected, [...positions, ...nearZeros, 0])).toBeLessThanOrEqual(2);
  });

  it("refuses angles it cannot reduce", () => {
    for (const x of [2 ** 26 + 1, Infinity, NaN]) expect(() => actual(x)).toThrow(/expected an angle of at most/);
  });
});

describe("every function", () => {
  it("gives these bits on every engine", () => {
    let hash = 0x811c9dc5;
    const take = (value: number) => {
      for (const word of new Uint32Array(Float64Array.of(value).buffer)) hash = Math.imul(hash ^ word, 0x01000193);
    };
    for (let i = 1; i <= 20_000; i++) {
      const x = i / 64; // exact
      for (const value of [exp(x - 160), log(x), sin(x), cos(x), pow(x, 1.75), pow(10_000, -i / 20_000)]) take(value);
    }
    expect((hash >>> 0).toString(16)).toBe("e977a434");
  });
});
