import { describe, expect, it } from "vitest";
import { durationText, Pace } from "../../../src/cli/show/pace.ts";

describe("Pace", () => {
  const watch = () => {
    const clock = { time: 0, now: () => clock.time, after: () => () => {} };
    const pace = new Pace(clock);
    return (time: number, phase: string, done: number, total = 100) => {
      clock.time = time;
      pace.see({ phase, done, total });
      return pace.secondsLeft({ phase, done, total });
    };
  };

  it("tells the time left from the pace of the phase", () => {
    const see = watch();
    expect(see(0, "a", 0)).toBeUndefined();
    expect(see(500, "a", 5)).toBeUndefined(); // too little to tell from
    expect(see(2000, "a", 20)).toBe(8);
    expect(see(10_000, "a", 100)).toBeUndefined();
  });

  it("looks at the later part of what is done, once that is more than a few", () => {
    const see = watch();
    see(0, "a", 20, 60);
    // What all share takes an hour, then one is done every half minute.
    const left = Array.from({ length: 40 }, (_, at) => see(3_600_000 + 30_000 * at, "a", 21 + at, 60));
    expect(left[0]).toBe(3600 * 39);
    expect(left.slice(7, 39)).toEqual(Array.from({ length: 32 }, (_, at) => 30 * (32 - at)));
  });

  it("keeps its estimate however many events there are", () => {
    const see = watch();
    let left: number | undefined;
    for (let done = 0; done <= 5000; done++) left = see(10 * done, "a", done, 10_000);
    expect(left).toBeCloseTo(50, 6);
  });

  it("counts from where a resumed phase was first seen", () => {
    const see = watch();
    see(0, "a", 60);
    expect(see(4000, "a", 80)).toBe(4);
  });

  it("begins anew with another phase, and where a phase begins again", () => {
    const see = watch();
    see(0, "a", 0);
    expect(see(10_000, "a", 50)).toBe(10);
    expect(see(20_000, "b", 0)).toBeUndefined();
    expect(see(22_000, "b", 50)).toBe(2);
    expect(see(30_000, "b", 10)).toBeUndefined();
    expect(see(31_000, "b", 20)).toBe(8);
  });
});

describe("durationText", () => {
  it.each([
    [0.2, "1 s"],
    [89.4, "89 s"],
    [90, "2 min"],
    [89 * 60, "89 min"],
    [90 * 60, "1 h 30 min"],
    [200 * 60, "3 h 20 min"],
  ])("of %d seconds is %s", (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });
});
