import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { createRandom, xoshiro128 } from "../../src/base/random.ts";

describe("xoshiro128", () => {
  it("gives the published sequence from the state 1, 2, 3, 4", () => {
    const draw = xoshiro128([1, 2, 3, 4]);
    // From the tests of the rand_xoshiro crate, made with the authors' C program.
    const expected = [
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ];
    expect(expected.map(() => draw())).toEqual(expected);
  });
});

describe("createRandom", () => {
  it("gives the same numbers for the same seed, for ever", () => {
    const random = createRandom(7);
    expect([random.next(), random.next(), random.integer(1000)]).toEqual([0.5851366790236983, 0.3593428439600459, 350]);
  });

  it("gives another sequence for every seed, also beyond 32 bits", () => {
    const seeds = [0, 1, 2, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52, Number.MAX_SAFE_INTEGER];
    expect(new Set(seeds.map((seed) => createRandom(seed).next())).size).toBe(seeds.length);
    const firsts = Array.from({ length: 10_000 }, (_, seed) => createRandom(seed).next());
    const mean = firsts.reduce((sum, value) => sum + value, 0) / firsts.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01); // 3.5 standard deviations: neighbouring seeds do not lean one way
  });

  it("spreads next over [0, 1) evenly", () => {
    const random = createRandom(1);
    const bins = new Array<number>(16).fill(0);
    for (let i = 0; i < 160_000; i++) {
      const value = random.next();
      if (!(value >= 0 && value < 1)) expect.fail(`${value}`);
      bins[Math.floor(value * 16)]++;
    }
    const chiSquare = bins.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(37.7); // 15 degrees of freedom, 0.1 %
  });

  it("spreads integer evenly over a range that is no power of two", () => {
    const random = createRandom(2);
    const bins = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) bins[random.integer(7)]++;
    expect(bins.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(22.5); // 6, 0.1 %
    expect(random.integer(1)).toBe(0);
    const wide = Array.from({ length: 1000 }, () => random.integer(3 * 2 ** 30));
    expect(wide.filter((value) => value < 2 ** 30).length).toBeLessThan(400); // a plain remainder would give 500
  });

  it.each([1, 7, 1000, 3 * 2 ** 30, 2 ** 32])("fills with what integer gives, below %d", (n) => {
    const [one, many] = [createRandom(5), createRandom(5)];
    const filled = new Uint32Array(500);
    many.integers(n, filled);
    expect([...filled]).toEqual(Array.from(filled, () => one.integer(n)));
    expect(many.next()).toBe(one.next());
  });

  it("rejects seeds and ranges that make no sense", () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => createRandom(seed)).toThrow(UsageError);
    for (const n of [0, -1, 1.5, 2 ** 33]) {
      expect(() => createRandom(0).integer(n)).toThrow(UsageError);
      expect(() => createRandom(0).integers(n, new Uint32Array(1))).toThrow(UsageError);
    }
  });
});
