import { describe, expect, it } from "vitest";
import { panelBytes, recordLayout } from "../../src/tensor/panel.ts";

describe("panelBytes", () => {
  it.each([
    ["f32", 16, 10, 10, 640],
    ["f16", 17, 10, 10, 640],
    ["bf16", 1, 3, 3, 96],
    ["w4", 16, 128, 128, 48 + 1024],
    ["w4", 16, 128, 32, 4 * 48 + 1024],
    ["w3", 33, 96, 96, 3 * (48 + 576)],
    ["w2", 16, 64, 32, 2 * 48 + 256],
    ["w8", 16, 64, 64, 48 + 1024],
  ] as const)("%s [%i, %i] in groups of %i takes %i bytes", (type, rows, cols, groupSize, bytes) => {
    expect(panelBytes(type, rows, cols, { groupSize })).toBe(bytes);
  });
  it("takes 16 bytes less for each group if all share a zero", () => {
    expect(panelBytes("w4", 33, 128, { groupSize: 32, zero: 8 })).toBe(3 * (4 * 32 + 1024));
    expect(panelBytes("w8", 16, 64, { groupSize: 32, zero: 0 })).toBe(2 * 32 + 1024);
  });
  it("costs 4.1875 bits a weight at 4 bits in groups of 128, and 4.125 if all share a zero", () => {
    expect((panelBytes("w4", 4096, 4096, { groupSize: 128 }) * 8) / 4096 ** 2).toBe(4.1875);
    expect((panelBytes("w4", 4096, 4096, { groupSize: 128, zero: 8 }) * 8) / 4096 ** 2).toBe(4.125);
  });
  it("takes one group a row when none is given", () => {
    expect(panelBytes("w4", 16, 96)).toBe(panelBytes("w4", 16, 96, { groupSize: 96 }));
  });
});

describe("recordLayout", () => {
  it("aligns every part to 16 bytes", () => {
    expect(recordLayout(96, 32, 1)).toEqual({
      recordBytes: 32 + 192 + 96,
      metaOffset: 0,
      wideOffset: 32,
      narrowOffset: 224,
    });
    expect(recordLayout(4096, 128, 2)).toEqual({
      recordBytes: 256 + 4 * 4096,
      metaOffset: 0,
      wideOffset: 256,
      narrowOffset: 256 + 8192,
    });
  });
  it("counts a short last group", () => {
    expect(recordLayout(160, 128, 0)).toEqual({
      recordBytes: 16 + 320,
      metaOffset: 0,
      wideOffset: 16,
      narrowOffset: 0,
    });
  });
});
