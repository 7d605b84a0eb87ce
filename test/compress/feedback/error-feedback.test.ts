/** Error feedback: the fit against a plain solver, its effect on both default models, the same bits on threads. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { type CorrectionSample, corrected, countedTokens } from "../../../src/compress/feedback/correct.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { LOW_BIT_GRID, uniformModules } from "../../../src/compress/recipe/settings.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { klAfter, matricesOf, openFloat, TEXT } from "../../helpers/quantized.ts";
import { gaussians } from "../../helpers/random.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const turns = new Turns();

/** a x = b for one right side, by elimination with pivots. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i]]);
  for (let col = 0; col < rows.length; col++) {
    const best = rows
      .slice(col)
      .reduce((at, row, i) => (Math.abs(row[col]) > Math.abs(rows[at][col]) ? col + i : at), col);
    [rows[col], rows[best]] = [rows[best], rows[col]];
    for (const row of rows) {
      if (row === rows[col]) continue;
      const factor = row[col] / rows[col][col];
      for (let k = col; k < row.length; k++) row[k] -= factor * rows[col][k];
    }
  }
  return rows.map((row, i) => row[rows.length] / row[i]);
}

describe("corrected weights", () => {
  const [count, cols, outputs, share] = [37, 12, 5, 0.6];
  const x = gaussians(count * cols, 1);
  const r = gaussians(count * outputs, 2);
  const weights = gaussians(outputs * cols, 3);
  const sample: CorrectionSample = {
    ...{ count, cols, outputs, weightOf: () => 1 },
    input: (i, row) => row.set(x.subarray(i * cols, (i + 1) * cols)),
    error: (i, row) => row.set(r.subarray(i * outputs, (i + 1) * outputs)),
  };

  it("are the damped least squares fit to the error, as far as the sample is trusted", async () => {
    const machine = await createMachine();
    const shrinkage = 0.5;
    const got = await corrected(machine, weights, sample, { share, shrinkage }, turns);
    const sum = (f: (i: number) => number) => Array.from({ length: count }, (_, i) => f(i)).reduce((a, b) => a + b, 0);
    const gram = Array.from({ length: cols }, (_, a) =>
      Array.from({ length: cols }, (_, b) => sum((i) => x[i * cols + a] * x[i * cols + b])),
    );
    const trace = gram.reduce((total, row, i) => total + row[i], 0);
    const kept = count / (count + shrinkage * cols);
    const h = gram.map((row, a) => row.map((value, b) => (a === b ? value + (0.01 * trace) / cols : kept * value)));
    const part = (share * count) / (count + 8 * cols);
    for (let out = 0; out < outputs; out++) {
      const step = solve(
        h,
        Array.from({ length: cols }, (_, k) => sum((i) => r[i * outputs + out] * x[i * cols + k])),
      );
      step.forEach((value, k) => {
        expect(got[out * cols + k]).toBeCloseTo(weights[out * cols + k] - part * value, 5);
      });
    }
  });

  it("trust a sample as far as its tokens count", async () => {
    const machine = await createMachine();
    const weighed = { ...sample, weightOf: () => Math.sqrt(0.6) };
    const [whole, less] = [
      await corrected(machine, weights, sample, { share, shrinkage: 0 }, turns),
      await corrected(machine, weights, weighed, { share, shrinkage: 0 }, turns),
    ];
    const parts = [count, 0.6 * count].map((counted) => counted / (counted + 8 * cols));
    less.forEach((value, at) => {
      expect(value - weights[at]).toBeCloseTo((parts[1] / parts[0]) * (whole[at] - weights[at]), 5);
    });
  });

  it("stay as they are where most tokens hardly count, whose errors an expert would write to all others", async () => {
    const machine = await createMachine();
    const sampleOf = (massive: number): CorrectionSample => {
      const weightOf = (i: number) => (i < massive ? 0.1 : 1);
      return {
        ...{ count, cols, outputs, weightOf },
        input: (i, row) => row.set(x.subarray(i * cols, (i + 1) * cols).map((value) => weightOf(i) * value)),
        error: (i, row) => row.fill(weightOf(i) * (i < massive ? 1000 : 1)),
      };
    };
    const [few, most] = [sampleOf(2), sampleOf(count - 4)];
    expect(countedTokens(few)).toBeCloseTo(count - 2 + 0.02);
    expect(countedTokens(most)).toBeCloseTo(4.33);
    expect(await corrected(machine, weights, most, { share, shrinkage: 2 }, turns)).toBe(weights);
    expect(await corrected(machine, weights, few, { share, shrinkage: 2 }, turns)).not.toEqual(weights);
  });

  it("stay as they are where nothing is to be taken back", async () => {
    const machine = await createMachine();
    expect(await corrected(machine, weights, sample, { share: 0, shrinkage: 0 }, turns)).toBe(weights);
  });
});

describe("error feedback", () => {
  const { windows } = JSON.parse(readFileSync(repositoryFile("test/fixtures/eval/calibration-ids.json"), "utf8")) as {
    windows: number[][];
  };

  it.each(["fable-mixtral", "fable-deepseek"])("brings %s nearer to the float model at 3 bits", async (name) => {
    await using model = await openFloat(name, { threads: 2 });
    const settings = { ...LOW_BIT_GRID, modules: uniformModules(model.files, 3, 64) };
    const text = TEXT.slice(0, 2048);
    const without = await klAfter(model, { ...settings, errorFeedback: 0 }, windows.slice(0, 24), text);
    const withIt = await klAfter(model, { ...settings, errorFeedback: 0.7 }, windows.slice(0, 24), text);
    expect(withIt).toBeLessThan(0.94 * without);
  });

  it("gives the same bits on any number of threads", async () => {
    const run = async (threads: number) => {
      await using model = await openFloat("fable-deepseek", { threads });
      const settings = { ...LOW_BIT_GRID, errorFeedback: 0.7, modules: uniformModules(model.files, 2, 64) };
      return matricesOf(await quantizeModel(model, settings, { windows: [TEXT.slice(0, 64)] }));
    };
    expect(await run(2)).toEqual(await run(1));
  });

  it("refuses a share that is none, before any work", async () => {
    await using model = await openFloat("fable-mixtral");
    const settings = { ...LOW_BIT_GRID, errorFeedback: 1.5, modules: uniformModules(model.files, 3, 64) };
    const refused = quantizeModel(model, settings, { windows: [TEXT.slice(0, 64)] });
    await expect(refused).rejects.toThrow("errorFeedback: found 1.5, expected a number from 0 to 1");
  });
});
