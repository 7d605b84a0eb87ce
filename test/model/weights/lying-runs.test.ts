import { describe, expect, it } from "vitest";
import { bytesSource } from "../../../src/files/source.ts";
import type { ReadRange } from "../../../src/format/read-ahead.ts";
import type { Linear } from "../../../src/model/weights/linears.ts";
import { lyingRuns } from "../../../src/model/weights/lying-runs.ts";

const source = bytesSource("m", new Uint8Array(0));

/** Linears by the first bytes of their ranges, each of 64 bytes; one without a range must be laid. */
function runsOf(offsets: readonly (number | undefined)[]) {
  const linears = offsets.map((_, at) => ({ name: String(at) }) as Linear);
  const rangeOf = ({ name }: Linear): ReadRange | undefined => {
    const offset = offsets[Number(name)];
    if (offset === undefined) return undefined;
    return { tensor: { name, dtype: "panels", shape: [1, 1], offset, byteLength: 64, source }, start: 0, length: 64 };
  };
  return lyingRuns(linears, rangeOf).map(({ tensor, length, members }) => {
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

  it("passes over linears that must be laid, and does not mind any order", () => {
    expect(runsOf([undefined, 64, undefined, 128])).toEqual([[64, 128, "1@0 3@64"]]);
    expect(runsOf([128, 64])).toEqual([
      [128, 64, "0@0"],
      [64, 64, "1@0"],
    ]);
    expect(runsOf([])).toEqual([]);
  });
});
