/** quantizeMatrix against cases made with numpy (fixtures) and a plain reference. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NumericsError } from "../../src/base/errors.ts";
import { Turns } from "../../src/base/turns.ts";
import type { GptqOptions } from "../../src/quant/gptq.ts";
import { Hessian } from "../../src/quant/hessian.ts";
import { dampedTrace } from "../../src/quant/quantization-error.ts";
import { type MatrixResult, quantizeMatrix } from "../../src/quant/quantize-matrix.ts";
import { exactF16 } from "../../src/tensor/float16.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import { gaussians } from "../helpers/random.ts";
import { readFixture } from "../helpers/safetensors.ts";
import { repositoryFile, sharedFile } from "../helpers/shared.ts";
import { gptqReference, hessianOf } from "../reference/gptq/gptq.ts";
import { traceOf } from "../reference/gptq/trace.ts";

interface Case {
  readonly name: string;
  readonly N: number;
  readonly K: number;
  readonly T: number;
  readonly options: Omit<GptqOptions, "clip"> & { readonly clipSearch: GptqOptions["clip"] };
  readonly numbers: Record<"lambda" | "loss" | "output_error" | "weight_energy" | "rtn_output_error", number>;
}

const machine = await createMachine();
const turns = new Turns();
const { cases } = JSON.parse(readFileSync(repositoryFile("test/fixtures/gptq/cases.json"), "utf8")) as {
  cases: Case[];
};

/** Relative distance; 0 where both are 0. */
const distance = (got: number, want: number) => (got === want ? 0 : Math.abs(got - want) / Math.abs(want));

function fixturePath(name: string): string | undefined {
  const own = repositoryFile(`test/fixtures/gptq/${name}.safetensors`);
  return existsSync(own) ? own : sharedFile(`fixtures/gptq/${name}.safetensors`);
}

describe("quantizeMatrix", () => {
  describe.each(cases)("on the numpy case $name", ({ name, N, K, T, options, numbers }) => {
    const path = fixturePath(name);
    it.skipIf(path === undefined)("gives the same codes, grids, order and numbers", async () => {
      const tensors = readFixture(path as string);
      const [w, x] = [tensors.get("W") as Float32Array, tensors.get("X") as Float32Array];
      const { clipSearch: clip, ...others } = options;
      const all = { ...others, clip };
      const got = await quantizeMatrix(
        machine,
        { weights: w, inputs: x, rows: N, cols: K, tokens: T },
        { ...all, turns },
      );
      expect(got.method).toBe("gptq");
      for (const [key, tensor] of [
        ["codes", "codes"],
        ["scales", "scales"],
        ["zeros", "zeros"],
        ["gIdx", "g_idx"],
        ["perm", "perm"],
        ["dequantised", "dequantised"],
      ] as const)
        expect(got[key], key).toEqual(tensors.get(tensor));
      expect(distance(got.loss, numbers.loss)).toBeLessThan(1e-12);
      expect(distance(got.lambda, numbers.lambda)).toBeLessThan(1e-14);
      expect(distance(got.outputError, numbers.output_error)).toBeLessThan(1e-12);
      expect(distance(got.rtnOutputError, numbers.rtn_output_error)).toBeLessThan(1e-12);
      expect(distance(got.weightEnergy, numbers.weight_energy)).toBeLessThan(1e-12);
      const rowLoss = tensors.get("row_loss") as Float64Array;
      got.rowLoss.forEach((value, row) => {
        expect(distance(value, rowLoss[row])).toBeLessThan(1e-11);
      });
    });
  });
});

/** Everything that must agree with the reference, and hold by itself. */
async function check(w: Float32Array, x: Float32Array, n: number, k: number, t: number, options: GptqOptions) {
  const got = await quantizeMatrix(
    machine,
    { weights: w, inputs: x, rows: n, cols: k, tokens: t },
    { ...options, turns },
  );
  const h = hessianOf(x, t, k);
  const want = gptqReference(w, h, n, k, options);
  expect(got.method).toBe("gptq");
  const { codes, scales, zeros, gIdx, perm } = got;
  expect({ codes, scales, zeros, gIdx, perm }).toEqual({
    ...{ codes: want.codes, scales: want.scales, zeros: want.zeros, gIdx: want.gIdx, perm: want.perm },
  });
  expect(distance(got.lambda, want.lambda)).toBeLessThan(1e-13);
  got.rowLoss.forEach((value, row) => {
    expect(Math.abs(value - want.rowLoss[row])).toBeLessThan(1e-9 * want.rowLoss[row] + 1e-18);
  });
  const dead = (col: number) => options.deadColumns === "zero" && h[col * k + col] === 0;
  const d = Float64Array.from(got.dequantised, (value, i) => value - (dead(i % k) ? 0 : w[i]));
  expect(distance(got.outputError, traceOf(d, h, n, k))).toBeLessThan(options.scaleRounding === "f16" ? 1e-9 : 1e-4);
  await checkIdentity(w, x, k, t, options, got);
}

