/** gptq and rtn: shared factors, fallback, threads and turns; Hessian: sums, blends, damping. */
import { describe, expect, it } from "vitest";
import { Turns } from "../../src/base/turns.ts";
import { factorize } from "../../src/quant/factor.ts";
import { type GptqOptions, type GptqResult, gptq } from "../../src/quant/gptq.ts";
import { gridOf } from "../../src/quant/grid.ts";
import { Hessian } from "../../src/quant/hessian.ts";
import { dequantize, outputError, relativeError } from "../../src/quant/quantization-error.ts";
import { rtn } from "../../src/quant/rtn.ts";

import { createMachine } from "../../src/wasm/embedded.ts";
import type { Machine, MachineOptions } from "../../src/wasm/machine.ts";
import { gaussians } from "../helpers/random.ts";
import { hessianOf } from "../reference/gptq/gptq.ts";

const OPTIONS: GptqOptions = {
  ...{ bits: 4, groupSize: 32, symmetric: true, clip: "none", scaleRounding: "f16" },
  ...{ actOrder: "desc", staticGroups: true, deadColumns: "keep", dampPercent: 0.01 },
};
const turns = new Turns();
const machine = await createMachine();

/** Runs `work` with a Hessian of t rows of x, and frees what it took. */
async function withHessian<T>(on: Machine, x: Float32Array, k: number, work: (h: Hessian) => Promise<T>): Promise<T> {
  using scratch = on.arena.region();
  using hessian = new Hessian(on, k);
  hessian.accumulate({ ptr: scratch.place(x), ld: k, index: 0, count: x.length / k });
  return await work(hessian);
}

