import { describe, expect, it } from "vitest";
import type { StoredLinear } from "../../../../src/model/weights/locate.ts";
import { divideLayers } from "../../../../src/model/weights/spread/divide-layers.ts";
import { mulberry32 } from "../../../helpers/random.ts";

const linearsOf = (bytes: readonly number[], outer: number) =>
  [outer, ...bytes].map((memoryBytes, at) => ({ layer: at - 1, stored: { memoryBytes } }) as StoredLinear);

/** The largest share of every way to divide the layers, of which the first may have none. */
function bestShare(bytes: readonly number[], outer: number, memories: number): number {
  const sum = (from: number, to: number) => bytes.slice(from, to).reduce((total, value) => total + value, 0);
  const rest = (from: number, left: number): number => {
    if (left === 1) return sum(from, bytes.length);
    const ends = Array.from({ length: bytes.length - from + 1 }, (_, more) => from + more);
    return Math.min(...ends.map((end) => Math.max(sum(from, end), rest(end, left - 1))));
  };
  const ends = Array.from({ length: bytes.length + 1 }, (_, end) => end);
  if (memories === 1) return outer + sum(0, bytes.length);
  return Math.min(...ends.map((end) => Math.max(outer + sum(0, end), rest(end, memories - 1))));
}

describe("divideLayers", () => {
  it("has every layer once, in order, and no share that is larger than needed", () => {
    const random = mulberry32(5);
    for (let round = 0; round < 200; round++) {
      const layers = 1 + Math.floor(random() * 7);
      const bytes = Array.from({ length: layers }, () => 1 + Math.floor(random() * 1000));
      const outer = Math.floor(random() * 1500);
      const memories = 1 + Math.floor(random() * layers);
      const spans = divideLayers(linearsOf(bytes, outer), memories);
      expect(spans.length).toBe(memories);
      expect(spans.flatMap(({ first, end }) => bytes.slice(first, end))).toEqual(bytes);
      const shares = spans.map(
        ({ first, end }, at) =>
          (at === 0 ? outer : 0) + bytes.slice(first, end).reduce((total, value) => total + value, 0),
      );
      expect(Math.max(...shares)).toBe(bestShare(bytes, outer, memories));
      expect(spans.slice(1).every(({ first, end }) => end > first)).toBe(true);
    }
  });

  it.each([0, 1.5, 4])("refuses %s memories for three layers", (memories) => {
    expect(() => divideLayers(linearsOf([1, 1, 1], 1), memories)).toThrow(
      `memories: found ${memories}, expected 1 to 3, the layers of the model`,
    );
  });
});
