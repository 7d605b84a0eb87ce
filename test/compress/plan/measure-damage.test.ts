import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { DamageProbe, probeNeeds } from "../../../src/compress/plan/damage-probe.ts";
import { measureDamage } from "../../../src/compress/plan/measure-damage.ts";
import { DEFAULT_GRID, quantizableLinears } from "../../../src/compress/recipe/settings.ts";
import type { Damages } from "../../../src/compress/statistics/damage-table.ts";
import { placeQuantized, weightReader } from "../../../src/compress/windows/place-quantized.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";
import { layerLinears } from "../../../src/model/weights/weight-tree.ts";
import { rtn } from "../../../src/quant/rtn.ts";
import { stride } from "../../../src/tensor/matrix.ts";

const { windows } = JSON.parse(readFileSync("test/fixtures/eval/calibration-ids.json", "utf8")) as {
  windows: number[][];
};
const FEW = windows.slice(0, 2).map((window) => window.slice(0, 64));

describe("DamageProbe", () => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await loadModel("models/fable-mixtral");
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it("finds no damage in the float model, from whichever block on", async () => {
    const turns = new Turns();
    using probe = await DamageProbe.create(model, FEW, turns);
    for (const layer of [0, 3, 5, 6, 5, -1, 2]) expect(Math.abs(await probe.kl(layer, turns))).toBeLessThan(1e-12);
  });

  it("is counted with one residual stream, whatever the number of blocks", () => {
    const streamBytes = 4 * FEW.flat().length * stride(model.config.hiddenSize);
    expect(probeNeeds(model, FEW).outside).toBe(streamBytes);
  });

  it("finds the KL of a changed linear, whatever is computed again", async () => {
    const turns = new Turns();
    using probe = await DamageProbe.create(model, FEW, turns);
    const linear = layerLinears(model.weights.layers[4])[0];
    const { rows, cols } = linear;
    const weights = await weightReader(model)(linear);
    const grid = { bits: 2, groupSize: 64, symmetric: true, clip: "none", scaleRounding: "f16" } as const;
    const matrix = await rtn(model.machine, { weights, rows, cols }, { ...grid, turns });
    const original = linear.matrix;
    using scratch = model.machine.arena.region();
    linear.matrix = placeQuantized(model.machine, scratch, linear.name, matrix);
    const changed = await probe.kl(4, turns);
    expect(changed).toBeGreaterThan(1e-4);
    expect(await probe.kl(0, turns)).toBe(changed);
    linear.matrix = original;
    expect(Math.abs(await probe.kl(4, turns))).toBeLessThan(1e-12);
  });
});

describe("measureDamage", () => {
  let damages: Damages;
  let names: readonly string[];
  beforeAll(async () => {
    await using model = await loadModel("test/fixtures/families/deepseek-f16");
    const { vocabSize } = model.config;
    names = quantizableLinears(model.files).map(({ name }) => name);
    const short = windows.slice(0, 4).map((window) => window.slice(0, 48).map((id) => id % vocabSize));
    damages = await measureDamage(model, short, { grid: DEFAULT_GRID, groupSize: 32, sampleTokens: 96 });
  });

  it("knows every linear, and that fewer bits cost more", () => {
    expect([...damages.keys()].sort()).toEqual([...names].sort());
    for (const { 2: two, 3: three, 4: four, 8: eight } of damages.values()) {
      expect(two).toBeGreaterThan(three);
      expect(three).toBeGreaterThan(four);
      expect(four).toBeGreaterThan(eight);
      expect(eight).toBeGreaterThanOrEqual(0);
    }
  });
});
