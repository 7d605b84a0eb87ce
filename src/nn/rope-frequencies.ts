/** Computes the frequencies of rotary position embedding, plain or scaled for positions beyond the trained length. */
import { UsageError } from "../base/errors.ts";
import { log, pow } from "../base/exact-math.ts";

/** How frequencies are scaled. To add a kind, add a member here and a case in `ropeFrequencies`. */
export type RopeScaling = { readonly type: "none" } | LinearScaling | LlamaScaling | YarnScaling;

/** Position interpolation: all positions are divided by the factor. */
interface LinearScaling {
  readonly type: "linear";
  readonly factor: number;
}

/** As in Llama 3.1: slow turns are divided by the factor, fast ones stay, and those between are blended. */
export interface LlamaScaling {
  readonly type: "llama3";
  readonly factor: number;
  /** Turns within the trained length below which a frequency is slow, and above which it is fast. */
  readonly lowTurns: number;
  readonly highTurns: number;
  /** The trained length in tokens. */
  readonly trained: number;
}

/** YaRN (arXiv:2309.00071): like the former, blended over the columns between two numbers of turns. */
export interface YarnScaling {
  readonly type: "yarn";
  readonly factor: number;
  readonly fastTurns: number;
  readonly slowTurns: number;
  readonly trained: number;
  /** Whether the ends of the blended columns are rounded outwards to whole columns. */
  readonly wholeColumns: boolean;
  /** Factor on cosines and sines. */
  readonly amplitude: number;
}

export interface RopeShape {
  /** Columns of a head that are rotated; even. */
  readonly rotaryDim: number;
  readonly theta: number;
  readonly scaling: RopeScaling;
}

/** The factor that YaRN suggests for cosines and sines: 0.1 m ln(factor) + 1. */
export function yarnAmplitude(factor: number, m = 1): number {
  return factor <= 1 ? 1 : 0.1 * m * log(factor) + 1;
}

/** Radians per position of each pair of columns: theta^(-2i / rotaryDim), then scaled. @throws UsageError for an invalid number. */
export function ropeFrequencies({ rotaryDim, theta, scaling }: RopeShape): Float64Array {
  requirePositive("theta", theta);
  const plain = Float64Array.from({ length: rotaryDim / 2 }, (_, i) => pow(theta, (-2 * i) / rotaryDim));
  if (scaling.type === "none") return plain;
  requirePositive("scaling factor", scaling.factor);
  switch (scaling.type) {
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor);
    case "llama3":
      return plain.map((frequency) => llamaFrequency(frequency, scaling));
    case "yarn":
      return yarnFrequencies(plain, { rotaryDim, theta }, scaling);
  }
}

function llamaFrequency(frequency: number, { factor, lowTurns, highTurns, trained }: LlamaScaling): number {
  const turns = (trained * frequency) / (2 * Math.PI);
  if (turns > highTurns) return frequency;
  if (turns < lowTurns) return frequency / factor;
  const part = (turns - lowTurns) / (highTurns - lowTurns);
  return (1 - part) * (frequency / factor) + part * frequency;
}

function yarnFrequencies(
  plain: Float64Array,
  { rotaryDim, theta }: Omit<RopeShape, "scaling">,
  { factor, fastTurns, slowTurns, trained, wholeColumns }: YarnScaling,
): Float64Array {
  /** The pair of columns that makes so many turns within the trained length. */
  const columnOf = (turns: number) => (rotaryDim * log(trained / (turns * 2 * Math.PI))) / (2 * log(theta));
  const [from, to] = [columnOf(fastTurns), columnOf(slowTurns)];
  const low = Math.max(wholeColumns ? Math.floor(from) : from, 0);
  const high = Math.min(wholeColumns ? Math.ceil(to) : to, rotaryDim - 1);
  // Without a column between them the blend is a step.
  const width = high === low ? 0.001 : high - low;
  return plain.map((frequency, column) => {
    const slow = Math.min(Math.max((column - low) / width, 0), 1);
    return (frequency / factor) * slow + frequency * (1 - slow);
  });
}

function requirePositive(what: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) throw new UsageError(what, String(value), "a positive number");
}
