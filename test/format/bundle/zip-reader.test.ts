import { beforeAll, describe, expect, it } from "vitest";
import { FormatError } from "../../../src/base/errors.ts";
import { createRandom } from "../../../src/base/random.ts";
import { bytesSource } from "../../../src/files/source.ts";
import { crc32 } from "../../../src/format/bundle/crc32.ts";
import { readEntry, readZip } from "../../../src/format/bundle/zip-reader.ts";
import { ZipWriter } from "../../../src/format/bundle/zip-writer.ts";
import { memoryFile } from "../../helpers/bundles.ts";

let whole: Uint8Array;
beforeAll(async () => {
  const output = memoryFile();
  const zip = new ZipWriter(output);
  for (const name of ["config.json", "weights/a", "weights/b", "quern.json"]) {
    const bytes = new TextEncoder().encode(`${name} `.repeat(20));
    await zip.add(name, { bytes: bytes.length, crc: crc32(bytes) }, [bytes]);
  }
  await zip.end();
  await output.commit();
  whole = output.bytes() as Uint8Array;
});

const open = (bytes: Uint8Array) => readZip(bytesSource("b.quern", bytes));

/** The archive with a change; `end` is the offset of the end record, `directory` that of the first central header. */
function changed(change: (view: DataView, places: { readonly end: number; readonly directory: number }) => void) {
  const bytes = whole.slice();
  const view = new DataView(bytes.buffer);
  const end = bytes.length - 22;
  change(view, { end, directory: view.getUint32(end + 16, true) });
  return bytes;
}

/** The offset of the n-th central header. */
function header(view: DataView, directory: number, n: number): number {
  let at = directory;
  for (let i = 0; i < n; i++) at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true);
  return at;
}

describe("readZip", () => {
  it("refuses files that end sooner, wherever they are cut", async () => {
    for (let length = 0; length < whole.length; length++)
      await expect(open(whole.slice(0, length))).rejects.toThrow(FormatError);
    await expect(open(whole.slice(0, 700))).rejects.toThrow(
      "b.quern: found no end of a zip archive, expected a bundle; the file is cut short or is none",
    );
  });

  it.each([
    ["absurd counts", (view, { end }) => view.setUint16(end + 10, 60_000, true), /60000 entries in \d+ bytes/],
    ["fewer entries than told", (view, { end }) => view.setUint16(end + 10, 3, true), /4 entries, expected 3/],
    ["a directory beyond the file", (view, { end }) => view.setUint32(end + 16, 2 ** 31, true), /at offset 2147483648/],
    ["a huge directory", (view, { end }) => view.setUint32(end + 12, 2 ** 31, true), /in 2147483648 bytes/],
    ["a large archive without its record", (view, { end }) => view.setUint32(end + 16, 2 ** 32 - 1, true), /zip64/],
    ["other signatures", (view, { directory }) => view.setUint32(directory, 1, true), /found no entry/],
    ["names that go on for ever", (view, { directory }) => view.setUint16(directory + 28, 65_535, true), /no entry/],
    ["packed entries", (view, { directory }) => view.setUint16(directory + 10, 8, true), /"config.json" packed/],
    ["encrypted entries", (view, { directory }) => view.setUint16(directory + 8, 1, true), /"config.json" packed/],
    [
      "sizes beyond the file",
      (view, { directory }) => {
        view.setUint32(directory + 20, 2 ** 30, true);
        view.setUint32(directory + 24, 2 ** 30, true);
      },
      /"config.json" from 0 to 10\d+, expected an entry between/,
    ],
    [
      "overlapping entries",
      (view, { directory }) => view.setUint32(header(view, directory, 1) + 42, 64, true),
      /"weights\/a" from 64 to/,
    ],
    [
      "names that occur twice",
      (view, { directory }) => view.setUint8(header(view, directory, 2) + 46 + 8, 0x61),
      /"weights\/a" a second time/,
    ],
  ] satisfies readonly (readonly [string, Parameters<typeof changed>[0], RegExp])[])(
    "refuses %s",
    async (_, change, message) => {
      const error = await open(changed(change)).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(FormatError);
      expect((error as Error).message).toMatch(message);
    },
  );

  it("ends in a typed error or in entries inside the file, whatever bytes are changed", async () => {
    const random = createRandom(1);
    const start = new DataView(whole.buffer, whole.byteOffset).getUint32(whole.length - 6, true);
    for (let i = 0; i < 3000; i++) {
      const bytes = whole.slice();
      for (let n = 0; n < 1 + (i % 3); n++)
        bytes[start + Math.floor(random.next() * (bytes.length - start))] = random.next() * 256;
      const found = await open(bytes).catch((error: unknown) => error);
      if (found instanceof Map)
        for (const entry of found.values()) expect(entry.start + entry.bytes).toBeLessThanOrEqual(start);
      else expect(found).toBeInstanceOf(FormatError);
    }
  });

  it("names a file that git has not fetched", async () => {
    const pointer = new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    await expect(open(pointer)).rejects.toThrow("Git LFS pointer");
  });
});

describe("readEntry", () => {
  it("refuses damaged bytes, and archives that another program has written", async () => {
    const source = bytesSource("b.quern", whole.slice());
    const entry = (await readZip(source)).get("weights/a")!;
    const damaged = whole.slice();
    damaged[entry.start + 5] ^= 1;
    await expect(readEntry(bytesSource("b.quern", damaged), entry)).rejects.toThrow(
      /^b.quern: weights\/a: found the CRC-32 \d+, expected \d+; the file is damaged$/,
    );
    const moved = whole.slice();
    moved[entry.header + 28] ^= 4;
    await expect(readEntry(bytesSource("b.quern", moved), entry)).rejects.toThrow("found other headers");
  });
});
