/** One quantised linear as plain arrays: what GPTQ gives, what files hold, and what is laid in packed panels. */
import type { Bits } from "./linear-shape.ts";

/** w[n,k] = scales[n, g] (codes[n,k] - zeros[n, g]) with g = gIdx[k], exact in f32; columns in the model's own order. */
export interface QuantizedMatrix {
  /** N, the outputs. */
  readonly rows: number;
  /** K, the inputs. */
  readonly cols: number;
  readonly bits: Bits;
  /** Columns that share a scale and a zero; -1 for the whole row. */
  readonly groupSize: number;
  /** G, groups of a row. */
  readonly groups: number;
  /** [N, K]. */
  readonly codes: Uint8Array;
  /** [N, G], not negative; values that f16 holds, unless they were rounded to f32. */
  readonly scales: Float32Array;
  /** [N, G], true zero points. */
  readonly zeros: Uint8Array;
  /** [K]: the group of each column. */
  readonly gIdx: Int32Array;
  /** [K]: perm[i] is the column that was quantised as the i-th; files do not tell, and give the natural order. */
  readonly perm: Int32Array;
}
