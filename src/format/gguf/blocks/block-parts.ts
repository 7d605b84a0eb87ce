/** The numbers of quantised blocks, and small parts of reading them. */

/** The numbers of some consecutive blocks. A weight is `d * scale * code - dmin * min`. */
export interface BlockCodes {
  /** [elements], signed. */
  readonly codes: Int8Array;
  /** [blocks]: d and dmin as f16 bits. */
  readonly d: Uint16Array;
  readonly dmin: Uint16Array;
  /** [groups]: factors on d and dmin. */
  readonly scales: Int8Array;
  readonly mins: Int8Array;
}

/** A little-endian word of 16 bits. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}
