/** Computes the cosines and sines of rotary position embedding (RoFormer, arXiv:2104.09864) for the kernel `rope_f32`. */
import { UsageError } from "../base/errors.ts";
import { cos, pow, sin } from "../base/exact-math.ts";

/** How frequencies are scaled for positions beyond the trained length. To add a kind, add a member here and a case in `frequencies`. */
export type RopeScaling = { readonly type: "none" } | { readonly type: "linear"; readonly factor: number };

export interface RopeOptions {
  /** Number of rows: one for each position from 0 to `positions - 1`. */
  readonly positions: number;
  /** Columns of a head that are rotated; even. */
  readonly rotaryDim: number;
  readonly theta: number;
  readonly scaling?: RopeScaling;
}

/**
 * f32[positions][2][rotaryDim / 2]: row p has cos(p * f), then sin(p * f), for all frequencies f. Angles are computed in f64
 * (transformers rounds them to f32, so these are more exact at large positions).
 */
export function ropeTable(options: RopeOptions): Float32Array {
  const { positions, rotaryDim } = options;
  if (!(Number.isInteger(rotaryDim) && rotaryDim >= 2 && rotaryDim % 2 === 0))
    throw new UsageError("rotaryDim", String(rotaryDim), "a positive even number");
  if (!(Number.isInteger(positions) && positions >= 0))
    throw new UsageError("positions", String(positions), "a whole number");
  const turns = frequencies(options);
  const half = turns.length;
  const table = new Float32Array(positions * rotaryDim);
  for (let position = 0; position < positions; position++) {
    const row = position * rotaryDim;
    for (let i = 0; i < half; i++) {
      const angle = position * turns[i];
      table[row + i] = cos(angle);
      table[row + half + i] = sin(angle);
    }
  }
  return table;
}

/** Radians per position of each pair of columns: theta^(-2i / rotaryDim), divided by the scaling factor. */
function frequencies({ rotaryDim, theta, scaling = { type: "none" } }: RopeOptions): Float64Array {
  if (!(theta > 0 && Number.isFinite(theta))) throw new UsageError("theta", String(theta), "a positive number");
  const plain = Float64Array.from({ length: rotaryDim / 2 }, (_, i) => pow(theta, (-2 * i) / rotaryDim));
  switch (scaling.type) {
    case "none":
      return plain;
    case "linear": {
      const { factor } = scaling;
      if (!(factor > 0 && Number.isFinite(factor)))
        throw new UsageError("scaling factor", String(factor), "a positive number");
      return plain.map((frequency) => frequency / factor);
    }
  }
}
