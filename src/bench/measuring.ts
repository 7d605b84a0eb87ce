/** The options that all benchmarks have. */
import { UsageError } from "../base/errors.ts";
import type { KnownOptions } from "../base/known-options.ts";
import { Turns } from "../base/turns.ts";
import type { Progress } from "../model/model.ts";

/** Options of all benchmarks. */
export interface MeasureOptions {
  /** Samples of each test. Default 5. */
  readonly repeat?: number;
  /** Rows and columns of the matrix that GPTQ quantises, a multiple of 128; 0 leaves it out. Default 1024. */
  readonly matrix?: number;
  /** Bytes of memory over which reading is measured; a multiple of 4096. Default 256 MiB. */
  readonly streamBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export const MEASURE_OPTIONS: KnownOptions<MeasureOptions> = {
  ...{ repeat: true, matrix: true, streamBytes: true, signal: true, onProgress: true },
};

/** Checked options, with their defaults. */
export interface Measuring {
  readonly repeat: number;
  readonly matrix: number;
  readonly turns: Turns;
  readonly tell: (done: number, total: number) => void;
}

/** @throws UsageError for an option out of range. */
export function checkMeasuring({ repeat = 5, matrix = 1024, signal, onProgress }: MeasureOptions): Measuring {
  if (!Number.isInteger(repeat) || repeat < 1) throw new UsageError("repeat", String(repeat), "an integer from 1");
  if (!Number.isInteger(matrix) || matrix < 0 || matrix % 128 !== 0)
    throw new UsageError("matrix", String(matrix), "0 or a multiple of 128");
  const tell = (done: number, total: number) => onProgress?.({ phase: "bench", done, total, unit: "tests" });
  return { repeat, matrix, turns: new Turns(signal), tell };
}
