/** Gzip (RFC 1952): unpacked where the bytes say so, whatever the file is called. */

import { Gunzip } from "fflate";
import { FormatError } from "../errors.ts";

/** Packed bytes go in by this much at a time: what comes out before the limit is checked stays near 1000 times that. */
const PUSH_BYTES = 16 * 1024;
const TRAILER_BYTES = 8;
const LEAST_BYTES = 10 + TRAILER_BYTES;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The bytes as they are, or unpacked where they are gzip; refused when they come to more than `limitBytes`. */
export function unpacked(bytes: Uint8Array, where: string, limitBytes: number): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  if (bytes.byteLength < LEAST_BYTES)
    throw new FormatError(where, `found ${bytes.byteLength} bytes of gzip, expected at least ${LEAST_BYTES}`);
  const pieces: Uint8Array[] = [];
  let size = 0;
  let members = 1;
  const stream = new Gunzip((piece) => {
    size += piece.byteLength;
    if (size > limitBytes)
      throw new FormatError(where, `found more than ${limitBytes} bytes when unpacked, expected at most ${limitBytes}`);
    pieces.push(piece);
  });
  stream.onmember = () => {
    members++;
  };
  try {
    for (let done = 0; done < bytes.byteLength; done += PUSH_BYTES)
      stream.push(bytes.subarray(done, done + PUSH_BYTES), done + PUSH_BYTES >= bytes.byteLength);
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
  const whole = joined(pieces, size);
  // The trailer belongs to the last member: of several, it says nothing about the whole.
  if (members === 1) checkTrailer(bytes, whole, where);
  return whole;
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

/** fflate reads no checksum: without this a damaged file gives wrong text, and one cut short gives half of it. */
function checkTrailer(bytes: Uint8Array, whole: Uint8Array, where: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.byteLength - TRAILER_BYTES, TRAILER_BYTES);
  const size = view.getUint32(4, true);
  if (size !== whole.byteLength % 2 ** 32)
    throw new FormatError(where, `found ${whole.byteLength} bytes when unpacked, expected ${size} as its end says`);
  if (view.getUint32(0, true) !== crc32(whole))
    throw new FormatError(where, "found bytes that do not fit the checksum of the gzip file; it is damaged");
}

const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return ~value >>> 0;
}
