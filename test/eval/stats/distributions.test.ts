import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { betaQuantile, incompleteBeta, log1p, logGamma, studentQuantile } from "../../../src/eval/stats/beta.ts";
import { chiSquareTail, erfc, normalQuantile } from "../../../src/eval/stats/normal.ts";
import { expectClose, FIXTURE } from "./fixture.ts";

describe("logGamma", () => {
  it.each(FIXTURE.logGamma)("of %f is mpmath's", (x, value) => {
    expect(Math.abs(logGamma(x) - value)).toBeLessThan(2e-14 + 1e-15 * Math.abs(value));
  });
});

describe("log1p", () => {
  it.each([1e-20, 1e-10, -1e-10, 1e-3, -0.3, 0.5, 7])("of %f is Math.log1p's", (x) => {
    expectClose(log1p(x), Math.log1p(x), 5e-16);
  });
});

describe("incompleteBeta", () => {
  it.each(FIXTURE.incompleteBeta)("of %f, %f at %f is mpmath's", (a, b, x, value) => {
    expectClose(incompleteBeta(a, b, x), value, 1e-12);
  });

  it("is a distribution: 0 and 1 at the ends, its mirror image's complement", () => {
    expect([incompleteBeta(2, 3, 0), incompleteBeta(2, 3, 1)]).toEqual([0, 1]);
    for (const x of [0.01, 0.3, 0.5, 0.77])
      expectClose(incompleteBeta(4, 9.5, x) + incompleteBeta(9.5, 4, 1 - x), 1, 1e-14);
    expectClose(incompleteBeta(1, 4, 0.25), 1 - 0.75 ** 4, 1e-14);
  });

  it("is undone by betaQuantile", () => {
    for (const [a, b] of [
      [0.5, 0.5],
      [3, 40],
      [400, 9000],
    ])
      for (const p of [0.005, 0.5, 0.9]) expectClose(incompleteBeta(a, b, betaQuantile(p, a, b)), p, 1e-12);
  });
});

describe("erfc", () => {
  it.each(FIXTURE.erfc)("of %f is mpmath's", (x, value) => {
    expectClose(erfc(x), value, 1e-13);
  });

  it("gives the tail of chi-square: 5 % beyond 3.8415", () => {
    expect(chiSquareTail(0)).toBe(1);
    expectClose(chiSquareTail(3.841458820694124), 0.05, 1e-13);
  });
});

describe("normalQuantile", () => {
  it.each(FIXTURE.normalQuantile)("of %f is mpmath's", (p, value) => {
    expect(Math.abs(normalQuantile(p) - value)).toBeLessThan(1e-13 * Math.max(1, Math.abs(value)));
  });

  it("reaches the ends and refuses what is no probability", () => {
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
    for (const p of [-0.1, 1.1, Number.NaN]) expect(() => normalQuantile(p)).toThrow(UsageError);
  });
});

describe("studentQuantile", () => {
  it.each(FIXTURE.studentQuantile)("of %f with %d degrees of freedom is mpmath's", (p, freedom, value) => {
    expectClose(studentQuantile(p, freedom), value, 1e-12);
  });
});
