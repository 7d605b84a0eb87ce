import { describe, expect, it } from "vitest";
import { clockCost, meanOfFaster, timedRate } from "../../src/bench/timing.ts";

describe("timedRate", () => {
  it("repeats a call for 20 ms and divides all its work by the time", () => {
    let now = 0;
    let calls = 0;
    const call = () => {
      calls++;
      now += 8;
    };
    expect(timedRate(call, 1000, () => now)).toBe((3 * 1000) / 0.024);
    expect(calls).toBe(3);
  });
});

describe("meanOfFaster", () => {
  it("leaves out the slower half", () => {
    expect(meanOfFaster([9, 1, 100, 3])).toBe(2);
    expect(meanOfFaster([5, 1, 3])).toBe(2);
    expect(meanOfFaster([7])).toBe(7);
  });
});

describe("clockCost", () => {
  it("is a time", () => {
    expect(clockCost()).toBeGreaterThanOrEqual(0);
  });
});
