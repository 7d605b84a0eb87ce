/** Speed of the GPTQ kernels on one thread, for the kernel benchmark's table. */

import { Turns } from "../src/base/turns.ts";
import { factorize } from "../src/quant/factor.ts";
import { type GptqOptions, gptq } from "../src/quant/gptq.ts";
import { Hessian } from "../src/quant/hessian.ts";

import type { Machine } from "../src/wasm/machine.ts";

export interface BenchRow {
  readonly name: string;
  readonly shape: string;
  readonly figure: number;
  readonly unit: string;
  /** Goal on the reference machine (Node 24, one thread); 0 if none is set. */
  readonly goal: number;
}

const TOKENS = 512;
const ROWS = 128;
const OPTIONS: GptqOptions = {
  ...{ bits: 4, groupSize: 64, symmetric: true, clip: "none", scaleRounding: "f16" },
  ...{ actOrder: "none", staticGroups: false, deadColumns: "keep", dampPercent: 0.01 },
};

/** Seconds of the fastest of a few runs. */
async function fastest(runs: number, work: () => void | Promise<void>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await work();
    best = Math.min(best, performance.now() - start);
  }
  return best / 1000;
}

/** Deterministic noise: a linear congruential sequence in [-0.5, 0.5). */
function noise(count: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

/** Gram, factor and column loop at the given widths. */
export async function gptqBench(machine: Machine, widths: readonly number[] = [1024, 2048]): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const turns = new Turns();
  for (const n of widths) {
    using scratch = machine.arena.region();
    using hessian = new Hessian(machine, n);
    const x = scratch.place(noise(TOKENS * n));
    const add = (name: string, shape: string, flops: number, seconds: number, goal: number) =>
      rows.push({ name, shape, figure: flops / seconds / 1e9, unit: "GF", goal });
    for (const [precision, goal] of [
      ["f32", 36],
      ["f64", 15],
    ] as const) {
      const seconds = await fastest(4, () => hessian.accumulate({ ptr: x, ld: n, index: 0, count: TOKENS }, precision));
      add(`gram_${precision}`, `${n} x ${n}, ${TOKENS} rows`, n * n * TOKENS, seconds, goal);
    }
    using factor = await factorize(machine, hessian, OPTIONS, turns);
    const factoring = await fastest(2, async () => {
      using again = await factorize(machine, hessian, OPTIONS, turns);
      void again;
    });
    add("cholesky and inverse, f64", `${n} x ${n}`, (2 / 3) * n ** 3, factoring, 12);
    const w = noise(ROWS * n);
    const looping = await fastest(2, async () => {
      await gptq(machine, { weights: w, rows: ROWS, cols: n, factor }, { ...OPTIONS, turns });
    });
    add("column loop, f64", `${ROWS} x ${n}`, ROWS * n * n, looping, 0);
  }
  return rows;
}
