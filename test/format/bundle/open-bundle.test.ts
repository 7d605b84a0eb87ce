import { beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { FormatError, QuernError } from "../../../src/base/errors.ts";
import { createRandom } from "../../../src/base/random.ts";
import { type ByteSource, bytesSource } from "../../../src/files/source.ts";
import { openBundle } from "../../../src/format/bundle/open-bundle.ts";
import { bundleOf, indexPlace, withIndex } from "../../helpers/bundles.ts";
import { repositoryFile } from "../../helpers/shared.ts";

let whole: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  whole = await bundleOf(await nodeFolder(repositoryFile("test/fixtures/gptq-checkpoints/mixtral-b4-g64")));
});

const open = (bytes: Uint8Array) => openBundle(bytesSource("b.quern", bytes));

describe("openBundle", () => {
  it("refuses files that end sooner, by the name of the file", async () => {
    const random = createRandom(4);
    const lengths = [
      0,
      1,
      63,
      64,
      whole.length - 1,
      ...Array.from({ length: 200 }, () => random.next() * whole.length),
    ];
    for (const length of lengths) {
      const error = await open(whole.slice(0, length)).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(FormatError);
      expect((error as Error).message).toBe(
        "b.quern: found no end of a bundle, expected one; the file is cut short or was written anew",
      );
    }
  });

  it("closes the file that it refuses", async () => {
    let closed = 0;
    const close = async () => {
      closed++;
    };
    const source: ByteSource = { ...bytesSource("b.quern", new Uint8Array(9)), close };
    await expect(openBundle(source)).rejects.toThrow(FormatError);
    expect(closed).toBe(1);
  });

  it("refuses what the end says wrongly", async () => {
    const end = (text: string) => {
      const bytes = whole.slice();
      bytes.set(new TextEncoder().encode(text.padEnd(64)).subarray(0, 64), bytes.length - 64);
      return bytes;
    };
    const { offset, length } = indexPlace(whole);
    await expect(open(end(`quern index at ${2 ** 40}, 9 bytes, CRC-32 0`))).rejects.toThrow(/the file is cut short/);
    await expect(open(end(`quern index at 0, ${2 ** 40} bytes, CRC-32 0`))).rejects.toThrow(/the file is cut short/);
    await expect(open(end(`quern index at ${"9".repeat(20)}, 9 bytes, CRC-32 0`))).rejects.toThrow(FormatError);
    await expect(open(end(`quern index at ${offset}, ${length} bytes, CRC-32 1`))).rejects.toThrow(
      /b\.quern: quern\.json: found the CRC-32 \d+, expected 1; the file is damaged/,
    );
    await expect(open(end("version https://git-lfs.github.com/spec/v1"))).rejects.toThrow(FormatError);
    const huge: ByteSource = {
      ...bytesSource("b.quern", end("quern index at 0, 300000000 bytes, CRC-32 0")),
      size: 1e9,
    };
    const read: ByteSource["read"] = async (_, into) =>
      into.set(end("quern index at 0, 300000000 bytes, CRC-32 0").slice(-64));
    await expect(openBundle({ ...huge, read })).rejects.toThrow("found 300000000 bytes, expected at most 200000000");
  });

  it("refuses an index that is none", async () => {
    for (const text of ["", "{", "[]", "null", '{"format":1,"format":1}', "{}"])
      await expect(open(withIndex(whole, () => text))).rejects.toThrow(QuernError);
  });

  it("ends in a typed error, whatever bytes of index and end are changed", async () => {
    const random = createRandom(1);
    const { offset } = indexPlace(whole);
    for (let i = 0; i < 300; i++) {
      const bytes = whole.slice();
      const at =
        i % 2 === 0 ? whole.length - 64 + Math.floor(random.next() * 58) : offset + Math.floor(random.next() * 4000);
      bytes[at] ^= 1 + Math.floor(random.next() * 255);
      await open(bytes).catch((error: unknown) => expect(error).toBeInstanceOf(QuernError));
    }
  });

  it("gives files of the folder, checked, and no others", async () => {
    const bundle = await open(whole);
    const config = await bundle.open("config.json");
    expect(config?.name).toBe("b.quern/config.json");
    expect(await bundle.open("none.json")).toBeUndefined();
    const place = bundle.files.get("config.json")!;
    const damaged = whole.slice();
    damaged[place.offset + 3] ^= 1;
    await expect((await open(damaged)).open("config.json")).rejects.toThrow(/b\.quern: config\.json: found the CRC-32/);
  });
});
