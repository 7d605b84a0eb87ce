import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/base/errors.ts";
import { crc32 } from "../../../src/format/bundle/crc32.ts";
import { ZipWriter } from "../../../src/format/bundle/zip-writer.ts";
import { memoryFile } from "../../helpers/bundles.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Bytes [from, to) of a file. */
type Read = (from: number, to: number) => Uint8Array;

/** What another reader finds, by the directory alone: of each entry its header's offset, its bytes' offset, size and CRC-32. */
function readDirectory(size: number, read: Read) {
  const part = (from: number, bytes: number) => new DataView(read(from, from + bytes).slice().buffer);
  const comment = part(size - 64 - 2, 2).getUint16(0, true);
  const end = size - comment - 22;
  expect(part(end, 4).getUint32(0, true)).toBe(0x06054b50);
  const locator = part(end - 20, 20);
  expect(locator.getUint32(0, true)).toBe(0x07064b50);
  const record = part(Number(locator.getBigUint64(8, true)), 56);
  expect(record.getUint32(0, true)).toBe(0x06064b50);
  const [count, bytes, start] = [32, 40, 48].map((at) => Number(record.getBigUint64(at, true)));
  const directory = part(start, bytes);
  const entries = new Map<string, { header: number; offset: number; bytes: number; crc: number }>();
  for (let at = 0; at < bytes; ) {
    expect(directory.getUint32(at, true)).toBe(0x02014b50);
    expect(directory.getUint16(at + 10, true)).toBe(0);
    const [nameBytes, extra] = [directory.getUint16(at + 28, true), directory.getUint16(at + 30, true)];
    const name = new TextDecoder().decode(new Uint8Array(directory.buffer, at + 46, nameBytes));
    expect(directory.getUint32(at + 42, true)).toBe(0xffffffff);
    const header = Number(directory.getBigUint64(at + 46 + nameBytes + 4, true));
    const local = part(header, 30);
    expect(local.getUint32(0, true)).toBe(0x04034b50);
    expect([14, 18, 22].map((field) => local.getUint32(field, true))).toEqual(
      [16, 20, 24].map((field) => directory.getUint32(at + field, true)),
    );
    const offset = header + 30 + local.getUint16(26, true) + local.getUint16(28, true);
    entries.set(name, { header, offset, bytes: local.getUint32(22, true), crc: local.getUint32(14, true) });
    at += 46 + nameBytes + extra;
  }
  expect(entries.size).toBe(count);
  return entries;
}

const COMMENT = "c".repeat(64);

async function archive(texts: Readonly<Record<string, string>>) {
  const output = memoryFile();
  const zip = new ZipWriter(output);
  const told = new Map<string, number>();
  for (const [name, text] of Object.entries(texts)) {
    const content = bytesOf(text);
    const file = await zip.add(name, { bytes: content.length, crc: crc32(content) }, [content]);
    told.set(name, file.offset);
  }
  const size = await zip.end(COMMENT);
  await output.commit();
  const bytes = output.bytes() as Uint8Array;
  expect(bytes.length).toBe(size);
  return { bytes, told, entries: readDirectory(size, (from, to) => bytes.subarray(from, to)) };
}

describe("ZipWriter", () => {
  it("stores entries at multiples of 64, and says where they are", async () => {
    const texts = { "config.json": "{}", "weights/caf\u00e9": "x".repeat(200), empty: "" };
    const { bytes, told, entries } = await archive(texts);
    expect([...entries.keys()]).toEqual(Object.keys(texts));
    for (const [name, entry] of entries) {
      expect(entry.offset % 64).toBe(0);
      expect(entry.offset).toBe(told.get(name));
      const content = bytes.subarray(entry.offset, entry.offset + entry.bytes);
      expect(crc32(content)).toBe(entry.crc);
      expect(new TextDecoder().decode(content)).toBe(texts[name as keyof typeof texts]);
    }
    expect(new TextDecoder().decode(bytes.subarray(-64))).toBe(COMMENT);
  });

  it("writes more than 4 GiB", async () => {
    // Of a file of any size only small pieces are kept; the others are zeros.
    const parts: { readonly at: number; readonly bytes: Uint8Array }[] = [];
    let size = 0;
    const write = async (bytes: Uint8Array) => {
      if (bytes.length < 1 << 20) parts.push({ at: size, bytes: bytes.slice() });
      size += bytes.length;
    };
    const zip = new ZipWriter({ write });
    const zeros = new Uint8Array(1 << 30);
    for (let i = 0; i < 5; i++) await zip.add(`weights/${i}`, { bytes: zeros.length, crc: 7 }, [zeros]);
    const last = await zip.add("quern.json", { bytes: 4, crc: 9 }, [bytesOf("last")]);
    expect(await zip.end(COMMENT)).toBe(size);
    const read: Read = (from, to) => {
      const into = new Uint8Array(to - from);
      for (const { at, bytes } of parts) {
        const [first, end] = [Math.max(at, from), Math.min(at + bytes.length, to)];
        if (first < end) into.set(bytes.subarray(first - at, end - at), first - from);
      }
      return into;
    };
    const entries = readDirectory(size, read);
    expect(entries.get("weights/4")).toMatchObject({ bytes: 2 ** 30, crc: 7 });
    expect(entries.get("quern.json")).toMatchObject({ offset: last.offset, bytes: 4, crc: 9 });
    expect(last.offset).toBeGreaterThan(5 * 2 ** 30);
    expect(new TextDecoder().decode(read(last.offset, last.offset + 4))).toBe("last");
  });

  it("writes more than 65 535 entries", async () => {
    const { entries } = await archive(Object.fromEntries(Array.from({ length: 65_600 }, (_, i) => [`e${i}`, ""])));
    expect(entries.size).toBe(65_600);
  });

  it("refuses other sizes than were told, and entries of 4 GiB", async () => {
    const zip = new ZipWriter(memoryFile());
    await expect(zip.add("a", { bytes: 3, crc: 0 }, [new Uint8Array(2)])).rejects.toThrow(
      "a: found 2 bytes to write, expected 3",
    );
    await expect(zip.add("b", { bytes: 2 ** 32, crc: 0 }, [])).rejects.toThrow(FormatError);
  });
});
