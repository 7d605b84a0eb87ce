import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/base/errors.ts";
import { type ByteSource, bytesSource } from "../../src/files/source.ts";
import { ReadAhead, type ReadRange } from "../../src/format/read-ahead.ts";
import type { TensorEntry } from "../../src/format/tensor-index.ts";

const MIB = 1 << 20;

/** A tensor of `size` bytes that count up, and the ranges that were asked of its source. */
function countedTensor(size: number): { tensor: TensorEntry; asked: number[]; finish: () => number } {
  const whole = bytesSource(
    "counted",
    Uint8Array.from({ length: size }, (_, i) => (i * 7) >> 3),
  );
  const asked: number[] = [];
  let finished = 0;
  const source: ByteSource = {
    ...whole,
    async read(offset, into) {
      asked.push(offset);
      await new Promise((resolve) => setTimeout(resolve, 1));
      await whole.read(offset, into);
      finished++;
    },
  };
  const tensor = { name: "t", dtype: "U8", shape: [size], offset: 0, byteLength: size, source };
  return { tensor, asked, finish: () => finished };
}

const rangeOf = (tensor: TensorEntry, start: number, length: number): ReadRange => ({ tensor, start, length });
const expected = (start: number, length: number) => Uint8Array.from({ length }, (_, i) => ((start + i) * 7) >> 3);

describe("ReadAhead", () => {
  it("gives the planned bytes, and asks for the next ones before they are wanted", async () => {
    const { tensor, asked } = countedTensor(100);
    const plans = [0, 1, 2].map((plan) => [0, 1].map((i) => rangeOf(tensor, 20 * plan + 10 * i, 10)));
    const ahead = new ReadAhead(plans);
    expect(asked).toEqual([]);
    for (const [plan, ranges] of plans.entries())
      for (const range of ranges) {
        expect(await ahead.readerOf(plan)(range)).toEqual(expected(range.start, 10));
        expect(asked).toEqual([0, 10, 20, 30, 40, 50]);
      }
    await ahead.end();
  });

  it("holds a few MiB at most", async () => {
    const { tensor, asked } = countedTensor(12 * MIB);
    const ranges = Array.from({ length: 12 }, (_, i) => rangeOf(tensor, i * MIB, MIB));
    const ahead = new ReadAhead([ranges]);
    await ahead.readerOf(0)(ranges[0]);
    expect(asked.length).toBeLessThanOrEqual(4);
    await ahead.end();
  });

  it("reads what was not planned, and drops what is not asked for", async () => {
    const { tensor } = countedTensor(100);
    const plans = [[0, 10, 20], [30], [40, 50]].map((starts) => starts.map((start) => rangeOf(tensor, start, 10)));
    const ahead = new ReadAhead(plans);
    expect(await ahead.readerOf(0)(rangeOf(tensor, 5, 50))).toEqual(expected(5, 50));
    expect(await ahead.readerOf(0)(plans[0][0])).toEqual(expected(0, 10));
    expect(await ahead.readerOf(2)(plans[2][0])).toEqual(expected(40, 10));
    expect(await ahead.readerOf(2)(plans[2][1])).toEqual(expected(50, 10));
    await ahead.end();
  });

  it("throws where a range is asked for that could not be read", async () => {
    const { tensor } = countedTensor(100);
    const plans = [[rangeOf(tensor, 0, 10)], [rangeOf(tensor, 95, 10)], [rangeOf(tensor, 10, 10)]];
    const ahead = new ReadAhead(plans);
    expect(await ahead.readerOf(0)(plans[0][0])).toEqual(expected(0, 10));
    await expect(ahead.readerOf(1)(plans[1][0])).rejects.toThrow(FormatError);
    expect(await ahead.readerOf(2)(plans[2][0])).toEqual(expected(10, 10));
    await ahead.end();
  });

  it("has no read under way after its end", async () => {
    const { tensor, asked, finish } = countedTensor(100);
    const ahead = new ReadAhead([[0, 10, 20].map((start) => rangeOf(tensor, start, 10))]);
    await ahead.readerOf(0)(rangeOf(tensor, 0, 10));
    await ahead.end();
    expect(finish()).toBe(asked.length);
  });
});
