/** Writes the constants below the heap: vectors that kernels load at entry. Twin of assembly/common/constants.ts. */

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
  [304, 0x07800000], // 2^-112
  [320, 0x10101010],
  [336, 0x30303030],
  [352, 0x01010101],
  [368, 0x4c2b9213], // the clip search: the seed, which makes the largest errors of both signs equal
  [384, 13107], // 2^16 / 5
  [400, 0x03020302], // 770 in 16-bit lanes: the screen
  [416, 0x330c28f6], // 0.5475 * 2^-24
  [432, 0x3efff2e5], // 0.4999
  [448, 0x404c6e40], // C0 .. C3: minimax of e^(-0.8), relative error 5.0e-5
  [464, 0xc087e411],
  [480, 0x402d7b5a],
  [496, 0xbf288904],
  [1008, 0x8fffe000],
  [512, 0x3fb8aa3b], // exp of f32: 1 / ln 2
  [528, 0x4b400000], // 1.5 * 2^23
  [544, 0x3f318000], // 355 / 512
  [560, 0xb95e8083], // ln 2 - 355 / 512
  [576, 0x3f000000], // C2 .. C6: least squares of (e^r - 1 - r) / r^2 on |r| <= 0.3468, error of e^r below 5e-9
  [592, 0x3e2aaa45],
  [608, 0x3d2aaa3e],
  [624, 0x3c091ef7],
  [640, 0x3ab6ccc3],
  [656, 0x3f800000], // 1
  [672, 0x42b0bd71], // 88.37
  [688, 0xc2ae999a], // -87.3
];

/** [address, f64 repeated twice]. */
const DOUBLES: readonly (readonly [number, number])[] = [
  [192, 1], // the fifth root of the clip search
  [208, 0.2],
  [224, 0.12],
  [240, 0.088],
  [256, 2 ** 52 + 1287166886], // 2^52 leaves the difference as an integer in the low word
  [272, 1e-280],
  [288, Number.POSITIVE_INFINITY],
  [704, Math.LOG2E], // exp of f64
  [720, 6755399441055744], // 1.5 * 2^52
  [736, 0.6931471805598903], // upper 42 bits of ln 2
  [752, 5.497923018708371e-14], // the rest of ln 2
  [768, 1],
  [784, 709],
  [800, -708],
  [816, 1 / 2], // 1 / k!, k = 2 .. 13
  [832, 1 / 6],
  [848, 1 / 24],
  [864, 1 / 120],
  [880, 1 / 720],
  [896, 1 / 5040],
  [912, 1 / 40320],
  [928, 1 / 362880],
  [944, 1 / 3628800],
  [960, 1 / 39916800],
  [976, 1 / 479001600],
  [992, 1 / 6227020800],
];

/** First address that the arena may use; the addresses below are for constants. */
export const HEAP_BASE = 1024;

/** Writes all constants. Must run once for each memory, before the first kernel call. */
export function writeConstants(memory: WebAssembly.Memory): void {
  for (const [address, pattern] of VECTORS) new Uint32Array(memory.buffer, address, 4).fill(pattern);
  for (const [address, value] of DOUBLES) new Float64Array(memory.buffer, address, 2).fill(value);
}

/** The bits of an f32, the form in which kernels take float scalars. */
export function f32Bits(value: number): number {
  return new Int32Array(new Float32Array([value]).buffer)[0];
}
