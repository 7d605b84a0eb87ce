import { describe, expect, it } from "vitest";
import { bytesSource } from "../../../src/files/source.ts";
import type { GgufEntry } from "../../../src/format/gguf/gguf-header.ts";
import { BLOCK_TYPES, type BlockType } from "../../../src/format/gguf/gguf-types.ts";
import { unpairedRows } from "../../../src/format/gguf/paired-rows.ts";

const [HEADS, HEAD_ROWS, ROW_BYTES, OFFSET] = [3, 8, 5, 7];
const bytes = Uint8Array.from({ length: OFFSET + HEADS * HEAD_ROWS * ROW_BYTES + 9 }, (_, i) => i);

/** The bytes as other files have them, by the definition: row i + h * half of a head comes from row 2i + h. */
const expected = bytes.slice();
for (let head = 0; head < HEADS; head++)
  for (let i = 0; i < HEAD_ROWS / 2; i++)
    for (const h of [0, 1]) {
      const from = OFFSET + (head * HEAD_ROWS + 2 * i + h) * ROW_BYTES;
      const to = OFFSET + (head * HEAD_ROWS + i + (h * HEAD_ROWS) / 2) * ROW_BYTES;
      expected.set(bytes.subarray(from, from + ROW_BYTES), to);
    }

const entry: GgufEntry = {
  ...{ name: "q", dtype: "Q8_0", shape: [HEADS * HEAD_ROWS, 1], offset: OFFSET, type: BLOCK_TYPES.get(8) as BlockType },
  byteLength: HEADS * HEAD_ROWS * ROW_BYTES,
  source: bytesSource("m.gguf", bytes),
};

describe("unpairedRows", () => {
  const { source } = unpairedRows(entry, HEADS);

  it("puts rows in order for every range of the tensor", async () => {
    for (let first = 0; first < entry.byteLength; first += 3)
      for (let count = 1; first + count <= entry.byteLength; count += 11) {
        const into = new Uint8Array(count);
        await source.read(OFFSET + first, into);
        expect(into).toEqual(expected.subarray(OFFSET + first, OFFSET + first + count));
      }
  });

  it("leaves the other bytes of the file as they are", async () => {
    const whole = new Uint8Array(bytes.length);
    await source.read(0, whole);
    expect(whole).toEqual(bytes);
    expect([source.name, source.size]).toEqual(["m.gguf", bytes.length]);
  });

  it("refuses heads with an odd number of rows", () => {
    expect(() => unpairedRows(entry, 8)).toThrow(
      "m.gguf: tensor q: found 24 rows, expected an even number for each of 8 heads",
    );
  });
});
