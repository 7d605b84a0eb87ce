/**
 * The bootstrap of a crossed design (A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1, 2007): rows and columns are drawn
 * independently, so that the interval covers other draws as well as other text. Columns are drawn within their strata (windows within texts).
 *
 * So that another program can repeat it: the generator is that of `bootstrapMean`, one sequence serves all resamples. A resample draws the rows
 * first, then the columns of each stratum in their order, each place as in `bootstrapMean`. Its mean is the sum over the drawn rows, in the order
 * drawn, of the sum over the drawn columns, in the order drawn, over the number of cells.
 */
import { createRandom } from "../../../base/random.ts";
import { Turns } from "../../../base/turns.ts";
import type { Bootstrap, BootstrapOptions } from "../bootstrap.ts";
import { percentile } from "../means.ts";
import { requireCount, requireLevel } from "../stats-checks.ts";
import { type CrossedTable, flatTable, strataOf } from "./crossed-table.ts";

/** The options of a bootstrap, and how many neighbouring columns each stratum has. */
export interface CrossedBootstrapOptions extends BootstrapOptions {
  /** Numbers of columns that add up to all. Default: one stratum. */
  readonly strata?: readonly number[];
}

/** Percentile interval of the mean of all cells, with the two-sided p of a mean of 0, from 1 / samples to 1. */
export async function crossedBootstrap(
  table: CrossedTable,
  options: CrossedBootstrapOptions = {},
): Promise<Bootstrap & { readonly p: number }> {
  const { samples = 10_000, seed = 0, level = 0.95, signal } = options;
  requireCount("samples", samples, 1, 2 ** 24);
  requireLevel(level);
  const { rows, columns, values } = flatTable(table);
  const { strata = [columns] } = options;
  strataOf(columns, strata);
  const random = createRandom(seed);
  const turns = new Turns(signal);
  const means = new Float64Array(samples);
  for (let sample = 0; sample < samples; sample++) {
    await turns.pause();
    const drawn = new Uint32Array(rows);
    random.integers(rows, drawn);
    const places = drawColumns(strata, random);
    means[sample] = sumOf(values, drawn, places) / (rows * columns);
  }
  means.sort();
  const mean = values.reduce((sum, value) => sum + value, 0) / (rows * columns);
  const sides = [means.filter((value) => value <= 0).length, means.filter((value) => value >= 0).length];
  return {
    ...{ mean, samples, seed, level },
    interval: [percentile(means, (1 - level) / 2), percentile(means, (1 + level) / 2)],
    p: Math.min(1, Math.max(1, 2 * Math.min(...sides)) / samples),
  };
}

function drawColumns(strata: readonly number[], random: ReturnType<typeof createRandom>): readonly number[] {
  const places: number[] = [];
  for (const size of strata) {
    const first = places.length;
    const drawn = new Uint32Array(size);
    random.integers(size, drawn);
    for (const place of drawn) places.push(first + place);
  }
  return places;
}

function sumOf(values: Float64Array, rows: Uint32Array, columns: readonly number[]): number {
  let sum = 0;
  for (const row of rows) {
    let ofRow = 0;
    for (const column of columns) ofRow += values[row * (values.length / rows.length) + column];
    sum += ofRow;
  }
  return sum;
}
