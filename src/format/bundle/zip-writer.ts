/** Writes a zip archive of stored, aligned entries from front to back (APPNOTE 6.3, with zip64 where numbers need it). */
import { FormatError } from "../../base/errors.ts";
import type { FileSink } from "../../files/output.ts";
import * as zip from "./zip-layout.ts";

/** What is known of an entry before its bytes are written. */
export interface ZipContent {
  readonly bytes: number;
  readonly crc: number;
}

interface Written extends ZipContent {
  readonly name: Uint8Array;
  readonly header: number;
}

/** Version of the format that a reader needs, the flag of names in UTF-8, and the first day that zip can name: files have no times. */
const [PLAIN, ZIP64, UTF8, DAY] = [20, 45, 0x800, 0x21];

export class ZipWriter {
  readonly #sink: Pick<FileSink, "write">;
  readonly #written: Written[] = [];
  #at = 0;

  constructor(sink: Pick<FileSink, "write">) {
    this.#sink = sink;
  }

  /** Writes an entry. @throws FormatError if there are not as many bytes as it should have, or too many for an entry. */
  async add(name: string, content: ZipContent, pieces: Iterable<Uint8Array>): Promise<void> {
    if (content.bytes >= zip.MANY_BYTES)
      throw new FormatError(name, `found ${content.bytes} bytes, expected less than 4 GiB in an entry of a bundle`);
    const text = new TextEncoder().encode(name);
    const header = this.#at;
    const start = zip.dataStart(header, text.length);
    const extra = start - header - zip.LOCAL.bytes - text.length;
    const bytes = new Uint8Array(start - header);
    const fields = new Fields(bytes);
    fields.u32(zip.LOCAL.signature);
    common(fields, content, PLAIN);
    fields.u16(text.length).u16(extra).text(text);
    fields
      .u16(zip.EXTRA_ALIGN)
      .u16(extra - 4)
      .u16(zip.LINE_BYTES);
    await this.#write(bytes);
    for (const piece of pieces) await this.#write(piece);
    if (this.#at - start !== content.bytes)
      throw new FormatError(name, `found ${this.#at - start} bytes to write, expected ${content.bytes}`);
    this.#written.push({ ...content, name: text, header });
  }

  /** Writes the central directory. @returns the bytes of the whole archive. */
  async end(): Promise<number> {
    const start = this.#at;
    for (const entry of this.#written) await this.#write(centralHeader(entry));
    const [count, bytes] = [this.#written.length, this.#at - start];
    const isLarge = count >= zip.MANY_ENTRIES || start >= zip.MANY_BYTES || bytes >= zip.MANY_BYTES;
    if (isLarge) await this.#write(end64(this.#at, { count, bytes, start }));
    const end = new Fields(new Uint8Array(zip.END.bytes)).u32(zip.END.signature).skip(4);
    const entries = isLarge ? zip.MANY_ENTRIES : count;
    end.u16(entries).u16(entries);
    end.u32(isLarge ? zip.MANY_BYTES : bytes).u32(isLarge ? zip.MANY_BYTES : start);
    await this.#write(end.bytes);
    return this.#at;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#sink.write(bytes);
    this.#at += bytes.length;
  }
}

/** What local and central headers have in common, up to the length of the name. */
function common(fields: Fields, { bytes, crc }: ZipContent, needs: number): void {
  fields.u16(needs).u16(UTF8).u16(0).u16(0).u16(DAY).u32(crc).u32(bytes).u32(bytes);
}

function centralHeader(entry: Written): Uint8Array {
  const isFar = entry.header >= zip.MANY_BYTES;
  const extra = isFar ? 12 : 0;
  const fields = new Fields(new Uint8Array(zip.CENTRAL.bytes + entry.name.length + extra));
  const needs = isFar ? ZIP64 : PLAIN;
  fields.u32(zip.CENTRAL.signature).u16(needs);
  common(fields, entry, needs);
  fields.u16(entry.name.length).u16(extra).skip(10);
  fields.u32(isFar ? zip.MANY_BYTES : entry.header).text(entry.name);
  if (isFar) fields.u16(zip.EXTRA64).u16(8).u64(entry.header);
  return fields.bytes;
}

function end64(at: number, { count, bytes, start }: Record<"count" | "bytes" | "start", number>): Uint8Array {
  const fields = new Fields(new Uint8Array(zip.END64.bytes + zip.LOCATOR64.bytes));
  fields
    .u32(zip.END64.signature)
    .u64(zip.END64.bytes - 12)
    .u16(ZIP64)
    .u16(ZIP64)
    .skip(8);
  fields.u64(count).u64(count).u64(bytes).u64(start);
  fields.u32(zip.LOCATOR64.signature).skip(4).u64(at).u32(1);
  return fields.bytes;
}

/** Writes numbers one after the other, little endian. */
class Fields {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, value, true);
    return this.skip(2);
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, value, true);
    return this.skip(4);
  }

  u64(value: number): this {
    this.#view.setBigUint64(this.#at, BigInt(value), true);
    return this.skip(8);
  }

  text(text: Uint8Array): this {
    this.bytes.set(text, this.#at);
    return this.skip(text.length);
  }

  skip(bytes: number): this {
    this.#at += bytes;
    return this;
  }
}
