/** Computes the CRC-32 of zip files, eight bytes a step. */

/** Eight tables of 256: the k-th has the remainders of a byte that is followed by k bytes of zeros. */
let tables: Int32Array | undefined;

function crcTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let at = 0; at < made.length; at++) {
    let crc = at < 256 ? at : made[at - 256];
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    made[at] = crc;
  }
  return made;
}

/** The CRC-32 of the bytes; `before` is that of what comes before them. */
export function crc32(bytes: Uint8Array, before = 0): number {
  tables ??= crcTables();
  const t = tables;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let crc = ~before;
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    const a = view.getInt32(at, true) ^ crc;
    const b = view.getInt32(at + 4, true);
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
  for (; at < bytes.length; at++) crc = t[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}
