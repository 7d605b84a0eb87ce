/** Computes the cosines and sines of rotary position embedding (RoFormer, arXiv:2104.09864) for the kernel `rope_f32`. */
import { UsageError } from "../base/errors.ts";
import { cos, sin } from "../base/exact-math.ts";
import { type RopeShape, ropeFrequencies } from "./rope-frequencies.ts";

export interface RopeOptions extends RopeShape {
  /** Number of rows: one for each position from 0 to `positions - 1`. */
  readonly positions: number;
}

/**
 * f32[positions][2][rotaryDim / 2]: row p has cos(p * f), then sin(p * f), for all frequencies f. Angles are computed in f64
 * (transformers rounds them to f32, so these are more exact at large positions).
 */
export function ropeTable(options: RopeOptions): Float32Array {
  const { positions, rotaryDim, scaling } = options;
  if (!(Number.isInteger(rotaryDim) && rotaryDim >= 2 && rotaryDim % 2 === 0))
    throw new UsageError("rotaryDim", String(rotaryDim), "a positive even number");
  if (!(Number.isInteger(positions) && positions >= 0))
    throw new UsageError("positions", String(positions), "a whole number");
  const turns = ropeFrequencies(options);
  const amplitude = scaling.type === "yarn" ? scaling.amplitude : 1;
  const half = turns.length;
  const table = new Float32Array(positions * rotaryDim);
  for (let position = 0; position < positions; position++) {
    const row = position * rotaryDim;
    for (let i = 0; i < half; i++) {
      const angle = position * turns[i];
      table[row + i] = cos(angle) * amplitude;
      table[row + half + i] = sin(angle) * amplitude;
    }
  }
  return table;
}
