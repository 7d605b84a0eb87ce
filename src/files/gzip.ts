/** Gzip (RFC 1952): a file is unpacked when its first bytes are those of gzip, whatever its name. */

import type { Gunzip } from "fflate";
import { FormatError } from "../base/errors.ts";
import { Turns } from "../base/turns.ts";
import { joined } from "./source.ts";

/** Packed bytes are unpacked in pieces of this size. Each gives at most about 1000 times as many bytes before the limit is checked. */
const PUSH_BYTES = 16 * 1024;
const TRAILER_BYTES = 8;
const LEAST_BYTES = 10 + TRAILER_BYTES;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The bytes as they are, or unpacked if they are gzip; refused when that gives more than `limitBytes`. */
export async function unpacked(
  bytes: Uint8Array,
  where: string,
  limitBytes: number,
  turns: Turns = new Turns(),
): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes;
  if (bytes.byteLength < LEAST_BYTES)
    throw new FormatError(where, `found ${bytes.byteLength} bytes of gzip, expected at least ${LEAST_BYTES}`);
  const { Gunzip } = await import("fflate"); // few files are packed, and loading it takes 10 ms
  const pieces: Uint8Array[] = [];
  let size = 0;
  let checksum = 0;
  let members = 1;
  const stream = new Gunzip((piece) => {
    size += piece.byteLength;
    if (size > limitBytes)
      throw new FormatError(where, `found more than ${limitBytes} bytes when unpacked, expected at most ${limitBytes}`);
    checksum = crc32(piece, checksum);
    pieces.push(piece);
  });
  stream.onmember = () => {
    members++;
  };
  for (let done = 0; done < bytes.byteLength; done += PUSH_BYTES) {
    await turns.pause();
    push(stream, bytes.subarray(done, done + PUSH_BYTES), done + PUSH_BYTES >= bytes.byteLength, where);
  }
  // The trailer describes the last member only. With several members it says nothing about the whole file.
  if (members === 1) checkTrailer(bytes.subarray(-TRAILER_BYTES), size, checksum, where);
  return joined(pieces, size);
}

function push(stream: Gunzip, piece: Uint8Array, isLast: boolean, where: string): void {
  try {
    stream.push(piece, isLast);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(
      where,
      `found gzip that cannot be unpacked (${(cause as Error).message}), expected it whole`,
      {
        cause,
      },
    );
  }
}

/** fflate ignores the checksum. Without this check a damaged file would give wrong text, and a file that is cut short half of it. */
function checkTrailer(trailer: Uint8Array, size: number, checksum: number, where: string): void {
  const view = new DataView(trailer.buffer, trailer.byteOffset, TRAILER_BYTES);
  const expected = view.getUint32(4, true);
  if (expected !== size % 2 ** 32)
    throw new FormatError(where, `found ${size} bytes when unpacked, expected ${expected} as its end says`);
  if (view.getUint32(0, true) !== checksum)
    throw new FormatError(where, "found bytes that do not fit the checksum of the gzip file; it is damaged");
}

const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** @param before the checksum of the bytes before these. */
function crc32(bytes: Uint8Array, before: number): number {
  let value = ~before;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return ~value >>> 0;
}
