/** Records the short convolution of LFM2 along the sequence: y = c * conv(b * x), where [b c x] come from one linear. */
import type { LayerCache, Places } from "./attention.ts";
import type { Emit, Rows } from "./emit.ts";

/** Inputs, output and state of the convolution of one layer. */
export interface ConvCall {
  /** f32 [T, 3 D]: b, c and x. */
  readonly input: Rows;
  /** f32 [T, D]. */
  readonly out: Rows;
  /** Its keys hold b * x of tokens, f32 [convRows, D], as attention keeps keys. Cache row r lies at place r % convRows. */
  readonly cache: LayerCache;
  readonly convRows: number;
  readonly places: Places;
  /** Address of f32 [taps, D], that of the present token last. */
  readonly filter: number;
  /** Address of f32 [D], or 0. */
  readonly bias: number;
  readonly taps: number;
}

export function shortConv(emit: Emit, { input, out, cache, convRows, places, filter, bias, taps }: ConvCall): void {
  const { tape } = emit;
  const width = out.cols;
  const [b, c, x] = [0, 1, 2].map((part) => input.ptr + 4 * part * width);
  tape.call("store_gated_f32", input.rows, width, cache.keys, b, x, input.ld, places.rows, width, convRows);
  const seen = [cache.keys, places.offsets, places.segments] as const;
  const work = (taps + 1) * width;
  tape.call(
    "short_conv_f32",
    out.rows,
    work,
    out.ptr,
    out.ld,
    c,
    input.ld,
    ...seen,
    filter,
    bias,
    taps,
    width,
    convRows,
  );
}
