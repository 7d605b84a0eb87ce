/** Finds logits that are not finite, and makes an error that names the place where the pass overflowed. */
import { NumericsError } from "../../base/errors.ts";
import type { Rows } from "../../nn/emit.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Linear } from "../weights/linears.ts";
import { recordBlock, recordEmbedding } from "./forward.ts";
import type { Pass, Runnable } from "./record/pass.ts";
import type { State } from "./state/pass-state.ts";

/** The first row of the state's logits with a value that is not finite, or -1. Runs for every token. */
export function findNotFinite({ machine }: Runnable, state: State, rows: number): number {
  const { words } = machine.arena;
  for (let row = 0; row < rows; row++) if (words[(state.finite >>> 2) + row] === 0) return row;
  return -1;
}

/** @param source names of the linears from whose outputs the values are computed, if they are known. */
export function overflowError(model: Runnable, where: string, source?: string): NumericsError {
  const since = source === undefined ? "" : `; the first of them is computed from the outputs of ${source}`;
  return new NumericsError(where, `found values that are not finite, expected numbers${since}${inRounded(model)}`);
}

/** If inputs of linears are rounded, more precise arithmetic may not overflow; the sentence suggests it. */
function inRounded({ activations: { mode } }: Runnable): string {
  if (mode === "f32") return "";
  const remedy = mode === "int8" ? "f32 or int16" : "f32";
  return `; ${mode} arithmetic overflows if inputs of a linear are very large; try activations ${remedy} (--activations)`;
}

/**
 * Computes the pass again, step by step to each group of linears that share an input, and names the group after which a value is
 * first not finite; undefined if it is not in a block, or if not all weights are in one memory. The caller first places the pass's
 * tokens again.
 */
export function findOverflow(pass: Pass): string | undefined {
  if (pass.weights.store.isPaged || pass.weights.stages.length > 0) return undefined;
  const { tape, machine } = pass.emit;
  recordEmbedding(pass);
  let before = pass.weights.embedding.name;
  for (let layer = 0; layer < pass.config.layers; layer++)
    for (const { linears, input } of recordBlock(pass, layer)) {
      tape.run();
      tape.clear();
      if (!holdsNumbers(machine, input)) return before;
      if (linears.length > 0) before = namesOf(linears);
    }
  return undefined;
}

function holdsNumbers(machine: Machine, { ptr, ld, rows, cols }: Rows): boolean {
  const values = machine.arena.f32(ptr, rows * ld);
  for (let row = 0; row < rows; row++)
    if (!values.subarray(row * ld, row * ld + cols).every(Number.isFinite)) return false;
  return true;
}

/** All names of up to three linears, or the first and the last name. */
function namesOf(linears: readonly Linear[]): string {
  const names = linears.map(({ name }) => name);
  return names.length <= 3 ? names.join(", ") : `${names[0]} to ${names.at(-1)} (${names.length} linears)`;
}
