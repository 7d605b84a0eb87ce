/**
 * Encodes a row of ln p for a saved reference. x = (largest ln p) - (ln p) is stored as round(65535 * sqrt(x / range)), 2 bytes
 * an entry, so that likely tokens are the most exact. The row's range is a whole number of 1/512 nat, at most 128 nats: tokens
 * less likely than e^-128 times the top are stored as exactly that. Every code and every range is valid. The reader normalises
 * the row again: ln p = -x - ln sum e^-x.
 *
 * Error of x: at most sqrt(x * range) / 65535 + range / 131070^2, so at most range / 65535 (3e-4 for the usual 21 nats,
 * 2e-3 for 128). ln p has that error and the smaller one of the normaliser. KL between models/fable-mixtral and its own saved
 * rows: 8.6e-10 nats a token on TinyStories (at most 3.1e-9); equal steps of x give 1.4e-9, cubes 1.2e-9. Entries less than
 * range / 131070^2 below the top (1e-9 nats, finer than the spacing of f32 logits above 1/64) are read back as equal to it.
 */

export const UNITS_PER_NAT = 512;
const MOST = 65535;

/** Writes the codes of a row of finite logits and returns the row's range in units of 1/512 nat. Adding a constant changes nothing. */
export function encodeRow(logits: Float32Array, codes: Uint16Array): number {
  let most = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  for (const value of logits) {
    if (value > most) most = value;
    if (value < least) least = value;
  }
  const units = Math.min(MOST, Math.ceil(UNITS_PER_NAT * (most - least)));
  const scale = units === 0 ? 0 : UNITS_PER_NAT / units;
  for (let i = 0; i < logits.length; i++)
    codes[i] = Math.min(MOST, Math.round(MOST * Math.sqrt((most - logits[i]) * scale)));
  return units;
}

/** Writes -x of every entry to the beginning of `into`: logits whose largest is 0. */
export function decodeRow(codes: Uint16Array, units: number, into: Float32Array): void {
  const scale = -units / (UNITS_PER_NAT * MOST * MOST);
  for (let i = 0; i < codes.length; i++) into[i] = codes[i] * codes[i] * scale;
}