describe("gptq", () => {
  it("serves several matrices from one factor and leaves it whole", async () => {
    const k = 96;
    await withHessian(machine, gaussians(200 * k, 1), k, async (hessian) => {
      using factor = await factorize(machine, hessian, OPTIONS, turns);
      const before = machine.arena.u8(factor.ptr, k * (k + 4) * 4).slice();
      for (const seed of [2, 3]) {
        const w = gaussians(20 * k, seed);
        const shared = await gptq(machine, { weights: w, rows: 20, cols: k, factor }, { ...OPTIONS, turns });
        const own = await gptq(machine, { weights: w, rows: 20, cols: k, factor: hessian }, { ...OPTIONS, turns });
        expect(shared).toEqual(own);
      }
      expect(machine.arena.u8(factor.ptr, k * (k + 4) * 4)).toEqual(before);
    });
  });

  it("takes weights by address, and more rows than one batch", async () => {
    const [n, k] = [300, 40];
    const w = gaussians(n * k, 4);
    await withHessian(machine, gaussians(100 * k, 5), k, async (hessian) => {
      const whole = await gptq(machine, { weights: w, rows: n, cols: k, factor: hessian }, { ...OPTIONS, turns });
      using scratch = machine.arena.region();
      expect(
        await gptq(machine, { weights: scratch.place(w), rows: n, cols: k, factor: hessian }, { ...OPTIONS, turns }),
      ).toEqual(whole);
      const tail = await gptq(
        machine,
        { weights: w.subarray(290 * k), rows: 10, cols: k, factor: hessian },
        { ...OPTIONS, turns },
      );
      expect(tail.matrix.codes).toEqual(whole.matrix.codes.subarray(290 * k));
      expect(tail.rowLoss).toEqual(whole.rowLoss.subarray(290));
    });
  });

  it("gives the same bits on every build and number of threads", async () => {
    const [n, k] = [50, 200];
    const w = gaussians(n * k, 6);
    const x = gaussians(300 * k, 7, 0.01);
    const run = async (options: MachineOptions) => {
      await using on = await createMachine(options);
      return await withHessian(on, x, k, async (hessian) => {
        const options: GptqOptions = { ...OPTIONS, clip: "mse", bits: 3, staticGroups: false };
        const done = await gptq(on, { weights: w, rows: n, cols: k, factor: hessian }, { ...options, turns });
        const error = await outputError(on, w, done.matrix, hessian, turns);
        return { done, error, square: hessian.square() };
      });
    };
    const base = await run({ kernels: "base" });
    expect(await run({ kernels: "auto" })).toEqual(base);
    expect(await run({ threads: 2 })).toEqual(base);
    expect(await run({ threads: 3 })).toEqual(base);
  });

  it("raises the damping until the Hessian factors, and says how far", async () => {
    const k = 32;
    // Two tokens for 32 columns: without damping the Hessian has rank 2.
    await withHessian(machine, gaussians(2 * k, 8), k, async (hessian) => {
      const done = await gptq(
        machine,
        { weights: gaussians(4 * k, 9), rows: 4, cols: k, factor: hessian },
        { ...OPTIONS, dampPercent: 0, turns },
      );
      expect(done.method).toBe("gptq");
      expect(done.damp).toBe(0.01);
    });
  });

  describe("hardly damped, with a token fewer than columns, so that the Hessian factors into noise or nearly so", () => {
    const [n, k] = [8, 64];
    const SEEDS = [41, 42, 43, 44, 45, 46];

    /** Loss over that of rounding, and the results, for six such matrices. */
    async function run(change: Partial<GptqOptions>) {
      const options: GptqOptions = { ...OPTIONS, bits: 2, staticGroups: false, actOrder: "none", ...change };
      const results: { ratio: number; done: GptqResult }[] = [];
      for (const seed of SEEDS)
        await withHessian(machine, gaussians((k - 1) * k, seed), k, async (hessian) => {
          const w = gaussians(n * k, seed + 100);
          const done = await gptq(machine, { weights: w, rows: n, cols: k, factor: hessian }, { ...options, turns });
          const rounded = await rtn(machine, { weights: w, rows: n, cols: k }, { ...gridOf(options), turns });
          const [loss, least] = [
            await outputError(machine, w, done.matrix, hessian, turns),
            await outputError(machine, w, rounded, hessian, turns),
          ];
          results.push({ ratio: loss.total / least.total, done });
        });
      return results;
    }

    it.each([0, 1e-9])("never ends above rounding: it is damped more, and says so (%d)", async (dampPercent) => {
      const results = await run({ dampPercent });
      for (const { ratio } of results) expect(ratio).toBeLessThanOrEqual(1);
      const changed = results.filter(({ done }) => done.fallback !== undefined);
      expect(changed.length).toBeGreaterThan(0);
      for (const { done } of changed) {
        expect(done.fallback).toBe(`with damping ${dampPercent} its loss was above that of rounding`);
        expect(done.method).toBe("gptq");
        expect(done.damp).toBeCloseTo(dampPercent + 0.01, 12);
      }
    });

    it("is rounded where more damping is not allowed", async () => {
      const results = await run({ dampPercent: 0, dampIncrement: 0 });
      for (const { ratio, done } of results) expect(ratio).toBeLessThanOrEqual(done.method === "rtn" ? 1 + 1e-12 : 1);
      expect(results.some(({ done }) => done.fallback?.includes("above that of rounding"))).toBe(true);
    });
  });

  it("rounds with the right grids when no damping helps, and says why", async () => {
    const k = 64;
    await withHessian(machine, gaussians(2 * k, 10), k, async (hessian) => {
      const w = gaussians(4 * k, 11);
      const options = { ...OPTIONS, dampPercent: 0, dampIncrement: 0 };
      const done = await gptq(machine, { weights: w, rows: 4, cols: k, factor: hessian }, { ...options, turns });
      expect(done.method).toBe("rtn");
      expect(done.fallback).toMatch(/not positive definite/);
      expect(done.matrix).toEqual(await rtn(machine, { weights: w, rows: 4, cols: k }, { ...gridOf(options), turns }));
      const { total } = await outputError(machine, w, done.matrix, hessian, turns);
      expect(done.loss).toBeCloseTo(total / 2, 12);
    });
  });

  it("has less output error than rounding, and less with more bits", async () => {
    const [n, k] = [32, 128];
    const w = gaussians(n * k, 12);
    await withHessian(machine, gaussians(400 * k, 13, 0.02), k, async (hessian) => {
      const errors: number[] = [];
      for (const bits of [2, 3, 4, 8] as const) {
        const done = await gptq(
          machine,
          { weights: w, rows: n, cols: k, factor: hessian },
          { ...OPTIONS, bits, turns },
        );
        const rounded = await rtn(
          machine,
          { weights: w, rows: n, cols: k },
          { ...gridOf({ ...OPTIONS, bits }), turns },
        );
        errors.push(await relativeError(machine, w, done.matrix, hessian, turns));
        expect(errors.at(-1)).toBeLessThan(await relativeError(machine, w, rounded, hessian, turns));
      }
      expect(errors).toEqual(errors.slice().sort((a, b) => b - a));
      expect(errors[0]).toBeLessThan(0.5);
    });
  });

  it("refuses a factor made for another order or another width", async () => {
    await withHessian(machine, gaussians(50 * 32, 14), 32, async (hessian) => {
      using factor = await factorize(machine, hessian, OPTIONS, turns);
      const w = gaussians(2 * 32, 15);
      await expect(
        gptq(machine, { weights: w, rows: 2, cols: 32, factor }, { ...OPTIONS, actOrder: "none", turns }),
      ).rejects.toThrow(/actOrder/);
      await expect(
        gptq(machine, { weights: w.subarray(32), rows: 2, cols: 16, factor }, { ...OPTIONS, turns }),
      ).rejects.toThrow(/hessian/);
    });
  });

  it("frees its scratch when it is aborted", async () => {
    await withHessian(machine, gaussians(50 * 32, 16), 32, async (hessian) => {
      const { used } = machine.arena;
      const aborted = new Turns(AbortSignal.abort(new Error("stop")));
      await expect(
        gptq(
          machine,
          { weights: gaussians(64, 17), rows: 2, cols: 32, factor: hessian },
          { ...OPTIONS, turns: aborted },
        ),
      ).rejects.toThrow("stop");
      expect(machine.arena.used).toBe(used);
    });
  });
});

