/** Reads the header of a GGUF file from front to back, and only as many bytes as the header has. */

import { FormatError } from "../../base/errors.ts";
import { type ByteSource, refuseLfsPointer } from "../../files/source.ts";

/** Most bytes of a header. The largest known vocabularies take about 15 MB. */
const MAX_HEADER_BYTES = 100_000_000;
const FIRST_READ_BYTES = 1 << 20;

/**
 * A position in the header. `need` reads ahead when it must; after it, the synchronous methods read without checks. So a list of a
 * hundred thousand texts costs a few reads and no promise for each of them.
 */
export class HeaderCursor {
  readonly #source: ByteSource;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The file's name, for messages. */
  get name(): string {
    return this.#source.name;
  }

  /** Bytes of the file. */
  get size(): number {
    return this.#source.size;
  }

  /** The next byte's place in the file. */
  get at(): number {
    return this.#at;
  }

  /** What was read so far, from the beginning of the file. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Whether `count` more bytes can be read without `need`. */
  has(count: number): boolean {
    return count <= this.#bytes.length - this.#at;
  }

  /** Makes sure that `count` more bytes can be read. @throws FormatError if the file or the limit of headers is shorter. */
  async need(count: number, where: string): Promise<void> {
    if (this.has(count)) return;
    const end = this.#at + count;
    if (end > this.#source.size)
      throw new FormatError(
        `${this.name}: ${where}`,
        `found a need of ${count} bytes at offset ${this.#at} in a file of ${this.#source.size}, expected them inside; the file is cut short`,
      );
    if (end > MAX_HEADER_BYTES)
      throw new FormatError(
        `${this.name}: ${where}`,
        `found a header of at least ${end} bytes, expected at most ${MAX_HEADER_BYTES}`,
      );
    await this.#grow(Math.max(end, 2 * this.#bytes.length, FIRST_READ_BYTES));
  }

  async #grow(wanted: number): Promise<void> {
    const before = this.#bytes;
    const grown = new Uint8Array(Math.min(wanted, this.#source.size, MAX_HEADER_BYTES));
    grown.set(before);
    await this.#source.read(before.length, grown.subarray(before.length));
    if (before.length === 0) refuseLfsPointer(grown, this.name);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  /** A count or an offset. @throws FormatError from 2^53 on, which no file reaches. */
  u64(where: string): number {
    const low = this.u32();
    const high = this.u32();
    if (high >= 2 ** 21)
      throw new FormatError(`${this.name}: ${where}`, `found ${2 ** 32 * high + low}, expected less than 2^53`);
    return 2 ** 32 * high + low;
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** A text with its length before it. @throws FormatError for one of more than `most` bytes, or that is not UTF-8. */
  async text(most: number, where: string): Promise<string> {
    await this.need(8, where);
    const length = this.u64(where);
    if (length > most)
      throw new FormatError(`${this.name}: ${where}`, `found a text of ${length} bytes, expected at most ${most}`);
    await this.need(length, where);
    this.skip(length);
    return headerText(this.#bytes.subarray(this.#at - length, this.#at), `${this.name}: ${where}`);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 as a text. @throws FormatError for other bytes. */
export function headerText(bytes: Uint8Array<ArrayBuffer>, where: string): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new FormatError(where, "found bytes that are not UTF-8, expected a text", { cause });
  }
}
