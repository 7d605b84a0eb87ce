import { describe, expect, it } from "vitest";
import { rowRanges, stagingBytes } from "../../src/tensor/lay-panels.ts";

describe("rowRanges", () => {
  it.each([
    [1, 4],
    [16, 1 << 20],
    [100, 1 << 20],
    [4300, 4124],
    [3, 1 << 30], // rows of which sixteen exceed the staging room
  ])("cuts %i rows of %i bytes at whole panels, all of them once", (rows, rowBytes) => {
    const ranges = rowRanges(rows, rowBytes);
    let next = 0;
    for (const { first, count } of ranges) {
      expect(first).toBe(next);
      expect(first % 16).toBe(0);
      expect(count * rowBytes + 192).toBeLessThanOrEqual(stagingBytes(rows, rowBytes));
      next = first + count;
    }
    expect(next).toBe(rows);
  });

  it("needs 16 MiB and the ends of three cache lines at most, where panels allow it", () => {
    expect(stagingBytes(1 << 20, 4096)).toBe((16 << 20) + 192);
    expect(stagingBytes(10, 100)).toBe(1000 + 192);
  });
});