describe("an option that the function does not have", () => {
  const input = { weights: gaussians(2 * 32, 21), rows: 2, cols: 32 };

  it("is refused by gptq and by rtn, with the nearest name", async () => {
    await withHessian(machine, gaussians(70 * 32, 22), 32, async (hessian) => {
      const run = { ...OPTIONS, turns, actorder: "desc" };
      await expect(gptq(machine, { ...input, factor: hessian }, run)).rejects.toThrow(
        /^gptq: option actorder.*actOrder/,
      );
    });
    const run = { ...gridOf(OPTIONS), turns, dampPercent: 0.01 };
    await expect(rtn(machine, input, run)).rejects.toThrow(/^rtn: option dampPercent/);
  });
});

describe("rtn", () => {
  it("takes the diagonal for the hessian search, and asks for it", async () => {
    const w = gaussians(8 * 32, 18);
    const run = { ...gridOf(OPTIONS), bits: 2, clip: "hessian", turns } as const;
    const round = (diagonal?: Float64Array) => rtn(machine, { weights: w, rows: 8, cols: 32, diagonal }, run);
    await expect(round()).rejects.toThrow(/diagonal/);
    const even = await round(new Float64Array(32).fill(1));
    const steep = await round(Float64Array.from({ length: 32 }, (_, i) => 2 ** i));
    expect(even.scales).not.toEqual(steep.scales);
  });
});

describe("dequantize", () => {
  it("gives scale times (code - zero) in natural order", async () => {
    const k = 64;
    await withHessian(machine, gaussians(80 * k, 19), k, async (hessian) => {
      const options: GptqOptions = { ...OPTIONS, staticGroups: false, symmetric: false };
      const { matrix } = await gptq(
        machine,
        { weights: gaussians(3 * k, 20), rows: 3, cols: k, factor: hessian },
        { ...options, turns },
      );
      const values = dequantize(matrix);
      const at = 2 * matrix.groups + matrix.gIdx[10];
      expect(values[2 * k + 10]).toBe(matrix.scales[at] * (matrix.codes[2 * k + 10] - matrix.zeros[at]));
    });
  });
});

