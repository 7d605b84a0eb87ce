/** What the remedy for experts without calibration tokens is worth, in KL on text that calibration did not see. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { DEFAULT_GRID, type QuantizeSettings, uniformModules } from "../../../src/compress/recipe/settings.ts";
import type { Quantized, StarvedExpert } from "../../../src/compress/result/quantized.ts";
import { readAll } from "../../../src/files/source.ts";
import type { Model } from "../../../src/model/model.ts";
import type { QuantizedMatrix } from "../../../src/tensor/quantized-matrix.ts";
import { klOfQuantized, openFloat, TEXT, writeFolder } from "../../helpers/quantized.ts";

const OTHER_TEXT = TEXT.slice(2048, 2048 + 1024);

/** Four ids over and over choose the same few experts. */
const MONOTONOUS = [0, 1].map((window) => Array.from({ length: 256 }, (_, i) => TEXT[4 * window + (i % 4)]));

describe.each(["fable-mixtral", "fable-deepseek"])("experts of %s that calibration never routes to", (name) => {
  let model: Model;
  let settings: QuantizeSettings;
  let ours: Quantized;
  let unreached: readonly StarvedExpert[];
  beforeAll(async () => {
    model = await openFloat(name);
    settings = { ...DEFAULT_GRID, clip: "none", modules: uniformModules(model.files, 3, 64) };
    ours = await quantizeModel(model, settings, { windows: MONOTONOUS });
    unreached = ours.starved.filter(({ tokens }) => tokens === 0);
  });
  afterAll(() => model[Symbol.asyncDispose]());

  const klOf = (quantized: Quantized) => klOfQuantized(model, quantized, settings, OTHER_TEXT);

  /** Our result, but these experts give nothing to the sum. */
  function without(experts: readonly StarvedExpert[]): Quantized {
    const isOne = (module: string) =>
      experts.some(
        ({ layer, expert }) =>
          module
            .match(/layers\.(\d+)\..*experts\.(\d+)\./)
            ?.slice(1)
            .join() === `${layer},${expert}`,
      );
    const { matrices } = ours;
    const get = async (name: string) => {
      const matrix = await matrices.get(name);
      return matrix !== undefined && isOne(name) ? zeroed(matrix) : matrix;
    };
    return { ...ours, matrices: { ...matrices, get } };
  }

  it("are named, with what was done for them", async () => {
    expect(unreached.length).toBeGreaterThan(0);
    for (const { remedy } of unreached) expect(remedy).toBe("blended, down rounded");
    const source = (await (await writeFolder(model, ours, settings)).open("README.md"))!;
    const readme = new TextDecoder().decode(await readAll(source, 1e6));
    for (const { layer, expert } of unreached)
      expect(readme).toContain(`layer ${layer} expert ${expert} (0 tokens, blended, down rounded)`);
  });

  it("are better off than left out or zeroed, on text that routes to them", async () => {
    const kl = await klOf(ours);
    expect(kl).toBeLessThan(0.15);
    expect(await klOf(without(unreached))).toBeGreaterThan(1.2 * kl);
    expect(await klOf(without(ours.starved))).toBeGreaterThan(2 * kl);
  });
});

function zeroed(matrix: QuantizedMatrix): QuantizedMatrix {
  const { cols, groups, zeros, gIdx } = matrix;
  return { ...matrix, codes: matrix.codes.map((_, at) => zeros[Math.floor(at / cols) * groups + gIdx[at % cols]]) };
}
