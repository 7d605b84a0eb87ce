/**
 * How much each token counts when a linear is refitted to the error of the residual stream. A norm follows the stream, so an error counts by
 * its size relative to the token's stream. Most tokens have streams of about one size, but large models write a stream a hundred times
 * as large to the first token of a text ("massive activations", Sun et al., arXiv 2402.17762), and its error would outweigh those of all others.
 */

/** Streams up to this many times the median count whole. */
const USUAL = 16;

/** A weight from 0 to 1 for each row of `stream` [tokens, ld]. */
export function tokenWeights(stream: Float32Array, ld: number): Float64Array {
  const sizes = new Float64Array(stream.length / ld);
  for (let at = 0; at < stream.length; at++) sizes[Math.floor(at / ld)] += stream[at] * stream[at];
  const most = USUAL * USUAL * sizes.toSorted()[sizes.length >> 1];
  return sizes.map((size) => (size > most ? Math.sqrt(most / size) : 1));
}
