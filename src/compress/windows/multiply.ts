/** Multiplies matrices that are not linears of the model, on the engine's float matmul: the same bits everywhere. */

import type { Turns } from "../../base/turns.ts";
import { stride } from "../../tensor/matrix.ts";
import { panelCount } from "../../tensor/panel.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { Tape } from "../../wasm/tape.ts";

/** Numbers that are written straight to the engine's memory, where an array of their own would be as large again. */
export interface WrittenNumbers {
  readonly length: number;
  write(to: Float32Array): void;
}

/** Inputs x [T, cols] and weights [N, cols]. */
export interface Product<Data extends Float32Array | WrittenNumbers = Float32Array> {
  readonly x: Data;
  readonly weights: Data;
  readonly cols: number;
}

/** Places numbers in the engine's memory. @returns their address. */
export function placeWritten({ arena }: Machine, to: Region, data: Float32Array | WrittenNumbers): number {
  if (data instanceof Float32Array) return to.place(data);
  const ptr = to.alloc(4 * data.length);
  data.write(arena.f32(ptr, data.length));
  return ptr;
}

/** x weights^T in rows of stride(N), with zeros as padding. `prepare` may record changes to x first. */
export async function multiply(
  machine: Machine,
  { x, weights, cols }: Product<Float32Array | WrittenNumbers>,
  turns: Turns,
  prepare?: (tape: Tape, x: number, rows: number) => void,
): Promise<Float32Array> {
  const { arena } = machine;
  using scratch = arena.region();
  const [rows, outputs] = [x.length / cols, weights.length / cols];
  const panels = panelCount(outputs);
  const [placed, raw] = [x, weights].map((data) => placeWritten(machine, scratch, data));
  const at = { x: placed, raw, table: scratch.alloc(32) };
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
