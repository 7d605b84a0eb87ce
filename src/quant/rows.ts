/** Runs a matrix through tile kernels, some hundred rows at a time, so that scratch stays small whatever the matrix. */
import { NumericsError, ShapeError } from "../errors.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Tape } from "../wasm/tape.ts";
import type { Turns } from "../wasm/turns.ts";
import { TILE_ROWS, TILE_STEP } from "./grid.ts";
import { inScratch } from "./scratch.ts";

/** f32 weights [rows, cols]: an array, or their address in the machine's memory. */
export type Weights = Float32Array | number;

/** Rows of one batch; a multiple of a tile. */
const BATCH_ROWS = 256;

/** Addresses of one batch. */
export interface Batch {
  /** First row of the batch, and how many. */
  readonly row: number;
  readonly rows: number;
  readonly tiles: number;
  readonly units: number;
  readonly weights: number;
  readonly codes: number;
  readonly scales: number;
  readonly zeros: number;
  /** One f64 a row. */
  readonly sums: number;
}

/** Throws where an array is not rows times columns long. */
export function checkShape(weights: Weights, rows: number, cols: number): void {
  if (typeof weights !== "number" && weights.length !== rows * cols)
    throw new ShapeError("weights", [rows, cols], [weights.length]);
}

/** The same, and throws where a value is not finite. */
export function checkWeights(machine: Machine, weights: Weights, rows: number, cols: number): void {
  checkShape(weights, rows, cols);
  const view = typeof weights === "number" ? machine.arena.f32(weights, rows * cols) : weights;
  const bad = view.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const place = `row ${Math.floor(bad / cols)}, column ${bad % cols}`;
  throw new NumericsError("weights", `${place} is ${view[bad]}, expected finite`);
}

/** For each batch: weights put in place, `record` fills a tape, the tape runs in turns, `collect` reads the results. */
export async function runBatches(
  machine: Machine,
  weights: Weights,
  shape: { readonly rows: number; readonly cols: number; readonly groups: number },
  turns: Turns,
  record: (tape: Tape, batch: Batch) => void,
  collect: (batch: Batch) => void,
): Promise<void> {
  await inScratch(machine, async () => {
    const { arena } = machine;
    const { rows, cols, groups } = shape;
    const most = Math.min(BATCH_ROWS, rows);
    const room = {
      tiles: arena.alloc(Math.ceil(most / TILE_ROWS) * cols * TILE_STEP),
      copy: typeof weights === "number" ? 0 : arena.alloc(most * cols * 4),
      codes: arena.alloc(most * cols),
      scales: arena.alloc(most * groups * 4),
      zeros: arena.alloc(most * groups),
      sums: arena.alloc(most * 8),
    };
    const tape = machine.tape();
    for (let row = 0; row < rows; row += BATCH_ROWS) {
      const count = Math.min(BATCH_ROWS, rows - row);
      if (typeof weights !== "number")
        arena.f32(room.copy, count * cols).set(weights.subarray(row * cols, (row + count) * cols));
      const at = typeof weights === "number" ? weights + row * cols * 4 : room.copy;
      const batch = { ...room, row, rows: count, units: Math.ceil(count / TILE_ROWS), weights: at };
      tape.clear();
      record(tape, batch);
      await tape.runInTurns(turns);
      collect(batch);
    }
  });
}