describe("Hessian", () => {
  const k = 20;
  const x = gaussians(700 * k, 21);

  it.each(["f32", "f64"] as const)("is 2/T X^T X over several calls, chunks and an index (%s)", async (precision) => {
    using scratch = machine.arena.region();
    using hessian = new Hessian(machine, k);
    const ptr = scratch.place(x);
    hessian.accumulate({ ptr, ld: k, index: 0, count: 600 }, precision);
    const index = scratch.place(Int32Array.from([650, 601, 650]));
    await hessian.accumulateInTurns({ ptr, ld: k, index, count: 3 }, precision, turns);
    const rows = [
      ...x.subarray(0, 600 * k),
      ...[650, 601, 650].flatMap((row) => [...x.subarray(row * k, (row + 1) * k)]),
    ];
    const want = hessianOf(Float32Array.from(rows), 603, k);
    expect(hessian.rows).toBe(603);
    expect(hessian.scaled()).toBe(2 / 603);
    const got = hessian.square();
    const tolerance = precision === "f32" ? 1e-6 : 1e-14;
    got.forEach((value, i) => {
      expect(Math.abs(value - want[i])).toBeLessThan(tolerance * 4);
    });
    expect(hessian.diag()).toEqual(Float64Array.from({ length: k }, (_, i) => got[i * k + i]));
  });

  it("adds and blends", () => {
    using scratch = machine.arena.region();
    const make = (from: number, to: number) => {
      const hessian = new Hessian(machine, k);
      const ptr = scratch.place(x.subarray(from * k, to * k));
      hessian.accumulate({ ptr, ld: k, index: 0, count: to - from }, "f64");
      return hessian;
    };
    using few = make(0, 10);
    using many = make(10, 300);
    using empty = new Hessian(machine, k);
    const [ofFew, ofMany] = [few.square(), many.square()];
    empty.blend(many, 0.5);
    expect(empty.square()).toEqual(ofMany);
    few.blend(many, 0.25);
    few.square().forEach((value, i) => {
      expect(value).toBeCloseTo(0.75 * ofFew[i] + 0.25 * ofMany[i], 12);
    });
    using sum = make(0, 10);
    sum.add(many);
    expect(sum.rows).toBe(300);
    sum.square().forEach((value, i) => {
      expect(value).toBeCloseTo((10 * ofFew[i] + 290 * ofMany[i]) / 300, 12);
    });
  });

  it("shrinks toward its diagonal, less the more rows it has", async () => {
    await withHessian(machine, x.slice(0, 40 * k), k, async (hessian) => {
      const before = hessian.square();
      hessian.shrink(0);
      expect(hessian.square()).toEqual(before);
      hessian.shrink(60);
      hessian.square().forEach((value, i) => {
        const onDiagonal = i % (k + 1) === 0;
        if (onDiagonal) expect(value).toBe(before[i]);
        else expect(value).toBeCloseTo(0.4 * before[i], 12);
      });
      expect(hessian.rows).toBe(40);
      expect(() => hessian.shrink(-1)).toThrow("rows to shrink by: found -1, expected a number from 0");
    });
    using empty = new Hessian(machine, k);
    empty.shrink(10);
    expect(empty.square().every((value) => value === 0)).toBe(true);
  });

  it("refuses to be factored when it is not finite", async () => {
    const bad = x.slice(0, 10 * k).fill(Number.NaN, 3, 4);
    await withHessian(machine, bad, k, async (hessian) => {
      await expect(factorize(machine, hessian, OPTIONS, turns)).rejects.toThrow(
        "hessian: found NaN on the diagonal of column 3",
      );
    });
  });
});
