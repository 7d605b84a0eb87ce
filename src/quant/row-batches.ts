/** Runs a matrix through tile kernels a few hundred rows at a time, so that scratch stays small for any matrix. */
import { NumericsError, ShapeError } from "../base/errors.ts";
import type { Turns } from "../base/turns.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Tape } from "../wasm/tape.ts";
import { TILE_ROWS, TILE_STEP } from "./grid.ts";

/** f32 weights [rows, cols], as an array or as an address in the machine's memory. */
export type MatrixWeights = Float32Array | number;

/** A matrix W[rows, cols]. */
export interface WeightMatrix {
  readonly weights: MatrixWeights;
  readonly rows: number;
  readonly cols: number;
}

/** Rows of one batch: eight units of the column loop, for as many threads. */
const BATCH_ROWS = 512;

/** Addresses of one batch. */
export interface Batch {
  /** First row of the batch, and number of rows. */
  readonly row: number;
  readonly rows: number;
  /** 0 without tiles. */
  readonly tiles: number;
  readonly units: number;
  readonly weights: number;
  readonly codes: number;
  readonly scales: number;
  readonly zeros: number;
  /** One f64 per row. */
  readonly sums: number;
}

/** The work on each batch of a matrix. */
export interface BatchWork {
  /** Fills a tape with the kernel calls of one batch. */
  readonly record: (tape: Tape, batch: Batch) => void;
  /** Reads the results of one batch after its tape has run. */
  readonly collect: (batch: Batch) => void;
  readonly turns: Turns;
  /** Whether the kernels need tiles. Default true. */
  readonly tiled?: boolean;
  /** Name of the matrix, for errors. */
  readonly name?: string;
}

/** @throws ShapeError if an array's length is not rows times columns. */
function checkShape({ weights, rows, cols }: WeightMatrix): void {
  if (typeof weights !== "number" && weights.length !== rows * cols)
    throw new ShapeError("weights", [rows, cols], [weights.length]);
}

/** @throws NumericsError if a value of [rows, cols] is not finite; `firstRow` is the number of its first row. */
export function requireFiniteRows(what: string, values: Float32Array, firstRow: number, cols: number): void {
  let zero = 0;
  for (let i = 0; i < values.length; i++) zero += values[i] * 0; // 0, or NaN once a value is not finite
  if (zero === 0) return;
  const bad = values.findIndex((value) => !Number.isFinite(value));
  const where = `row ${firstRow + Math.floor(bad / cols)}, column ${bad % cols}`;
  throw new NumericsError(what, `found ${values[bad]} at ${where}, expected a finite number`);
}

/** Copies and checks the weights of each batch, then runs its work. `groups` is the number of scales in a row. */
export async function runBatches(
  machine: Machine,
  matrix: WeightMatrix & { readonly groups: number },
  { record, collect, turns, tiled = true, name = "weights" }: BatchWork,
): Promise<void> {
  const { arena } = machine;
  const { weights, rows, cols, groups } = matrix;
  checkShape(matrix);
  using scratch = arena.region();
  const most = Math.min(BATCH_ROWS, rows);
  const room = {
    tiles: tiled ? scratch.alloc(Math.ceil(most / TILE_ROWS) * Math.ceil(cols / 4) * 4 * TILE_STEP) : 0,
    copy: typeof weights === "number" ? 0 : scratch.alloc(most * cols * 4),
    codes: scratch.alloc(most * cols),
    scales: scratch.alloc(most * groups * 4),
    zeros: scratch.alloc(most * groups),
    sums: scratch.alloc(most * 8),
  };
  const tape = machine.tape();
  for (let row = 0; row < rows; row += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, rows - row);
    if (typeof weights !== "number")
      arena.f32(room.copy, count * cols).set(weights.subarray(row * cols, (row + count) * cols));
    const at = typeof weights === "number" ? weights + row * cols * 4 : room.copy;
    machine.call("finite_rows", count, room.sums, at, cols, cols);
    if (arena.i32(room.sums, count).includes(0)) requireFiniteRows(name, arena.f32(at, count * cols), row, cols);
    const batch = { ...room, row, rows: count, units: Math.ceil(count / TILE_ROWS), weights: at };
    tape.clear();
    record(tape, batch);
    await tape.runInTurns(turns);
    collect(batch);
  }
}
