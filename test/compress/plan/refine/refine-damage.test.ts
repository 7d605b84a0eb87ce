import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../../../src/base/errors.ts";
import { Turns } from "../../../../src/base/turns.ts";
import { DamageProbe } from "../../../../src/compress/plan/damage-probe.ts";
import { knapsackPlan } from "../../../../src/compress/plan/knapsack-plan.ts";
import { type DamageOptions, measureDamage } from "../../../../src/compress/plan/measure-damage.ts";
import { type LinearBits, quantizeAlong } from "../../../../src/compress/plan/refine/quantize-along.ts";
import { type RefineOptions, refineDamage } from "../../../../src/compress/plan/refine/refine-damage.ts";
import { quantizeModel } from "../../../../src/compress/quantize/quantize-model.ts";
import { shapesOfFiles } from "../../../../src/compress/recipe/model-shapes.ts";
import { LOW_BIT_GRID, quantizableLinears } from "../../../../src/compress/recipe/settings.ts";
import type { Damages } from "../../../../src/compress/statistics/damage-table.ts";
import { placeQuantized } from "../../../../src/compress/windows/place-quantized.ts";
import { WindowBatch } from "../../../../src/compress/windows/window-batch.ts";
import { type LanguageModel, loadModel } from "../../../../src/index.ts";
import { layerLinears, overlayOf } from "../../../../src/model/weights/weight-tree.ts";
import type { PlanBits } from "../../../../src/policy/bit-plan.ts";
import { BITS, type Bits, type LinearShape } from "../../../../src/tensor/linear-shape.ts";
import type { QuantizedMatrix } from "../../../../src/tensor/quantized-matrix.ts";
import { tinyIds } from "../../../helpers/tiny-model.ts";

const { windows } = JSON.parse(readFileSync("test/fixtures/eval/calibration-ids.json", "utf8")) as {
  windows: number[][];
};
const groupSize = 32;
const grid = LOW_BIT_GRID;
const turns = new Turns();
const options: DamageOptions = { grid, groupSize, sampleTokens: 96 };

let model: LanguageModel;
let linears: readonly LinearShape[];
let all: number[][];
let own: number[][];
let held: number[][];
let damages: Damages;
beforeAll(async () => {
  model = await loadModel("test/fixtures/families/olmoe-clip-bf16");
  linears = quantizableLinears(model.files);
  all = windows.slice(0, 4).map((window) => window.slice(0, 48).map((id) => id % model.config.vocabSize));
  own = all.slice(0, 3);
  held = all.slice(3);
  damages = await measureDamage(model, all, options);
});
afterAll(() => model[Symbol.asyncDispose]());

const modulesOf = (plan: LinearBits) =>
  new Map(Object.entries(plan).map(([name, bits]) => [name, { bits, groupSize }]));

/** KL on the window held back with these matrices in place, by a whole pass. */
async function klWith(matrices: ReadonlyMap<string, QuantizedMatrix>): Promise<number> {
  const changing = model.withWeights(overlayOf(model.weights));
  using probe = await DamageProbe.create(changing, held, turns);
  using region = model.machine.arena.region();
  for (const linear of changing.weights.layers.flatMap(layerLinears)) {
    const matrix = matrices.get(linear.name);
    if (matrix !== undefined) linear.matrix = placeQuantized(model.machine, region, linear.name, matrix);
  }
  return await probe.kl(-1, turns);
}

/** The matrices that quantising the model along a plan makes. */
async function quantizedAs(plan: LinearBits, errorFeedback: number): Promise<ReadonlyMap<string, QuantizedMatrix>> {
  const settings = { ...grid, errorFeedback, modules: modulesOf(plan) };
  const { matrices } = await quantizeModel(model, settings, { windows: own });
  const entries = Object.keys(plan)
    .filter((name) => plan[name] !== 16)
    .map(async (name) => [name, (await matrices.get(name)) as QuantizedMatrix] as const);
  return new Map(await Promise.all(entries));
}

const at = (table: Damages, { name }: LinearShape, bits: Bits): number =>
  (table.get(name) as Readonly<Record<Bits, number>>)[bits];

