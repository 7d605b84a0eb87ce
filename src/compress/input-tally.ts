/** Adds up what the linears of each site read: maxima and squares of every input column, on request whole Hessians. */
import { NumericsError } from "../errors.ts";
import type { Tap } from "../model/forward.ts";
import type { Model } from "../model/model.ts";
import { Hessian } from "../quant/hessian.ts";
import { inScratch } from "../quant/scratch.ts";
import type { Turns } from "../wasm/turns.ts";
import type { InputStatistics, LinearSite } from "./statistics.ts";

/** Rows between two looks at the clock: a few milliseconds for a width of thousands. */
const ROWS_AT_ONCE = 1024;

/** A row of each array of InputStatistics. */
interface RowSums {
  readonly maxima: Float32Array;
  readonly squares: Float64Array;
}

/** Rows of an input: `count` from compact row `start`, through an index list or as they lie. */
interface RowRange {
  readonly start: number;
  readonly count: number;
}

export class InputTally {
  readonly #model: Model;
  readonly #hessians: boolean;
  readonly #inputs: InputStatistics[] = [];

  constructor(model: Model, options: { readonly hessians: boolean }) {
    this.#model = model;
    this.#hessians = options.hessians;
  }

  /** In the order in which the taps came. */
  get inputs(): readonly InputStatistics[] {
    return this.#inputs;
  }

  /** Adds the input of one tap with linears. @throws NumericsError where it is not finite. */
  async add(tap: Tap, turns: Turns): Promise<void> {
    const { machine, config } = this.#model;
    const { layer, input } = tap;
    const experts = tap.spans === undefined ? 1 : config.experts;
    const spans = tap.spans === undefined ? [0, input.rows] : [...machine.arena.i32(tap.spans, 2 * experts)];
    const { cols } = input;
    const tokens = new Float64Array(experts);
    const channelMax = new Float32Array(experts * cols);
    const hessianDiagonal = new Float64Array(experts * cols);
    const triangle = (cols * (cols + 1)) / 2;
    const hessian = this.#hessians ? new Float64Array(experts * triangle) : undefined;
    for (let expert = 0; expert < experts; expert++) {
      const range = { start: spans[2 * expert], count: spans[2 * expert + 1] };
      tokens[expert] = range.count;
      const maxima = channelMax.subarray(expert * cols, (expert + 1) * cols);
      const squares = hessianDiagonal.subarray(expert * cols, (expert + 1) * cols);
      await this.#addRows(tap, range, { maxima, squares }, turns);
      if (range.count === 0) continue;
      for (let col = 0; col < cols; col++) squares[col] *= 2 / range.count;
      if (!squares.every(Number.isFinite)) throw notFinite(tap);
      hessian?.set(await this.#hessianOf(tap, range, turns), expert * triangle);
    }
    const site = tap.site as LinearSite;
    const whole = hessian === undefined ? {} : { hessian };
    this.#inputs.push({ layer, site, experts, cols, tokens, channelMax, hessianDiagonal, ...whole });
  }

  async #addRows(tap: Tap, { start, count }: RowRange, sums: RowSums, turns: Turns): Promise<void> {
    const { arena } = this.#model.machine;
    const { ptr, ld } = tap.input;
    const index = tap.index === undefined ? 0 : tap.index;
    for (let done = 0; done < count; done += ROWS_AT_ONCE) {
      const rows = Math.min(ROWS_AT_ONCE, count - done);
      const list = index === 0 ? undefined : arena.i32(index + (start + done) * 4, rows);
      for (let i = 0; i < rows; i++)
        addRow(arena.f32(ptr + (list === undefined ? start + done + i : list[i]) * ld * 4, tap.input.cols), sums);
      await turns.pause();
    }
  }

  /** The lower triangle of one row of the site. */
  async #hessianOf(tap: Tap, { start, count }: RowRange, turns: Turns): Promise<Float64Array> {
    const { machine } = this.#model;
    const { ptr, ld, cols } = tap.input;
    const index = tap.index === undefined || tap.index === 0 ? 0 : tap.index + start * 4;
    return inScratch(machine, async () => {
      const hessian = new Hessian(machine, cols);
      await hessian.accumulateInTurns(index === 0 ? ptr + start * ld * 4 : ptr, ld, index, count, "f32", turns);
      return hessian.triangle();
    });
  }
}

function addRow(row: Float32Array, { maxima, squares }: RowSums): void {
  for (let col = 0; col < row.length; col++) {
    const value = row[col];
    const size = Math.abs(value);
    if (size > maxima[col]) maxima[col] = size;
    squares[col] += value * value;
  }
}

function notFinite({ layer, site }: Tap): NumericsError {
  return new NumericsError(`layer ${layer}: ${site}`, "found inputs that are not finite, expected numbers");
}
