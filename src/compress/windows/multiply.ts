/** Multiplies matrices that are not linears of the model, on the engine's float matmul: the same bits everywhere. */

import type { Turns } from "../../base/turns.ts";
import { stride } from "../../tensor/matrix.ts";
import { panelCount } from "../../tensor/panel.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Tape } from "../../wasm/tape.ts";

/** Inputs x [T, cols] and weights [N, cols]. */
export interface Product {
  readonly x: Float32Array;
  readonly weights: Float32Array;
  readonly cols: number;
}

/** x weights^T in rows of stride(N), with zeros as padding. `prepare` may record changes to x first. */
export async function multiply(
  machine: Machine,
  { x, weights, cols }: Product,
  turns: Turns,
  prepare?: (tape: Tape, x: number, rows: number) => void,
): Promise<Float32Array> {
  const { arena } = machine;
  using scratch = arena.region();
  const [rows, outputs] = [x.length / cols, weights.length / cols];
  const panels = panelCount(outputs);
  const at = { x: scratch.place(x), raw: scratch.place(weights), table: scratch.alloc(32) };
  const laid = scratch.alloc(64 * panels * cols);
  const out = scratch.alloc(4 * rows * stride(outputs));
  arena.i32(at.table, 6).set([laid, at.table + 16, out, 0, 0, rows]);
  const tape = machine.tape();
  prepare?.(tape, at.x, rows);
  tape.call("panel_32", panels, 16 * cols, laid, at.raw, outputs, cols);
  tape.call("matmul_f32", panels, 16 * cols * rows, at.table, 1, at.x, 0, cols, 0, stride(outputs), cols);
  await tape.runInTurns(turns);
  return arena.f32(out, rows * stride(outputs)).slice();
}
