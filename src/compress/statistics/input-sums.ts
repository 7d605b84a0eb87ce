/** Sums up the inputs of each site's linears: maxima and squares of every column and, if requested, whole Hessians. */
import { NumericsError } from "../../base/errors.ts";
import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import type { LinearSite } from "../../model/weights/sites.ts";
import { Hessian, type IndexedRows } from "../../quant/hessian.ts";
import { tapRows } from "../windows/tap-rows.ts";
import type { InputStatistics } from "./statistics.ts";
import type { KeepTriangles } from "./triangles.ts";

/** Rows between two checks of the clock: a few milliseconds for a width of thousands. */
const ROWS_AT_ONCE = 1024;

/** A row of each array of InputStatistics. */
interface RowSums {
  readonly maxima: Float32Array;
  readonly squares: Float64Array;
}

export class InputTally {
  readonly #model: Model;
  readonly #keep: KeepTriangles | undefined;
  readonly #inputs: InputStatistics[] = [];

  /** @param keep where whole Hessians are kept; undefined to keep none. */
  constructor(model: Model, keep: KeepTriangles | undefined) {
    this.#model = model;
    this.#keep = keep;
  }

  /** Statistics of the inputs, in the order of the taps. */
  get inputs(): readonly InputStatistics[] {
    return this.#inputs;
  }

  /** Adds the input of one tap that has linears. @throws NumericsError if it is not finite. */
  async add(tap: Tap, turns: Turns): Promise<void> {
    const { machine, config } = this.#model;
    const { layer, input } = tap;
    const experts = tap.spans === undefined ? 1 : config.experts;
    const spans = tap.spans === undefined ? [0, input.rows] : [...machine.arena.i32(tap.spans, 2 * experts)];
    const { cols } = input;
    const tokens = new Float64Array(experts);
    const channelMax = new Float32Array(experts * cols);
    const hessianDiagonal = new Float64Array(experts * cols);
    for (let expert = 0; expert < experts; expert++) {
      const [start, count] = [spans[2 * expert], spans[2 * expert + 1]];
      tokens[expert] = count;
      const maxima = channelMax.subarray(expert * cols, (expert + 1) * cols);
      const squares = hessianDiagonal.subarray(expert * cols, (expert + 1) * cols);
      for (let done = 0; done < count; done += ROWS_AT_ONCE) {
        this.#addRows(tapRows(tap, start + done, Math.min(ROWS_AT_ONCE, count - done)), { maxima, squares });
        await turns.pause();
      }
      if (count === 0) continue;
      for (let col = 0; col < cols; col++) squares[col] *= 2 / count;
      if (!squares.every(Number.isFinite)) throw notFinite(tap);
    }
    const site = tap.site as LinearSite;
    const triangle = (row: number) => this.#triangle(tapRows(tap, spans[2 * row], spans[2 * row + 1]), cols, turns);
    const whole = this.#keep && { hessian: await this.#keep({ layer, site, experts, cols }, triangle) };
    this.#inputs.push({ layer, site, experts, cols, tokens, channelMax, hessianDiagonal, ...whole });
  }

  #addRows({ ptr, ld, index, count }: IndexedRows, sums: RowSums): void {
    const { arena } = this.#model.machine;
    const list = index === 0 ? undefined : arena.i32(index, count);
    const cols = sums.maxima.length;
    for (let i = 0; i < count; i++) addRow(arena.f32(ptr + (list === undefined ? i : list[i]) * ld * 4, cols), sums);
  }

  /** The Hessian's triangle of one row of the site; zeros without tokens. */
  async #triangle(rows: IndexedRows, cols: number, turns: Turns): Promise<Float64Array> {
    if (rows.count === 0) return new Float64Array((cols * (cols + 1)) / 2);
    const { machine } = this.#model;
    using hessian = new Hessian(machine, cols);
    await hessian.accumulateInTurns(rows, "f32", turns);
    return hessian.triangle();
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
