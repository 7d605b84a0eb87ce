/** Computes the CRC-32 of zip files, eight bytes a step. */

/** Eight tables of 256: the k-th has the remainders of a byte that is followed by k bytes of zeros. */
let tables: Int32Array | undefined;

function crcTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    made[byte] = crc;
  }
  for (let at = 256; at < made.length; at++) made[at] = (made[at - 256] >>> 8) ^ made[made[at - 256] & 255];
  return made;
}

/** The CRC-32 of the bytes; `before` is that of what comes before them. */
export function crc32(bytes: Uint8Array, before = 0): number {
  tables ??= crcTables();
  const t = tables;
  let crc = ~before;
  let at = 0;
  const bytewise = (end: number) => {
    for (; at < end; at++) crc = t[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  };
  // Words begin at multiples of four bytes.
  bytewise(Math.min(bytes.length, bytes.length < 8 ? 8 : -bytes.byteOffset & 3));
  const words =
    at === bytes.length
      ? new Int32Array(0)
      : new Int32Array(bytes.buffer, bytes.byteOffset + at, ((bytes.length - at) >>> 3) << 1);
  for (let i = 0; i < words.length; i += 2) {
    const a = words[i] ^ crc;
    const b = words[i + 1];
    crc =
      t[1792 + (a & 255)] ^
      t[1536 + ((a >>> 8) & 255)] ^
      t[1280 + ((a >>> 16) & 255)] ^
      t[1024 + (a >>> 24)] ^
      t[768 + (b & 255)] ^
      t[512 + ((b >>> 8) & 255)] ^
      t[256 + ((b >>> 16) & 255)] ^
      t[b >>> 24];
  }
  at += 4 * words.length;
  bytewise(bytes.length);
  return ~crc >>> 0;
}
