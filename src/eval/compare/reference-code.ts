/**
 * How a saved reference holds a row of ln p: x = (largest ln p) - (ln p) as round(65535 * sqrt(x / range)), 2 bytes an
 * entry, so that what is likely is held best. The row's range is a whole number of 1/512 nat, 128 nats at most: what is
 * less likely than e^-128 of the top counts as that. No value of either is invalid, and rows come back normalised by
 * whoever reads them: ln p = -x - ln sum e^-x.
 *
 * Error of x: at most sqrt(x * range) / 65535 + range / 131070^2, so at most range / 65535 (3e-4 for the usual 21 nats,
 * 2e-3 for 128); ln p moves by that and the normaliser's shift, which is less. KL between models/fable-mixtral and its own
 * saved rows: 8.6e-10 nats a token on TinyStories (at most 3.1e-9); equal steps of x give 1.4e-9, cubes 1.2e-9. What is
 * less than range / 131070^2 below the top (1e-9 nats, finer than f32 logits above 1/64 are spaced) reads as equal to it.
 */

export const UNITS_PER_NAT = 512;
const MOST = 65535;

/** Codes of a row of logits; gives its range in units. Logits are finite; a constant added to them changes nothing. */
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

/** -x of every entry, logits whose largest is 0, into the beginning of `into`. */
export function decodeRow(codes: Uint16Array, units: number, into: Float32Array): void {
  const scale = -units / (UNITS_PER_NAT * MOST * MOST);
  for (let i = 0; i < codes.length; i++) into[i] = codes[i] * codes[i] * scale;
}
