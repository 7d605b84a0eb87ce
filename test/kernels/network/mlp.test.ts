import { describe, expect, it } from "vitest";
import { type Call, sameBits, worstError } from "../../helpers/cuts.ts";
import { type Bench, f32Bits } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { clamp_f32, sigmoid_scale_f32, swiglu_clamped_f32, swiglu_f32 } from "../../reference/network/mlp.ts";

const ROWS = 5;
const WIDTHS = [1, 2, 3, 15, 16, 17, 101];

describe("swiglu_f32", () => {
  it.each(WIDTHS)("matches the reference at width %i, also in place", (width) => {
    const gate = gaussians(ROWS * width, 1).map((value) => value * 8);
    const up = gaussians(ROWS * width, 2);
    const run = (inPlace: boolean) => (bench: Bench, call: Call) => {
      const from = bench.put(gate);
      const to = inPlace ? from : bench.alloc(gate.byteLength);
      call("swiglu_f32", ROWS, to, from, bench.put(up), width, width);
      return bench.f32(to, gate.length);
    };
    const y = sameBits(run(false));
    expect(worstError(y, swiglu_f32(gate, up), 0)).toBeLessThan(5e-7);
    expect(sameBits(run(true))).toEqual(y);
  });

  it("stays finite at the ends of the range", () => {
    const gate = Float32Array.from([-1e30, -1000, -89, -88, 0, 88, 89, 1000, 1e30]);
    const y = sameBits((bench, call) => {
      const to = bench.alloc(gate.byteLength);
      call("swiglu_f32", 1, to, bench.put(gate), bench.put(new Float32Array(9).fill(1)), 9, 9);
      return bench.f32(to, 9);
    });
    expect([...y.slice(4)]).toEqual([0, 88, 89, 1000, Math.fround(1e30)]);
    for (const value of y.slice(1, 4)) expect(Math.abs(value)).toBeLessThan(1e-35);
  });
});

describe("swiglu_clamped_f32", () => {
  it.each(WIDTHS)("matches the reference at width %i, with values on both sides of the limit", (width) => {
    const gate = gaussians(ROWS * width, 1).map((value) => value * 6);
    const up = gaussians(ROWS * width, 2).map((value) => value * 6);
    const [alpha, limit] = [Math.fround(1.702), 7];
    const y = sameBits((bench, call) => {
      const at = bench.put(gate);
      call("swiglu_clamped_f32", ROWS, at, at, bench.put(up), width, width, f32Bits(alpha), f32Bits(limit));
      return bench.f32(at, gate.length);
    });
    expect(worstError(y, swiglu_clamped_f32(gate, up, alpha, limit), 1e-3)).toBeLessThan(2e-6);
  });

  it("stays finite at the ends of the range, and keeps what is not a number", () => {
    const gate = Float32Array.from([-1e30, -1000, 7, 1e30, NaN]);
    const y = sameBits((bench, call) => {
      const to = bench.alloc(gate.byteLength);
      const [from, up] = [bench.put(gate), bench.put(Float32Array.from([1, -1e30, 1e30, -1e30, 0]))];
      call("swiglu_clamped_f32", 1, to, from, up, 5, 5, f32Bits(1.702), f32Bits(7));
      return bench.f32(to, 5);
    });
    expect(Math.abs(y[0])).toBeLessThan(1e-5);
    expect(Math.abs(y[1])).toBeLessThan(1e-30);
    expect(y[2]).toBeCloseTo(56, 3);
    expect(y[3]).toBeCloseTo(-42, 3);
    expect(y[4]).toBeNaN();
  });
});

/** y[ROWS, width + 2] after an operation that also gets x[ROWS, width + 1]. */
function strided(width: number, operation: (call: Call, y: number, x: number) => void) {
  const [ldy, ldx] = [width + 2, width + 1];
  const y = gaussians(ROWS * ldy, 1);
  const x = gaussians(ROWS * ldx, 2);
  const result = sameBits((bench, call) => {
    const at = bench.put(y);
    operation(call, at, bench.put(x));
    return bench.f32(at, y.length);
  });
  const expectRows = (value: (yt: number, row: number, col: number) => number) =>
    expect(result).toEqual(
      y.map((old, i) => (i % ldy < width ? value(old, Math.floor(i / ldy), i % ldy) : old)), // map rounds to f32
    );
  return { x, ldx, expectRows };
}

