import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/base/errors.ts";
import { groupOrder, reorderColumns } from "../../src/tensor/group-order.ts";

describe("groupOrder", () => {
  it("leaves groups that are consecutive columns", () => {
    expect(groupOrder(Int32Array.of(0, 0, 1, 1, 2, 2), 2, "m.g_idx")).toBeUndefined();
    expect(groupOrder(Int32Array.of(0, 0, 0), 3, "m.g_idx")).toBeUndefined();
  });

  it("sorts columns by group, those of one group in their own order", () => {
    const perm = groupOrder(Int32Array.of(1, 0, 2, 0, 1, 2), 2, "m.g_idx")!;
    expect([...perm]).toEqual([1, 3, 0, 4, 2, 5]);
    const codes = Uint8Array.of(10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25);
    expect([...reorderColumns(codes, perm)]).toEqual([11, 13, 10, 14, 12, 15, 21, 23, 20, 24, 22, 25]);
  });

  it("refuses groups of other sizes", () => {
    const run = () => groupOrder(Int32Array.of(0, 1, 0, 0), 2, "f: m.g_idx");
    expect(run).toThrow(FormatError);
    expect(run).toThrow("f: m.g_idx: found 3 columns in group 0, expected 2");
  });
});
