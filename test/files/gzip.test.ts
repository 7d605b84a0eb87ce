import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { isGzip, unpacked } from "../../src/files/gzip.ts";

const text = new TextEncoder().encode("a line of text\n".repeat(20_000));
const packed = new Uint8Array(gzipSync(text));
const LIMIT = 1_000_000;

describe("unpacked", () => {
  it("gives plain bytes back as they are", async () => {
    expect(isGzip(text)).toBe(false);
    expect(await unpacked(text, "f", 1)).toBe(text);
    expect(await unpacked(new Uint8Array([0x1f]), "f", LIMIT)).toHaveLength(1);
  });

  it("unpacks what begins with the two bytes of gzip", async () => {
    expect(isGzip(packed)).toBe(true);
    expect(Buffer.compare(await unpacked(packed, "f", text.byteLength), text)).toBe(0);
    expect(await unpacked(new Uint8Array(gzipSync("")), "f", LIMIT)).toHaveLength(0);
  });

  it("unpacks several members as one", async () => {
    const two = new Uint8Array(Buffer.concat([gzipSync("one "), gzipSync("two")]));
    expect(new TextDecoder().decode(await unpacked(two, "f", LIMIT))).toBe("one two");
  });

  it("stops at the limit, long before a bomb is whole", async () => {
    const bomb = new Uint8Array(gzipSync(new Uint8Array(50_000_000)));
    await expect(unpacked(bomb, "DIR/bomb", LIMIT)).rejects.toThrow(
      "DIR/bomb: found more than 1000000 bytes when unpacked, expected at most 1000000",
    );
  });

  it.each([1, 9, 20, 100])("refuses a file that is %i bytes short", async (missing) => {
    await expect(unpacked(packed.subarray(0, -missing), "DIR/short", LIMIT)).rejects.toMatchObject({
      code: "FORMAT",
      where: "DIR/short",
    });
  });

  it("refuses the two bytes alone", async () => {
    await expect(unpacked(packed.subarray(0, 2), "f", LIMIT)).rejects.toMatchObject({ code: "FORMAT" });
  });

  it("refuses bytes that do not fit the checksum", async () => {
    const damaged = packed.slice();
    damaged[damaged.length - 6] ^= 1;
    await expect(unpacked(damaged, "f", LIMIT)).rejects.toThrow("do not fit the checksum");
  });
});
