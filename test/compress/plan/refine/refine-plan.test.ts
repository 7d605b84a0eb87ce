import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../../../src/base/errors.ts";
import { Turns } from "../../../../src/base/turns.ts";
import { DamageProbe } from "../../../../src/compress/plan/damage-probe.ts";
import { knapsackPlan } from "../../../../src/compress/plan/knapsack-plan.ts";
import { measureDamage } from "../../../../src/compress/plan/measure-damage.ts";
import { measureSteps } from "../../../../src/compress/plan/refine/measure-steps.ts";
import { type Neighbours, quantizeAlong } from "../../../../src/compress/plan/refine/quantize-along.ts";
import { type RefineOptions, refinePlan } from "../../../../src/compress/plan/refine/refine-plan.ts";
import { quantizeModel } from "../../../../src/compress/quantize/quantize-model.ts";
import { shapesOfFiles } from "../../../../src/compress/recipe/model-shapes.ts";
import { LOW_BIT_GRID, quantizableLinears } from "../../../../src/compress/recipe/settings.ts";
import type { Damages } from "../../../../src/compress/statistics/damage-table.ts";
import { placeQuantized } from "../../../../src/compress/windows/place-quantized.ts";
import { type LanguageModel, loadModel } from "../../../../src/index.ts";
import { layerLinears, overlayOf } from "../../../../src/model/weights/weight-tree.ts";
import type { PlanBits } from "../../../../src/policy/bit-plan.ts";
import type { LinearShape } from "../../../../src/tensor/linear-shape.ts";

const { windows } = JSON.parse(readFileSync("test/fixtures/eval/calibration-ids.json", "utf8")) as {
  windows: number[][];
};
const groupSize = 32;
const grid = LOW_BIT_GRID;

let model: LanguageModel;
let short: number[][];
let plan: Record<string, PlanBits>;
let packed: (readonly [string, PlanBits])[];
let neighbours: Neighbours;
const turns = new Turns();

beforeAll(async () => {
  model = await loadModel("test/fixtures/families/deepseek-f16");
  short = windows.slice(0, 4).map((window) => window.slice(0, 48).map((id) => id % model.config.vocabSize));
  // Linears with 40 rows or columns cannot be packed, so they stay float.
  const bitsOf = ({ rows, cols }: LinearShape, i: number) =>
    rows % 32 === 0 && cols % 32 === 0 ? (i % 3 === 0 ? 3 : 2) : 16;
  plan = Object.fromEntries(quantizableLinears(model.files).map((linear, i) => [linear.name, bitsOf(linear, i)]));
  packed = Object.entries(plan).filter(([, bits]) => bits !== 16);
  const others = (name: string): readonly PlanBits[] => (plan[name] === 2 ? [3] : [2, 4]);
  neighbours = await quantizeAlong(model, short.slice(0, 3), plan, { grid, groupSize, others, turns });
});
afterAll(() => model[Symbol.asyncDispose]());

describe("quantizeAlong", () => {
  it("makes the planned matrices that quantising the model makes, whatever is made beside them", async () => {
    const modules = new Map(packed.map(([name, bits]) => [name, { bits, groupSize }]));
    const { matrices } = await quantizeModel(model, { ...grid, modules }, { windows: short.slice(0, 3) });
    for (const [name, bits] of packed) expect(neighbours.get(name)?.get(bits), name).toEqual(await matrices.get(name));
  });

  it("makes nothing of linears that the plan leaves float", () => {
    expect([...neighbours.keys()].sort()).toEqual(packed.map(([name]) => name).sort());
  });

  it("makes every further width that was asked for", () => {
    for (const [name, bits] of packed)
      expect([...(neighbours.get(name)?.keys() ?? [])].sort(), name).toEqual(bits === 2 ? [2, 3] : [2, 3, 4]);
  });
});

describe("measureSteps", () => {
  it("finds the KL of the plan and of each step as a whole pass of the changed model does", async () => {
    const held = short.slice(3);
    const { kl, steps } = await measureSteps(model, plan, neighbours, { windows: held, turns });
    const changing = model.withWeights(overlayOf(model.weights));
    using probe = await DamageProbe.create(changing, held, turns);
    const klWith = async (bits: Readonly<Record<string, PlanBits>>) => {
      using region = model.machine.arena.region();
      for (const linear of changing.weights.layers.flatMap(layerLinears)) {
        const matrix = neighbours.get(linear.name)?.get(bits[linear.name]);
        if (matrix !== undefined) linear.matrix = placeQuantized(model.machine, region, linear.name, matrix);
      }
      return probe.kl(-1, turns);
    };
    expect(kl).toBe(await klWith(plan));
    expect(steps).toHaveLength(packed.reduce((sum, [, bits]) => sum + (bits === 2 ? 1 : 2), 0));
    for (const step of [steps[0], steps[7], steps.at(-1)]) {
      const { name, bits, change } = step as (typeof steps)[number];
      expect(change, name).toBe((await klWith({ ...plan, [name]: bits })) - kl);
    }
  });

  it("measures no steps around a plan that is not below the wanted KL", async () => {
    const found = await measureSteps(model, plan, neighbours, { windows: short.slice(3), below: 0, turns });
    expect(found.steps).toEqual([]);
    expect(found.kl).toBeGreaterThan(0);
  });
});

describe("refinePlan", () => {
  let damages: Damages;
  let options: RefineOptions;
  beforeAll(async () => {
    damages = await measureDamage(model, short, { grid, groupSize, sampleTokens: 96 });
    options = { budget: { kind: "bits", averageBits: 2.75 }, damages, grid, groupSize };
  });

  it("ends with a plan within the budget, whose KL is the least of the rounds", async () => {
    const refined = await refinePlan(model, short, options);
    expect(refined.averageBits).toBeLessThanOrEqual(2.75);
    expect(refined.predictedKl).toBe(Math.min(...refined.klByRound));
    expect(refined.klByRound.length).toBeLessThanOrEqual(3);
    expect(await refinePlan(model, short, options)).toEqual(refined);
  });

  it("keeps fixed bits, and begins with the knapsack's own plan", async () => {
    const shapes = shapesOfFiles(model.files);
    const [{ name }] = quantizableLinears(model.files);
    const fixed = { ...options, frozen: new Map([[name, 8 as const]]) };
    expect((await refinePlan(model, short, { ...fixed, rounds: 1 })).resolved[name]).toBe(8);
    const { budget, frozen } = fixed;
    const first = knapsackPlan({ shapes, groupSize }, damages, { budget, frozen });
    expect((await refinePlan(model, short, { ...fixed, rounds: 0 })).resolved).toEqual(first.resolved);
  });

  it("refuses a single window, half a round and unknown options, and stops at a signal", async () => {
    await expect(refinePlan(model, short.slice(0, 1), options)).rejects.toThrow(UsageError);
    await expect(refinePlan(model, short, { ...options, rounds: 1.5 })).rejects.toThrow(UsageError);
    await expect(refinePlan(model, short, { ...options, round: 1 } as RefineOptions)).rejects.toThrow(UsageError);
    const reason = new Error("enough");
    const stopped = { ...options, signal: AbortSignal.abort(reason) };
    await expect(refinePlan(model, short, stopped)).rejects.toBe(reason);
  });
});
