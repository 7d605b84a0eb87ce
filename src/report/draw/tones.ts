/** Scales of heat maps: the tone of each value, from 0 (paper) to 1 (full colour). */

/** Values further below the largest than this have the lightest tone. */
const LOG_RANGE = 1e3;
/** The lightest tone of a value that is not 0, so that it differs from no value. */
const LIGHTEST = 0.06;
/** A scale around the even share ends no nearer to it than at this factor, so that noise stays pale. */
const LEAST_FACTOR = 1.5;

/** Tones on a logarithmic scale from the least to the largest value; a value of 0 has tone 0. */
export function logTones(values: readonly number[]): { tones: number[]; least: number; most: number } {
  const most = Math.max(...values);
  const least = Math.max(Math.min(...values.filter((value) => value > 0)), most / LOG_RANGE);
  const range = Math.log(most / least) || 1;
  const toneOf = (value: number) => LIGHTEST + (1 - LIGHTEST) * Math.max(0, 1 - Math.log(most / value) / range);
  return { tones: values.map((value) => (value > 0 ? rounded(toneOf(value)) : 0)), least, most };
}

/**
 * Tones of multiples of an even share: 0 at the even share, 1 at `factor` times it and -1 at its `factor`-th part, in equal steps for
 * equal factors. `factor` is the largest one above the even share; what is further below has tone -1.
 */
export function evenTones(multiples: readonly number[]): { tones: number[]; factor: number } {
  const factor = Math.max(LEAST_FACTOR, ...multiples);
  const toneOf = (multiple: number) => (multiple > 0 ? Math.max(-1, Math.log(multiple) / Math.log(factor)) : -1);
  return { tones: multiples.map((multiple) => rounded(toneOf(multiple))), factor };
}

/** Tones with two decimals keep the page small, and the same whatever the host's logarithm has as its last bit. */
function rounded(tone: number): number {
  return Math.round(100 * tone) / 100;
}
