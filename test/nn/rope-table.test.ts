import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import type { RopeScaling } from "../../src/nn/rope-frequencies.ts";
import { ropeTable } from "../../src/nn/rope-table.ts";

const PLAIN = { type: "none" } as const;

/** cos or sin as Math has them, one f32 unit apart at most. */
function check(positions: number, rotaryDim: number, theta: number, scaling: RopeScaling = PLAIN) {
  const table = ropeTable({ positions, rotaryDim, theta, scaling });
  expect(table.length).toBe(positions * rotaryDim);
  const half = rotaryDim / 2;
  const factor = scaling.type === "linear" ? scaling.factor : 1;
  let worst = 0;
  for (let position = 0; position < positions; position++)
    for (let i = 0; i < half; i++) {
      const angle = (position * theta ** (-i / half)) / factor;
      worst = Math.max(worst, Math.abs(table[position * rotaryDim + i] - Math.cos(angle)));
      worst = Math.max(worst, Math.abs(table[position * rotaryDim + half + i] - Math.sin(angle)));
    }
  expect(worst).toBeLessThan(2 ** -25 + 1e-11); // half an f32 unit at 1, and what f64 angles differ by
}

describe("ropeTable", () => {
  it.each([
    [1, 2, 10_000],
    [17, 64, 10_000],
    [5000, 16, 1_000_000],
    [3, 10, 500_000],
  ])("holds cosines, then sines, of %i positions for %i columns at theta %i", (positions, rotaryDim, theta) => {
    check(positions, rotaryDim, theta);
    check(positions, rotaryDim, theta, { type: "linear", factor: 4 });
    check(positions, rotaryDim, theta, { type: "none" });
  });

  it("starts with no turn", () => {
    expect([...ropeTable({ positions: 1, rotaryDim: 6, theta: 10_000, scaling: PLAIN })]).toEqual([1, 1, 1, 0, 0, 0]);
    expect(ropeTable({ positions: 0, rotaryDim: 6, theta: 10_000, scaling: PLAIN })).toHaveLength(0);
  });

  it("gives these bits on every engine", () => {
    const table = ropeTable({ positions: 4096, rotaryDim: 128, theta: 500_000, scaling: PLAIN });
    const words = new Uint32Array(table.buffer);
    let hash = 0x811c9dc5;
    for (const word of words) hash = Math.imul(hash ^ word, 0x01000193) >>> 0;
    expect(hash.toString(16)).toBe("28f4d1d9");
  });

  it.each([
    { positions: 4, rotaryDim: 7, theta: 1e4, scaling: PLAIN },
    { positions: 4, rotaryDim: 0, theta: 1e4, scaling: PLAIN },
    { positions: -1, rotaryDim: 8, theta: 1e4, scaling: PLAIN },
    { positions: 4, rotaryDim: 8, theta: 0, scaling: PLAIN },
    { positions: 4, rotaryDim: 8, theta: 1e4, scaling: { type: "linear", factor: 0 } as const },
  ])("rejects %o", (options) => {
    expect(() => ropeTable(options)).toThrow(UsageError);
  });
});