/** 2 loss = tr(D (H' + lambda I) D^T). */
async function checkIdentity(
  w: Float32Array,
  x: Float32Array,
  k: number,
  t: number,
  options: GptqOptions,
  got: MatrixResult,
) {
  using scratch = machine.arena.region();
  using hessian = new Hessian(machine, k);
  hessian.accumulate({ ptr: scratch.place(x), ld: k, index: 0, count: t }, "f64");
  const damped = { hessian, lambda: got.lambda, deadColumns: options.deadColumns };
  const trace = await dampedTrace(machine, w, got.matrix, damped, turns);
  expect(distance(2 * got.loss, trace)).toBeLessThan(1e-9);
}

/** Inputs whose columns are of unequal size, some of them dead. */
function inputs(t: number, k: number, seed: number, dead: readonly number[]): Float32Array {
  const x = gaussians(t * k, seed, 0.01);
  return x.map((value, i) => (dead.includes(i % k) ? 0 : value * (1 + (((i % k) * 7) % 5))));
}

const BASE: GptqOptions = {
  ...{ bits: 4, groupSize: 16, symmetric: true, clip: "none", scaleRounding: "f16" },
  ...{ actOrder: "none", staticGroups: false, deadColumns: "keep", dampPercent: 0.01 },
};
const WIDTHS = [2, 3, 4, 8] as const;
const COMBINATIONS = (["none", "desc", "gar"] as const).flatMap((actOrder) =>
  [false, true].flatMap((staticGroups) =>
    (["none", "mse", "hessian"] as const).flatMap((clip) =>
      [true, false].flatMap((symmetric) =>
        (["keep", "zero"] as const).flatMap((deadColumns) =>
          [16, 32, -1].map((groupSize) => ({
            ...BASE,
            actOrder,
            staticGroups,
            clip,
            symmetric,
            deadColumns,
            groupSize,
          })),
        ),
      ),
    ),
  ),
);

