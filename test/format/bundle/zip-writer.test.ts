import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/base/errors.ts";
import { type ByteSource, bytesSource } from "../../../src/files/source.ts";
import { crc32 } from "../../../src/format/bundle/crc32.ts";
import { readEntry, readZip } from "../../../src/format/bundle/zip-reader.ts";
import { ZipWriter } from "../../../src/format/bundle/zip-writer.ts";
import { memoryFile } from "../../helpers/bundles.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function archive(texts: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const output = memoryFile();
  const zip = new ZipWriter(output);
  for (const [name, text] of Object.entries(texts))
    await zip.add(name, { bytes: bytesOf(text).length, crc: crc32(bytesOf(text)) }, [bytesOf(text)]);
  expect(await zip.end()).toBeGreaterThan(0);
  await output.commit();
  return output.bytes() as Uint8Array;
}

/** A file of which only small writes are kept; all other bytes are zeros. It may have any size. */
function sparseFile() {
  const parts: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  let size = 0;
  const sink = {
    async write(bytes: Uint8Array) {
      if (bytes.length < 1 << 20) parts.push({ at: size, bytes: bytes.slice() });
      size += bytes.length;
    },
  };
  const source = (): ByteSource => ({
    name: "large.quern",
    size,
    async read(offset, into) {
      into.fill(0);
      for (const { at, bytes } of parts) {
        const from = Math.max(at, offset);
        const to = Math.min(at + bytes.length, offset + into.length);
        if (from < to) into.set(bytes.subarray(from - at, to - at), from - offset);
      }
    },
  });
  return { sink, source };
}

describe("ZipWriter", () => {
  it("stores entries at multiples of 64 behind plain local headers", async () => {
    const texts = { "config.json": "{}", "weights/caf\u00e9": "x".repeat(200), empty: "" };
    const bytes = await archive(texts);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const entries = await readZip(bytesSource("a.quern", bytes));
    expect([...entries.keys()]).toEqual(Object.keys(texts));
    for (const entry of entries.values()) {
      const { name, header, start } = entry;
      expect(start % 64).toBe(0);
      expect(view.getUint32(header, true)).toBe(0x04034b50);
      expect(view.getUint16(header + 8, true)).toBe(0);
      const nameBytes = view.getUint16(header + 26, true);
      expect(new TextDecoder().decode(bytes.subarray(header + 30, header + 30 + nameBytes))).toBe(name);
      expect(header + 30 + nameBytes + view.getUint16(header + 28, true)).toBe(start);
      const content = await readEntry(bytesSource("a.quern", bytes), entry);
      expect(new TextDecoder().decode(content)).toBe(texts[name as keyof typeof texts]);
    }
  });

  it("writes more than 4 GiB, which is read again", async () => {
    const { sink, source } = sparseFile();
    const zip = new ZipWriter(sink);
    const zeros = new Uint8Array(1 << 30);
    for (let i = 0; i < 5; i++) await zip.add(`weights/${i}`, { bytes: zeros.length, crc: 7 }, [zeros]);
    const last = bytesOf("the last entry");
    await zip.add("quern.json", { bytes: last.length, crc: crc32(last) }, [last]);
    const size = await zip.end();
    expect(size).toBeGreaterThan(5 * 2 ** 30);
    expect(source().size).toBe(size);
    const entries = await readZip(source());
    expect(entries.get("weights/4")).toMatchObject({ bytes: 2 ** 30, crc: 7 });
    const found = entries.get("quern.json");
    expect(found?.header).toBeGreaterThan(2 ** 32);
    expect(await readEntry(source(), found!)).toEqual(last);
  });

  it("writes more than 65 535 entries", async () => {
    const texts = Object.fromEntries(Array.from({ length: 65_600 }, (_, i) => [`e${i}`, ""]));
    const entries = await readZip(bytesSource("many.quern", await archive(texts)));
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
