import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { memoryBytes, parseSize } from "../../src/files/byte-size.ts";

describe("parseSize", () => {
  it("reads units of 1000, and tells a number without one", () => {
    expect(parseSize("5.2MB")).toEqual({ value: 5.2, bytes: 5_200_000 });
    expect(parseSize(" 700 kB ")?.bytes).toBe(700_000);
    expect(parseSize("2GB")?.bytes).toBe(2_000_000_000);
    expect(parseSize("3.25")).toEqual({ value: 3.25, bytes: undefined });
    for (const text of ["", "GB", "1MiB", "-1GB", "1e3B"]) expect(parseSize(text)).toBeUndefined();
  });
});

describe("memoryBytes", () => {
  it("takes bytes and texts with a unit, and refuses what is no size", () => {
    expect(memoryBytes(4e9)).toBe(4e9);
    expect(memoryBytes("1.5GB")).toBe(1_500_000_000);
    for (const memory of ["", "2", "two GB", "-1GB", "0B", 0, -5, 1.5, Number.NaN, null, {}])
      expect(() => memoryBytes(memory as string)).toThrow(UsageError);
    const message = '--memory: found "2", expected bytes with a unit, such as 2GB';
    expect(() => memoryBytes("2", "--memory")).toThrow(message);
  });
});
