import { describe, expect, it } from "vitest";
import { padded, position, spread, valueTicks } from "../../../src/report/draw/axis.ts";

describe("spread", () => {
  it("leaves places that are far enough apart, in the order given", () => {
    expect(spread([30, 0, 60], 20)).toEqual([30, 0, 60]);
  });

  it("moves crowded places apart around their mean, groups included", () => {
    expect(spread([10, 10], 20)).toEqual([0, 20]);
    expect(spread([10, 10, 15, 100], 20)).toEqual([35 / 3 - 20, 35 / 3, 35 / 3 + 20, 100]);
  });
});

describe("axes", () => {
  it("are padded by a share, by a factor on logarithmic ones, also around a single value", () => {
    expect(padded([0, 10], 0.1, false)).toEqual([-1, 11]);
    expect(padded([1, 100], 0.5, true)).toEqual([0.1, 1000]);
    expect(padded([2, 2], 0.1, false)).toEqual([1.8, 2.2]);
  });

  it("place values by their logarithm if they are logarithmic", () => {
    expect(position(2.5, [0, 10], false)).toBe(0.25);
    expect(position(10, [1, 100], true)).toBeCloseTo(0.5, 12);
  });

  it("have ticks at 1, 2 and 5 within the extent", () => {
    expect(valueTicks([0.004, 0.3], true).ticks).toEqual([0.005, 0.01, 0.02, 0.05, 0.1, 0.2]);
  });
});
