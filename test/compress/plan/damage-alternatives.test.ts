import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import {
  type Alternative,
  type AlternativesRun,
  alternativesOfLayers,
} from "../../../src/compress/plan/damage-alternatives.ts";
import { LOW_BIT_GRID, quantizableLinears } from "../../../src/compress/recipe/settings.ts";
import { ExpertTally, expertUsage } from "../../../src/eval/perplexity/expert-usage.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";
import { panelBytes } from "../../../src/tensor/panel.ts";

const { windows } = JSON.parse(readFileSync("test/fixtures/eval/calibration-ids.json", "utf8")) as {
  windows: number[][];
};

/** An alternative with the bytes of its placed weights, which lie in the engine until the next layer. */
interface Copied extends Omit<Alternative, "matrix"> {
  readonly panels: Uint8Array | undefined;
}

function copied({ machine }: LanguageModel, { matrix, ...rest }: Alternative): Copied {
  if (matrix === undefined) return { ...rest, panels: undefined };
  if (matrix.kind !== "packed") throw new Error(`${matrix.kind} matrix`);
  const { bits, rows, cols, groupSize, zero, ptr } = matrix;
  return { ...rest, panels: machine.arena.u8(ptr, panelBytes(`w${bits}`, rows, cols, { groupSize, zero })).slice() };
}

/** The alternatives of all layers, each of which has its own linears alone. */
async function allOf(
  model: LanguageModel,
  short: number[][],
  run: AlternativesRun,
): Promise<Map<string, readonly Copied[]>> {
  const all = new Map<string, readonly Copied[]>();
  let layer = 0;
  for await (const found of alternativesOfLayers(model, short, run)) {
    for (const [name, alternatives] of found) {
      expect(name).toContain(`layers.${layer}.`);
      all.set(
        name,
        alternatives.map((one) => copied(model, one)),
      );
    }
    layer++;
  }
  expect(layer).toBe(model.config.layers);
  return all;
}

it("makes the matrices of a width that are made without other widths, from starved experts too", async () => {
  await using model = await loadModel("test/fixtures/families/olmoe-clip-bf16");
  const short = windows.slice(0, 2).map((window) => window.slice(0, 48).map((id) => id % model.config.vocabSize));
  const run = { grid: LOW_BIT_GRID, groupSize: 32, turns: new Turns() };
  const together = await allOf(model, short, { ...run, widths: [2, 3, 4], placed: [2, 3] });
  expect([...together.keys()].sort()).toEqual(
    quantizableLinears(model.files)
      .map(({ name }) => name)
      .sort(),
  );
  for (const bits of [2, 3, 4] as const) {
    const alone = await allOf(model, short, { ...run, widths: [bits], placed: bits === 4 ? [] : [bits] });
    for (const [name, [expected]] of alone) {
      const found = together.get(name)?.find((one) => one.bits === bits);
      expect(found, `${name} at ${bits}`).toEqual(expected);
      expect(found?.panels === undefined).toBe(bits === 4);
    }
  }
});

it("counts the experts that tokens choose, layer by layer, as a pass of its own counts them", async () => {
  await using model = await loadModel("models/fable-deepseek");
  const short = windows.slice(0, 2).map((window) => window.slice(0, 32));
  const expected = await expertUsage(model, short);
  const tally = new ExpertTally(model);
  const run = { grid: LOW_BIT_GRID, widths: [2], placed: [], groupSize: 32, turns: new Turns(), tally } as const;
  let layer = 0;
  for await (const _ of alternativesOfLayers(model, short, run)) {
    const own = ({ layer: at }: { readonly layer: number }) => at === layer;
    expect(tally.result().filter(own)).toEqual(expected.filter(own));
    layer++;
  }
  expect(tally.result()).toEqual(expected);
  expect(expected.reduce((sum, { tokens }) => sum + tokens, 0)).toBeGreaterThan(0);
});
