/**
 * Measures how smoothing factors would change the outputs of some linears: ||Q(x / s) Q(s W)^T - x W^T||^2 over sampled rows, computed
 * with the engine's kernels. For inputs, Q is the study's rounding. For weights, Q rounds to nearest, or not at all.
 */

import type { Turns } from "../../base/turns.ts";
import type { StudyActivations } from "../../nn/emit.ts";
import { studyLevels } from "../../nn/emit.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Tape } from "../../wasm/tape.ts";
import { multiply, type Product } from "../windows/multiply.ts";

/** Rows x [T, K], the weights [N, K] of all linears that read them (stacked by rows), and their exact outputs. */
export interface ProbeInput extends Product {
  readonly expected: Float32Array;
}

export async function probeInput(
  machine: Machine,
  x: Float32Array,
  weights: Float32Array,
  cols: number,
  turns: Turns,
): Promise<ProbeInput> {
  const product = { x, weights, cols };
  return { ...product, expected: await multiply(machine, product, turns) };
}

export interface ProbeRounding {
  readonly activations: Pick<StudyActivations, "bits" | "group">;
  /** 16 leaves the weights as they are. */
  readonly weightBits: Bits | 16;
  /** Columns of the weights that share a scale. */
  readonly weightGroup: number;
}

export interface ProbeResult {
  readonly error: number;
  /** ||x W^T||^2. */
  readonly power: number;
}

/** Errors of the outputs with these factors by column; undefined stands for no factors. */
export async function probeOutputs(
  machine: Machine,
  inputs: readonly ProbeInput[],
  factors: Float32Array | undefined,
  rounding: ProbeRounding,
  turns: Turns,
): Promise<ProbeResult> {
  let error = 0;
  let power = 0;
  for (const { x, weights, cols, expected } of inputs) {
    const moved: Product = {
      x: factors === undefined ? x : x.map((value, at) => value / factors[at % cols]),
      weights: roundWeights(factors === undefined ? weights : scaleColumns(weights, factors), cols, rounding),
      cols,
    };
    const found = await multiply(machine, moved, turns, (tape, at, rows) => roundInput(tape, at, rows, cols, rounding));
    for (let at = 0; at < expected.length; at++) {
      error += (found[at] - expected[at]) * (found[at] - expected[at]);
      power += expected[at] * expected[at];
    }
  }
  return { error, power };
}

/** A copy of weights [N, K] with column j multiplied by factors[j]. */
export function scaleColumns(weights: Float32Array, factors: Float32Array): Float32Array {
  const scaled = weights.slice();
  for (let at = 0; at < scaled.length; at += factors.length)
    for (let col = 0; col < factors.length; col++) scaled[at + col] *= factors[col];
  return scaled;
}

/** Rounds to nearest on the symmetric grid without clip search: scale = 2 amax / (2^bits - 1), codes from -2^(bits-1). */
export function roundWeights(
  weights: Float32Array,
  cols: number,
  { weightBits, weightGroup }: ProbeRounding,
): Float32Array {
  if (weightBits === 16) return weights;
  const rounded = new Float32Array(weights.length);
  const half = 2 ** (weightBits - 1);
  for (let row = 0; row < weights.length; row += cols)
    for (let first = row; first < row + cols; first += weightGroup) {
      const end = Math.min(row + cols, first + weightGroup);
      let amax = 0;
      for (let at = first; at < end; at++) amax = Math.max(amax, Math.abs(weights[at]));
      const scale = (2 * amax) / (2 * half - 1);
      if (scale === 0) continue;
      for (let at = first; at < end; at++)
        rounded[at] = scale * Math.max(-half, Math.min(half - 1, Math.round(weights[at] / scale)));
    }
  return rounded;
}

/** Rounds x, f32 [rows, cols], in place. */
function roundInput(tape: Tape, x: number, rows: number, cols: number, { activations }: ProbeRounding): void {
  const { bits, group } = activations;
  const columns = group === "token" ? cols : group;
  tape.call("round_act", rows, cols, x, cols, x, cols, cols, columns, studyLevels(bits), 0);
}
