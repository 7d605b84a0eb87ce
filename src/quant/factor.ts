/**
 * Computes the factor of GPTQ from a Hessian: replaces dead columns, adds damping (increased until the matrix is positive definite),
 * orders columns, and finds the upper R with R^T R = (H' + lambda I)^-1 by the flipped Cholesky (assembly/hessian/cholesky.ts).
 */
import { NumericsError, UsageError } from "../base/errors.ts";
import type { Turns } from "../base/turns.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Tape } from "../wasm/tape.ts";
import { type ActOrder, columnOrder } from "./column-order.ts";
import type { Hessian } from "./hessian.ts";

export interface FactorOptions {
  readonly actOrder: ActOrder;
  /** Only used by `gar`. */
  readonly groupSize: number;
  /** Lambda is this times the mean diagonal. */
  readonly dampPercent: number;
  /** Added to dampPercent after each failure, until 1. Default 0.01. */
  readonly dampIncrement?: number;
}

/** GPTQ's factor of a Hessian. Dispose it to free its memory; it does not own the Hessian. */
export interface Factor extends Disposable {
  readonly hessian: Hessian;
  readonly size: number;
  /** Address of R in packed panels of 4 columns; columns in processing order. */
  readonly ptr: number;
  readonly actOrder: ActOrder;
  readonly groupSize: number;
  readonly perm: Int32Array;
  /** Diagonal of H', where a dead column counts as 1, in natural order. */
  readonly diagonal: Float64Array;
  /** 1 for a column whose input was always 0. */
  readonly dead: Uint8Array;
  readonly lambda: number;
  /** The dampPercent that worked. */
  readonly damp: number;
  /** Reason why there is no factor, if damping did not help. R is then undefined. */
  readonly failure: string | undefined;
}

/** Twins of CHOLESKY_BLOCK and of 4 * GROUP in assembly/hessian/cholesky.ts. */
const BLOCK = 64;
const GROUP_COLUMNS = 32;

/** Computes the factor, which serves all matrices with this input. The Hessian is not changed. */
export async function factorize(
  machine: Machine,
  hessian: Hessian,
  options: FactorOptions,
  turns: Turns,
): Promise<Factor> {
  const { actOrder, groupSize, dampPercent, dampIncrement = 0.01 } = options;
  if (!(dampPercent >= 0 && dampPercent < 1))
    throw new UsageError("dampPercent", String(dampPercent), "a number from 0 to 1, 1 excluded");
  if (!(dampIncrement >= 0)) throw new UsageError("dampIncrement", String(dampIncrement), "a number from 0");
  const { size } = hessian;
  const diagonal = hessian.diag();
  const bad = diagonal.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new NumericsError(
      "hessian",
      `found ${diagonal[bad]} on the diagonal of column ${bad}, expected a finite number`,
    );
  const dead = Uint8Array.from(diagonal, (value) => (value === 0 ? 1 : 0));
  const alive = diagonal.map((value) => (value === 0 ? 1 : value));
  const mean = alive.reduce((sum, value) => sum + value, 0) / size;
  const perm = columnOrder(alive, actOrder, groupSize);
  const padded = Math.ceil(size / 4) * 4;
  using taken = machine.arena.region();
  const ptr = taken.alloc(padded * (padded + 4) * 4);
  const common = { hessian, size, ptr, actOrder, groupSize, perm, diagonal: alive, dead };
  const owned = (lambda: number, damp: number, failure: string | undefined): Factor => {
    const memory = taken.move();
    return { ...common, lambda, damp, failure, [Symbol.dispose]: () => memory[Symbol.dispose]() };
  };
  let pivot = Number.NaN;
  for (let retry = 0; ; retry++) {
    const damp = dampPercent + retry * dampIncrement;
    if (damp >= 1 || (retry > 0 && dampIncrement === 0)) {
      const failure = `Hessian not positive definite with damping up to 1 (last pivot ${pivot})`;
      return owned(0, Math.min(damp, 1), failure);
    }
    pivot = await decompose(machine, hessian, { ptr, perm, lambda: damp * mean }, turns);
    if (pivot > 0 && pivot < Number.POSITIVE_INFINITY) return owned(damp * mean, damp, undefined);
  }
}

/** Writes R to `ptr`. @returns the lowest pivot; R is valid only if it is positive. */
async function decompose(
  machine: Machine,
  hessian: Hessian,
  { ptr, perm, lambda }: Pick<Factor, "ptr" | "perm" | "lambda">,
  turns: Turns,
): Promise<number> {
  const { arena } = machine;
  using scratch = arena.region();
  const n = Math.ceil(perm.length / 4) * 4;
  // Rows take an odd number of cache lines, so that the rows of a tile do not all fall into one cache set.
  const ld = Math.ceil(n / 16) * 16 + 8;
  const u = scratch.alloc(n * ld * 8);
  const order = scratch.alloc(n * 4);
  arena.i32(order, n).fill(-1).set(perm);
  const scalars = scratch.place(Float64Array.of(hessian.scaled(), lambda, Number.POSITIVE_INFINITY));
  const status = scalars + 16;

  const tape = machine.tape();
  tape.call("cholesky_load_f64", n, n, u, hessian.ptr, order, scalars, n, ld);
  recordCholesky(tape, u, status, n, ld);
  await tape.runInTurns(turns);
  const pivot = arena.f64(status, 1)[0];
  if (!(pivot > 0)) return pivot;
  tape.clear();
  const units = Math.ceil(Math.ceil(n / GROUP_COLUMNS) / 2);
  tape.call("cholesky_invert_f64", units, (n * n * n) / 6 / units, ptr, u, n, ld);
  await tape.runInTurns(turns);
  return pivot;
}

/** Replaces u by U with H = U U^T, in blocks from the right. */
function recordCholesky(tape: Tape, u: number, status: number, n: number, ld: number): void {
  for (let end = n; end > 0; end -= BLOCK) {
    const start = Math.max(0, end - BLOCK);
    if (end < n) tape.call("cholesky_update_f64", Math.ceil(end / 16), 16 * BLOCK * (n - end), u, n, ld, start, end);
    tape.call("cholesky_block_f64", 1, BLOCK * BLOCK * BLOCK, u, status, ld, start, end);
    if (start > 0) tape.call("cholesky_solve_f64", Math.ceil(start / 16), 8 * BLOCK * BLOCK, u, ld, start, end);
  }
}
