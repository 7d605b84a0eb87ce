/**
 * Writes a zip archive of stored entries from front to back (APPNOTE 6.3, with the fields of zip64 whatever its size). The bytes of each entry begin
 * at a multiple of 64, since an extra field fills the room before them.
 */
import { FormatError } from "../../base/errors.ts";
import type { FileSink } from "../../files/output.ts";
import { type LyingFile, lineEnd } from "./bundle-index.ts";

/** Instead of numbers that zip64 tells. */
const [MANY_BYTES, MANY_ENTRIES] = [0xffffffff, 0xffff];
/** The version of zip64, the flag of names in UTF-8, and the first day that zip can name: files have no times. */
const [ZIP64, UTF8, DAY] = [45, 0x800, 0x21];
/** The extra field that aligns: two bytes say to what, zeros follow. */
const ALIGN = 0xd935;

export class ZipWriter {
  readonly #sink: Pick<FileSink, "write">;
  readonly #headers: Uint8Array[] = [];
  #at = 0;

  constructor(sink: Pick<FileSink, "write">) {
    this.#sink = sink;
  }

  /** Writes an entry. @returns where it lies. @throws FormatError if it has other bytes than told, or 4 GiB. */
  async add(
    name: string,
    { bytes, crc }: Pick<LyingFile, "bytes" | "crc">,
    pieces: Iterable<Uint8Array>,
  ): Promise<LyingFile> {
    const text = new TextEncoder().encode(name);
    const header = this.#at;
    const offset = lineEnd(header + 36 + text.length);
    const room = offset - header - 30 - text.length;
    const common = [ZIP64, UTF8, 0, 0, DAY, crc, bytes, bytes, text.length];
    await this.#write(numbers("42222244422", 0x04034b50, ...common, room), text);
    await this.#write(numbers("222", ALIGN, room - 4, 64), new Uint8Array(room - 6));
    for (const piece of pieces) await this.#write(piece);
    const found = this.#at - offset;
    if (found !== bytes || bytes >= MANY_BYTES)
      throw new FormatError(name, `found ${found} bytes to write, expected ${bytes}, less than 4 GiB`);
    const place = numbers("228", 1, 8, header);
    const rest = [place.length, 0, 0, 0, 0, MANY_BYTES];
    this.#headers.push(numbers("42222224442222244", 0x02014b50, ZIP64, ...common, ...rest), text, place);
    return { name, offset, bytes, crc };
  }

  /** Writes the directory, and a comment at the very end. @returns the bytes of the whole archive. */
  async end(comment: string): Promise<number> {
    const start = this.#at;
    for (const header of this.#headers) await this.#write(header);
    const end = this.#at;
    const count = this.#headers.length / 3;
    const text = new TextEncoder().encode(comment);
    const small = [MANY_ENTRIES, MANY_ENTRIES, MANY_BYTES, MANY_BYTES, text.length];
    await this.#write(
      numbers("4822448888", 0x06064b50, 44, ZIP64, ZIP64, 0, 0, count, count, end - start, start),
      numbers("4484", 0x07064b50, 0, end, 1),
      numbers("42222442", 0x06054b50, 0, 0, ...small),
      text,
    );
    return this.#at;
  }

  async #write(...pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      await this.#sink.write(piece);
      this.#at += piece.length;
    }
  }
}

/** Numbers, little endian, of as many bytes as the digits of `sizes` say. */
function numbers(sizes: string, ...values: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (const [at, size] of [...sizes].entries())
    for (let left = values[at], i = 0; i < Number(size); i++, left = Math.floor(left / 256)) bytes.push(left % 256);
  return Uint8Array.from(bytes);
}
