import { describe, expect, it } from "vitest";
import { panelBytes, recordLayout } from "../../src/tensor/panel.ts";

describe("panelBytes", () => {
  it.each([
    ["f32", 16, 10, 10, 640],
    ["f16", 17, 10, 10, 640],
    ["bf16", 1, 3, 3, 96],
    ["w4", 16, 128, 128, 64 + 1024],
    ["w4", 16, 128, 32, 4 * 64 + 1024],
    ["w3", 33, 96, 96, 3 * (64 + 576)],
    ["w2", 16, 64, 32, 2 * 64 + 256],
    ["w8", 16, 64, 64, 64 + 1024],
  ] as const)("%s [%i, %i] in groups of %i takes %i bytes", (type, rows, cols, groupSize, bytes) => {
    expect(panelBytes(type, rows, cols, groupSize)).toBe(bytes);
  });
  it("costs 4.25 bits a weight at 4 bits in groups of 128", () => {
    expect((panelBytes("w4", 4096, 4096, 128) * 8) / 4096 ** 2).toBe(4.25);
  });
  it("takes one group a row when none is given", () => {
    expect(panelBytes("w4", 16, 96)).toBe(panelBytes("w4", 16, 96, 96));
  });
});

describe("recordLayout", () => {
  it("aligns every part to 16 bytes", () => {
    expect(recordLayout(96, 32, true)).toEqual({
      recordBytes: 32 + 192 + 96,
      metaOffset: 0,
      wideOffset: 32,
      narrowOffset: 224,
    });
    expect(recordLayout(4096, 128, true)).toEqual({
      recordBytes: 256 + 3 * 4096,
      metaOffset: 0,
      wideOffset: 256,
      narrowOffset: 256 + 8192,
    });
  });
  it("counts a short last group", () => {
    expect(recordLayout(160, 128, false)).toEqual({
      recordBytes: 16 + 320,
      metaOffset: 0,
      wideOffset: 16,
      narrowOffset: 0,
    });
  });
});
