import { describe, expect, it } from "vitest";
import { evenTones, logTones } from "../../../src/report/draw/tones.ts";

describe("logTones", () => {
  it("gives equal steps for equal factors, and tells a small value from none", () => {
    const { tones, least, most } = logTones([1, 0.1, 0.01, 0]);
    expect([least, most]).toEqual([0.01, 1]);
    expect(tones).toEqual([1, 0.53, 0.06, 0]);
  });

  it("ends at a thousandth of the largest value", () => {
    expect(logTones([1, 1e-9])).toEqual({ tones: [1, 0.06], least: 1e-3, most: 1 });
  });

  it("is full where all values are equal", () => {
    expect(logTones([2, 2]).tones).toEqual([1, 1]);
  });
});

describe("evenTones", () => {
  it("is 0 at the even share, with twice and half of it as far from 0", () => {
    const { tones, factor } = evenTones([1, 2, 0.5, 4, 0.25, 0.01, 0]);
    expect(factor).toBe(4);
    expect(tones).toEqual([0, 0.5, -0.5, 1, -1, -1, -1]);
  });

  it("keeps small differences pale", () => {
    expect(evenTones([1.01, 0.99])).toEqual({ tones: [0.02, -0.02], factor: 1.5 });
  });
});
