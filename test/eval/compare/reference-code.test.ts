import { describe, expect, it } from "vitest";
import { decodeRow, encodeRow, UNITS_PER_NAT } from "../../../src/eval/compare/reference-code.ts";
import { mulberry32 } from "../../helpers/random.ts";

function roundTrip(logits: Float32Array): { units: number; found: Float32Array } {
  const codes = new Uint16Array(logits.length);
  const units = encodeRow(logits, codes);
  const found = new Float32Array(logits.length);
  decodeRow(codes, units, found);
  return { units, found };
}

describe("rows of a saved reference", () => {
  it.each([0.001, 1, 21, 100])("come back within the stated bound, logits of %d nats", (spread) => {
    const random = mulberry32(7);
    const logits = Float32Array.from({ length: 4099 }, () => spread * random() - 3);
    const { units, found } = roundTrip(logits);
    const most = Math.max(...logits);
    const range = units / UNITS_PER_NAT;
    expect(range).toBeGreaterThanOrEqual(most - Math.min(...logits));
    logits.forEach((logit, i) => {
      const x = most - logit;
      const bound = Math.sqrt(x * range) / 65535 + range / 131070 ** 2 + x * 2 ** -24;
      expect(Math.abs(-found[i] - x)).toBeLessThanOrEqual(bound);
    });
  });

  it("keep the likeliest apart from the next, and equal ones equal", () => {
    const { found } = roundTrip(Float32Array.of(-20, 3, Math.fround(3 + 2 ** -22), 3));
    expect(found[2]).toBe(-0);
    expect(found[1]).toBeLessThan(0);
    expect(found[3]).toBe(found[1]);
    expect(roundTrip(new Float32Array(5).fill(-7))).toEqual({ units: 0, found: new Float32Array(5).fill(-0) });
  });

  it("hold nothing less likely than e^-128 of the likeliest", () => {
    const { units, found } = roundTrip(Float32Array.of(0, -1, -3e38));
    expect(units).toBe(65535);
    expect(Math.abs(found[1] + 1)).toBeLessThan(2e-4);
    expect(found[2]).toBeCloseTo(-128, 2);
  });
});
