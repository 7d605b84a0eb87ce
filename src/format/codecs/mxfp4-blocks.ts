/**
 * The values of MXFP4 (OCP Microscaling Formats 1.0): blocks of 32 codes of four bits, each a float with one bit of sign, two of exponent and
 * one of mantissa, and a power of two that they share.
 *
 * Every value is a whole number of halves, so a block is also a group of integer codes: value = (code - 12) * 2^(scale - 128). This is exact.
 */
import { UnsupportedError } from "../../base/errors.ts";

export const MXFP4_BLOCK = 32;

/** The zero point of the integer codes. */
export const MXFP4_ZERO = 12;

/** The integer code of each four bits: 12 plus twice the value (0, 0.5, 1, 1.5, 2, 3, 4, 6, then the negative ones). */
export const MXFP4_CODES: Uint8Array = Uint8Array.from(
  [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12],
  (twice) => MXFP4_ZERO + twice,
);

/** The exponents of two that f16 has as scales, denormal ones included. */
const [LEAST, MOST] = [-24, 15];

/**
 * The scale of a block as f32; it is exact in f16.
 * @param isZero whether all codes of the block are zero, so that the scale does not matter.
 * @throws UnsupportedError for a scale beyond f16, or the code 255 of a NaN.
 */
export function mxfp4Scale(scale: number, isZero: boolean, where: string): number {
  if (isZero && scale !== 255) return 0;
  const exponent = scale - 128;
  if (scale !== 255 && exponent >= LEAST && exponent <= MOST) return 2 ** exponent;
  throw new UnsupportedError(where, `a block scale of 2^${scale - 127}`, [`2^${LEAST + 1} to 2^${MOST + 1}`]);
}
