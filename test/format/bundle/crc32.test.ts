import { crc32 as expected } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../../src/base/random.ts";
import { crc32 } from "../../../src/format/bundle/crc32.ts";

const random = createRandom(3);
const BYTES = Uint8Array.from({ length: 4096 }, () => random.next() * 256);

describe("crc32", () => {
  it("is that of zip files, wherever the bytes begin and end", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
    for (let start = 0; start < 9; start++)
      for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 1000, 4000]) {
        const part = BYTES.subarray(start, start + length);
        expect(crc32(part)).toBe(expected(part));
      }
  });

  it("goes on from what comes before", () => {
    expect(crc32(BYTES.subarray(101), crc32(BYTES.subarray(0, 101)))).toBe(crc32(BYTES));
  });
});