describe("quantizeMatrix against the plain reference", () => {
  it.each(COMBINATIONS.map((options, i) => [i, { ...options, bits: WIDTHS[i % 4] }] as const))(
    "agrees in combination %i: %o",
    async (seed, options) => {
      const [n, k, t] = [6, 64, 50 + seed];
      const scaleRounding = seed % 5 === 0 ? "f32" : "f16";
      await check(gaussians(n * k, seed, 0.02), inputs(t, k, 1000 + seed, [5, 33, 34]), n, k, t, {
        ...options,
        scaleRounding,
      });
    },
  );

  it.each([
    [1, 16, 16, 40],
    [1, 1, -1, 3],
    [2, 3, 2, 5],
    [40, 130, 64, 1],
    [17, 96, 96, 20],
    [3, 37, 16, 60],
    [8, 200, 128, 30],
    [5, 18, 5, 9],
  ])("agrees for %i x %i in groups of %i with %i tokens", async (n, k, groupSize, t) => {
    const seed = n * k + t;
    for (const actOrder of ["none", "desc", "gar"] as const)
      for (const symmetric of [true, false])
        await check(gaussians(n * k, seed), inputs(t, k, seed + 1, []), n, k, t, {
          ...BASE,
          groupSize,
          actOrder,
          symmetric,
        });
  });

  it.each(["keep", "zero"] as const)("agrees when every column is dead (%s)", async (deadColumns) => {
    await check(gaussians(4 * 32, 1), new Float32Array(3 * 32), 4, 32, 3, { ...BASE, deadColumns });
  });

  it("agrees for rows of zeros, constant rows and a single large weight", async () => {
    const w = gaussians(5 * 32, 2);
    w.fill(0, 0, 32);
    w.fill(0.5, 32, 64);
    w.fill(-0.25, 64, 96);
    w.fill(0, 96, 128);
    w[100] = 300;
    for (const symmetric of [true, false])
      for (const clip of ["none", "mse", "hessian"] as const)
        await check(w, inputs(40, 32, 3, [7]), 5, 32, 40, { ...BASE, symmetric, clip });
  });

  describe.each(["gptq", "rtn"] as const)("where f16 cannot say the scales (%s)", (method) => {
    const x = inputs(30, 16, 5, []);
    const run = (factors: readonly [number, number], options: Partial<GptqOptions> = {}) => {
      const w = gaussians(2 * 16, 4).map((value, i) => value * factors[i < 16 ? 0 : 1]);
      const input = { weights: w, inputs: x, rows: 2, cols: 16, tokens: 30 };
      return quantizeMatrix(machine, input, { ...BASE, method, name: "tensor a.b", ...options, turns });
    };

    it.each(["none", "mse", "hessian"] as const)("refuses weights that are too large (clip %s)", async (clip) => {
      const message = /^tensor a\.b: found weights that need a scale of 65504 or more .*row 1, group 0.*more bits/;
      const failed = run([1, 1e7], { clip });
      await expect(failed).rejects.toThrow(NumericsError);
      await expect(failed).rejects.toThrow(message);
      expect((await run([1, 1e7], { clip, scaleRounding: "f32" })).scales[1]).toBeGreaterThan(65504);
      expect((await run([1, 1e4], { clip })).scales[1]).toBeGreaterThan(100);
    });

    it("rounds a row to 0 beside larger ones, and refuses a matrix of such rows", async () => {
      const { scales, dequantised } = await run([1e-9, 1]);
      expect(scales[0]).toBe(2 ** -24);
      expect([...dequantised.subarray(0, 16)]).toEqual(Array(16).fill(0));
      await expect(run([1e-9, 1e-10])).rejects.toThrow(/^tensor a\.b: found weights that all round to 0/);
      expect((await run([0, 0])).dequantised.every((value) => value === 0)).toBe(true);
    });

    it("keeps small weights on scales below the normal f16, exact multiples of 2^-24", async () => {
      const { scales, dequantised, codes, zeros } = await run([1e-5, 3e-6], { bits: 8 });
      scales.forEach((scale) => {
        expect(scale).toBeLessThan(2 ** -14);
        expect(exactF16(scale)).toBe(scale * 2 ** 24);
      });
      dequantised.forEach((value, i) => {
        expect(value).toBe(scales[i < 16 ? 0 : 1] * (codes[i] - zeros[i < 16 ? 0 : 1]));
      });
      const largest = Math.max(...dequantised.map(Math.abs));
      expect(largest).toBeGreaterThan(1e-5);
    });
  });
});

describe("quantizeMatrix rejects", () => {
  const w = new Float32Array(32).fill(1);
  const x = new Float32Array(48).fill(1);
  const call = (options: object, weights = w, inputs = x, tokens = 3) =>
    quantizeMatrix(machine, { weights, inputs, rows: 2, cols: 16, tokens }, { ...BASE, ...options, turns });

  it.each([
    [{ bits: 5 }, /bits: found 5/],
    [{ groupSize: 0 }, /groupSize: found 0/],
    [{ clip: "max" }, /clip: found max/],
    [{ actOrder: "asc" }, /actOrder: found asc/],
    [{ deadColumns: "drop" }, /deadColumns: found drop/],
    [{ dampPercent: 1 }, /dampPercent: found 1/],
    [{ dampPercent: Number.NaN }, /dampPercent: found NaN/],
    [{ scaleRounding: "bf16" }, /scaleRounding: found bf16/],
    [{ method: "x" }, /method: found x, expected gptq or rtn/],
    [{ symmetric: "yes" }, /symmetric: found yes/],
    [{ shrinkage: -1 }, /shrinkage: found -1/],
    [{ damp_percent: 0.1 }, /option damp_percent: found an option that it does not have, expected dampPercent/],
  ])("the options %o", async (options, message) => {
    await expect(call(options)).rejects.toThrow(message);
  });

  it("weights, inputs and token counts that do not fit", async () => {
    await expect(call({}, new Float32Array(31))).rejects.toThrow("weights: found shape [31], expected [2, 16]");
    await expect(call({}, w, x, 4)).rejects.toThrow("inputs: found shape [48], expected [4, 16]");
    await expect(call({}, w, new Float32Array(0), 0)).rejects.toThrow("tokens: found 0");
  });

  it("values that are not finite", async () => {
    await expect(call({}, w.with(17, Number.NaN))).rejects.toThrow("found NaN at row 1, column 1");
    await expect(call({}, w, x.with(20, Number.POSITIVE_INFINITY))).rejects.toThrow(
      "inputs: found Infinity at row 1, column 4",
    );
  });
});
