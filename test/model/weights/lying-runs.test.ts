import { describe, expect, it } from "vitest";
import { bytesSource } from "../../../src/files/source.ts";
import type { Linear } from "../../../src/model/weights/linears.ts";
import { lyingRuns } from "../../../src/model/weights/lying-runs.ts";

const source = bytesSource("m", new Uint8Array(0));

/** Linears by the first bytes of their ranges, each of 64 bytes. */
function runsOf(offsets: readonly number[]) {
  const places = offsets.map((offset, at) => {
    const name = String(at);
    const tensor = { name, dtype: "panels", shape: [1, 1], offset, byteLength: 64, source };
    return { linear: { name } as Linear, range: { tensor, start: 0, length: 64 } };
  });
  return lyingRuns(places).map(({ tensor, length, members }) => {
    return [tensor.offset, length, members.map(({ linear, start }) => `${linear.name}@${start}`).join(" ")];
  });
}

describe("lyingRuns", () => {
  it("joins neighbours only", () => {
    expect(runsOf([0, 64, 128, 256, 320, 1024])).toEqual([
      [0, 192, "0@0 1@64 2@128"],
      [256, 128, "3@0 4@64"],
      [1024, 64, "5@0"],
    ]);
  });

  it("does not mind any order", () => {
    expect(runsOf([128, 64])).toEqual([
      [128, 64, "0@0"],
      [64, 64, "1@0"],
    ]);
    expect(runsOf([])).toEqual([]);
  });
});