describe("quantizeAlong", () => {
  it("makes the matrices that quantising the model makes, from its beginning and from a later block on", async () => {
    const bitsOf = ({ layer }: LinearShape, i: number): PlanBits => (layer === 0 ? 16 : i % 3 === 0 ? 3 : 2);
    const plan = Object.fromEntries(linears.map((linear, i) => [linear.name, bitsOf(linear, i)]));
    const expected = await quantizedAs(plan, grid.errorFeedback ?? 0);
    using batch = new WindowBatch(model, own);
    await batch.embed(turns);
    await batch.block(0, turns, () => {});
    const from = { layer: 1, stream: batch.rows(batch.state.hidden).slice() };
    for (const run of [{}, { from }]) {
      const found = await quantizeAlong(model, own, plan, { grid, groupSize, turns, ...run });
      expect(found).toEqual(expected);
    }
  });
});

describe("refineDamage", () => {
  it("scales the damages of a part alike, and their sum to the KL of a whole plan on the window held back", async () => {
    const refined = await refineDamage(model, all, { ...options, damages });
    const budget = { kind: "bits", averageBits: 3 } as const;
    const context = { shapes: shapesOfFiles(model.files), groupSize };
    const { resolved, predictedKl } = knapsackPlan(context, refined, { budget });
    expect(predictedKl / (await klWith(await quantizedAs(resolved, 0.7)))).toBeCloseTo(1, 6);
    expect(await refineDamage(model, all, { ...options, damages })).toEqual(refined);
    const partOf = ({ layer, role }: LinearShape) => `${layer}/${role === "attention"}`;
    const factors = new Map<string, number>();
    for (const linear of linears)
      for (const bits of BITS) {
        const factor = at(refined, linear, bits) / at(damages, linear, bits);
        const known = factors.get(partOf(linear)) ?? factor;
        expect(factor / known, `${linear.name} at ${bits}`).toBeCloseTo(1, 9);
        factors.set(partOf(linear), known);
      }
    expect(new Set(factors.values()).size).toBe(2 * model.config.layers);
  });

  it("measures each part alone where there is no error feedback", async () => {
    const refined = await refineDamage(model, all, { ...options, damages, grid: { ...grid, errorFeedback: 0 } });
    // All damages have one factor in common, so two parts are compared.
    const ratioOf = async (isMember: (linear: LinearShape) => boolean) => {
      const members = linears.filter(isMember);
      const plan = Object.fromEntries(members.map(({ name }) => [name, 2 as const]));
      const sum = members.reduce((total, linear) => total + at(refined, linear, 2), 0);
      return (await klWith(await quantizedAs(plan, 0))) / sum;
    };
    const attention = await ratioOf(({ layer, role }) => layer === 0 && role === "attention");
    const experts = await ratioOf(({ layer, role }) => layer === 1 && role !== "attention");
    expect(attention / experts).toBeCloseTo(1, 6);
  });

  it("refuses a single window and undamages options, and stops at a signal", async () => {
    await expect(refineDamage(model, all.slice(0, 1), { ...options, damages })).rejects.toThrow(UsageError);
    await expect(refineDamage(model, all, { ...options, damages: new Map() })).rejects.toThrow(UsageError);
    await expect(refineDamage(model, all, { ...options, damages, rounds: 1 } as RefineOptions)).rejects.toThrow(
      UsageError,
    );
    const reason = new Error("enough");
    await expect(refineDamage(model, all, { ...options, damages, signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
  });
});

it("refuses before any work what does not fit within a limit of memory, with what would do", async () => {
  await using model = await loadModel("models/fable-mixtral", { memory: "12MB", paging: "all" });
  const four = Array.from({ length: 4 }, (_, seed) => tinyIds(48, seed));
  const options = { grid: LOW_BIT_GRID, groupSize: 64, sampleTokens: 48, damages: new Map() };
  await expect(refineDamage(model, four, options)).rejects.toThrow(
    /^calibration: found 144 tokens, .* or a memory limit of at least \d+ MB$/,
  );
  expect(model.paging?.uses).toBe(0);
  // The codes of a whole plan and its packed linears alone take more.
  const needed = model.weights.layers.flatMap(layerLinears).reduce((sum, { rows, cols }) => sum + 1.5 * rows * cols, 0);
  expect(needed).toBeGreaterThan(10e6);
});
