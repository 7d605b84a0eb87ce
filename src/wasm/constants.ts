/** The constants below the heap: vectors that kernels load at entry. Twin of assembly/constants.ts. */

/** [address, 32-bit pattern repeated four times]. */
const VECTORS: readonly (readonly [number, number])[] = [
  [16, 0x0f0f0f0f],
  [32, 0x03030303],
  [48, 0x07070707],
  [64, 0x04040404],
  [80, 0x00ff00ff],
  [96, 0x00010001],
  [112, 0xffff0000],
  [128, 0x0000ffff],
  [144, 0x80000000],
  [160, 0x0fffe000],
  [176, 0x77800000], // 2^112
];

/** First address that is free for the arena; everything below belongs to constants. */
export const HEAP_BASE = 1024;

/** Writes all constants; once per memory, before the first kernel call. */
export function writeConstants(memory: WebAssembly.Memory): void {
  for (const [address, pattern] of VECTORS) new Uint32Array(memory.buffer, address, 4).fill(pattern);
}

/** The bits of an f32, as kernels take float scalars. */
export function f32Bits(value: number): number {
  return new Int32Array(new Float32Array([value]).buffer)[0];
}