describe("add_f32", () => {
  it.each(WIDTHS)("adds row by row at width %i", (width) => {
    const { x, ldx, expectRows } = strided(width, (call, y, from) =>
      call("add_f32", ROWS, y, width + 2, from, width + 1, width),
    );
    expectRows((old, row, col) => old + x[row * ldx + col]);
  });
});

describe("add_bias_f32", () => {
  it.each(WIDTHS)("adds each linear's bias to the rows of its span at width %i", (width) => {
    const ld = width + 2;
    const y = gaussians(ROWS * ld, 1);
    const biases = gaussians(2 * width, 2);
    const result = sameBits((bench, call) => {
      const [at, bias] = [bench.put(y), bench.put(biases)];
      const spans = bench.put(Int32Array.of(0, 2, 2, 0, 3, 2));
      const entry = (which: number, span: number) => [bias + 4 * width * which, spans + 8 * span, at, 0];
      const table = bench.put(Int32Array.from([...entry(0, 0), ...entry(0, 1), ...entry(1, 2)]));
      call("add_bias_f32", 3, table, ld, width);
      return bench.f32(at, y.length);
    });
    const biasOf = [0, 0, undefined, 1, 1]; // the second span is empty
    result.forEach((value, at) => {
      const [row, col] = [Math.floor(at / ld), at % ld];
      const which = biasOf[row];
      const added = which === undefined || col >= width ? 0 : biases[which * width + col];
      expect(value).toBe(Math.fround(y[at] + added));
    });
  });
});

describe("scale_f32", () => {
  it.each(WIDTHS)("multiplies every row at width %i", (width) => {
    const { expectRows } = strided(width, (call, y) => call("scale_f32", ROWS, y, width + 2, width, f32Bits(0.3)));
    expectRows((old) => old * Math.fround(0.3));
  });
});

describe("sigmoid_scale_f32", () => {
  it.each(WIDTHS)("multiplies every row by the sigmoid of its gate at width %i", (width) => {
    const [ld, ldg] = [width + 2, 3];
    const y = gaussians(ROWS * ld, 1);
    const gates = gaussians(ROWS * ldg, 2).map((value) => value * 30);
    const result = sameBits((bench, call) => {
      const at = bench.put(y);
      call("sigmoid_scale_f32", ROWS, at, ld, bench.put(gates), ldg, width);
      return bench.f32(at, y.length);
    });
    const expected = Float64Array.from(y);
    for (let row = 0; row < ROWS; row++)
      expected.set(sigmoid_scale_f32(y.subarray(row * ld, row * ld + width), gates[row * ldg]), row * ld);
    expect(worstError(result, expected, 1e-30)).toBeLessThan(5e-7);
  });
});

describe("clamp_f32", () => {
  it.each(WIDTHS)("limits every column at width %i", (width) => {
    const ld = width + 2;
    const y = gaussians(ROWS * ld, 1).map((value) => value * 2);
    const result = sameBits((bench, call) => {
      const at = bench.put(y);
      call("clamp_f32", ROWS, at, ld, width, f32Bits(1.5));
      return bench.f32(at, y.length);
    });
    const expected = Float32Array.from(y);
    for (let row = 0; row < ROWS; row++) expected.set(clamp_f32(y.subarray(row * ld, row * ld + width), 1.5), row * ld);
    expect(result).toEqual(expected);
  });

  it("keeps a NaN, so that it is found in the logits", () => {
    const y = Float32Array.from({ length: 6 }, (_, at) => (at === 1 || at === 5 ? Number.NaN : 9));
    const result = sameBits((bench, call) => {
      const at = bench.put(y);
      call("clamp_f32", 1, at, 6, 6, f32Bits(2));
      return bench.f32(at, 6);
    });
    expect([...result]).toEqual([2, Number.NaN, 2, 2, 2, Number.NaN]);
  });
});
