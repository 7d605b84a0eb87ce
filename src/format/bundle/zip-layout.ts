/**
 * The layout of a bundle's zip archive, for writer and reader. Entries are stored as they are, and the bytes of each begin at the first
 * multiple of 64 behind its header: an extra field fills the room before them, so that the central directory alone tells where they lie.
 */

export const LINE_BYTES = 64;
export const LOCAL = { signature: 0x04034b50, bytes: 30 } as const;
export const CENTRAL = { signature: 0x02014b50, bytes: 46 } as const;
export const END = { signature: 0x06054b50, bytes: 22 } as const;
/** The end of archives whose sizes do not fit 32 bits: a record and its locator, before the plain end. */
export const END64 = { signature: 0x06064b50, bytes: 56 } as const;
export const LOCATOR64 = { signature: 0x07064b50, bytes: 20 } as const;
/** Instead of a number that does not fit. */
export const MANY_BYTES = 0xffffffff;
export const MANY_ENTRIES = 0xffff;
export const EXTRA64 = 1;
/** The extra field that aligns: two bytes say to what, zeros follow. */
export const EXTRA_ALIGN = 0xd935;
export const ALIGN_BYTES = 6;

/** Where the bytes of an entry begin whose local header is at `header`. */
export function dataStart(header: number, nameBytes: number): number {
  return lineEnd(header + LOCAL.bytes + nameBytes + ALIGN_BYTES);
}

/** The first multiple of a line from `bytes` on. Beyond 32 bits too. */
export function lineEnd(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}
