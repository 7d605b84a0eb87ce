/** Reads the central directory of a bundle's zip archive. It trusts nothing: entries must lie one behind the other, inside the file. */

import { FormatError } from "../../base/errors.ts";
import { quoted } from "../../base/json.ts";
import { type ByteSource, refuseLfsPointer } from "../../files/source.ts";
import { crc32 } from "./crc32.ts";
import * as zip from "./zip-layout.ts";

/** A stored entry: its bytes lie at [start, start + bytes) of the file. */
export interface ZipEntry {
  readonly name: string;
  readonly header: number;
  readonly start: number;
  readonly bytes: number;
  readonly crc: number;
}

/** What is read at once from the end of a file: small archives have their whole directory in it. */
const TAIL_BYTES = 1 << 16;
/** Most bytes of a directory, and of an entry that is read whole. */
const MOST_BYTES = 200_000_000;

/** Bytes of the file from `start` on. */
interface Part {
  readonly view: DataView;
  readonly start: number;
}

/** All entries by name, in the order of the file. @throws FormatError naming what is wrong. */
export async function readZip(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const tail = await partOf(source, Math.max(0, source.size - TAIL_BYTES), source.size);
  const { count, start, bytes } = await directoryOf(source, tail);
  const end = source.size - zip.END.bytes;
  if (count * zip.CENTRAL.bytes > bytes || bytes > MOST_BYTES || start + bytes > end)
    throw bad(source, `${count} entries in ${bytes} bytes at offset ${start}`, `a directory in its ${source.size}`);
  const { view } = await partOf(source, start, start + bytes, tail);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0, from = 0; at < bytes; ) {
    const { entry, next } = entryAt(source, view, at);
    const { name, header } = entry;
    if (entries.has(name)) throw bad(source, `${quoted(name)} a second time`, "each entry once");
    const until = entry.start + entry.bytes;
    if (header < from || until > start)
      throw bad(source, `${quoted(name)} from ${header} to ${until}`, `an entry between ${from} and ${start}`);
    entries.set(name, entry);
    [at, from] = [next, until];
  }
  if (entries.size === count) return entries;
  throw bad(source, `${entries.size} entries`, `${count}, as the end of the file says`);
}

/** The bytes of an entry, checked. @throws FormatError for damaged ones, and for an archive that another program has written. */
export async function readEntry(
  source: ByteSource,
  { name, header, start, bytes, crc }: ZipEntry,
): Promise<Uint8Array> {
  const where = `${source.name}: ${name}`;
  if (bytes > MOST_BYTES) throw new FormatError(where, `found ${bytes} bytes, expected at most ${MOST_BYTES}`);
  const { view } = await partOf(source, header, start + bytes);
  const head = zip.LOCAL.bytes + view.getUint16(26, true) + view.getUint16(28, true);
  if (view.getUint32(0, true) !== zip.LOCAL.signature || header + head !== start)
    throw new FormatError(where, "found other headers, expected an archive as Quern writes it, with aligned entries");
  const content = new Uint8Array(view.buffer as ArrayBuffer, start - header);
  const found = crc32(content);
  if (found === crc) return content;
  throw new FormatError(where, `found the CRC-32 ${found}, expected ${crc}; the file is damaged`);
}

async function directoryOf(source: ByteSource, tail: Part): Promise<Record<"count" | "start" | "bytes", number>> {
  const { view } = tail;
  const at = view.byteLength - zip.END.bytes;
  if (at < 0 || view.getUint32(at, true) !== zip.END.signature) {
    refuseLfsPointer(new Uint8Array(view.buffer), source.name);
    throw bad(source, "no end of a zip archive", "a bundle; the file is cut short or is none");
  }
  const count = view.getUint16(at + 10, true);
  const [bytes, start] = [view.getUint32(at + 12, true), view.getUint32(at + 16, true)];
  if (start !== zip.MANY_BYTES && count !== zip.MANY_ENTRIES) return { count, start, bytes };
  const locator = at - zip.LOCATOR64.bytes;
  if (locator < 0 || view.getUint32(locator, true) !== zip.LOCATOR64.signature)
    throw bad(source, "no zip64 locator", "one, since the archive is large");
  const place = long(view, locator + 8);
  if (place + zip.END64.bytes > source.size) throw bad(source, `a zip64 end at offset ${place}`, "one in the file");
  const { view: end } = await partOf(source, place, place + zip.END64.bytes, tail);
  if (end.getUint32(0, true) !== zip.END64.signature) throw bad(source, "no zip64 end", "one at its locator's offset");
  return { count: long(end, 32), bytes: long(end, 40), start: long(end, 48) };
}

function entryAt(source: ByteSource, view: DataView, at: number): { readonly entry: ZipEntry; readonly next: number } {
  const room = view.byteLength - at;
  const isHeader = room >= zip.CENTRAL.bytes && view.getUint32(at, true) === zip.CENTRAL.signature;
  const nameBytes = isHeader ? view.getUint16(at + 28, true) : 0;
  const extraBytes = isHeader ? view.getUint16(at + 30, true) : 0;
  const length = zip.CENTRAL.bytes + nameBytes + extraBytes + (isHeader ? view.getUint16(at + 32, true) : 0);
  if (!isHeader || length > room) throw bad(source, "no entry", "one at the next place of the directory");
  const text = new Uint8Array(view.buffer, view.byteOffset + at + zip.CENTRAL.bytes, nameBytes);
  const name = new TextDecoder().decode(text);
  const [crc, packed, bytes] = [16, 20, 24].map((field) => view.getUint32(at + field, true));
  const isPlain = view.getUint16(at + 10, true) === 0 && (view.getUint16(at + 8, true) & 1) === 0;
  if (!isPlain || packed !== bytes || bytes === zip.MANY_BYTES)
    throw bad(source, `${quoted(name)} packed`, "entries that are stored");
  let header = view.getUint32(at + 42, true);
  if (header === zip.MANY_BYTES) {
    const extra = at + zip.CENTRAL.bytes + nameBytes;
    if (extraBytes < 12 || view.getUint16(extra, true) !== zip.EXTRA64)
      throw bad(source, `${quoted(name)} without an offset`, "a zip64 field");
    header = long(view, extra + 4);
  }
  return { entry: { name, header, start: zip.dataStart(header, nameBytes), bytes, crc }, next: at + length };
}

/** The bytes [start, end) of the file, from what has been read already if they are there. */
async function partOf(source: ByteSource, start: number, end: number, known?: Part): Promise<Part> {
  if (known !== undefined && start >= known.start) {
    const { buffer } = known.view;
    return { view: new DataView(buffer, start - known.start, end - start), start };
  }
  const bytes = new Uint8Array(end - start);
  await source.read(start, bytes);
  return { view: new DataView(bytes.buffer), start };
}

function long(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function bad(source: ByteSource, found: string, expected: string): FormatError {
  return new FormatError(source.name, `found ${found}, expected ${expected}`);
}
