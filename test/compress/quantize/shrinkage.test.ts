/** Shrunk Hessians: what they are for is too little calibration text. */
import { expect, it } from "vitest";
import { LOW_BIT_GRID, type QuantizeSettings, uniformModules } from "../../../src/compress/recipe/settings.ts";
import { klAfter, openFloat, TEXT } from "../../helpers/quantized.ts";

const ONE_WINDOW = [TEXT.slice(0, 256)];
const OTHER_TEXT = TEXT.slice(2048, 2048 + 1024);

it.each(["fable-mixtral", "fable-deepseek"])("one window helps %s with them, and harms it without", async (name) => {
  await using model = await openFloat(name);
  const modules = uniformModules(model.files, 3, 64);
  const klOf = (grid: Partial<QuantizeSettings>, windows?: typeof ONE_WINDOW) =>
    klAfter(model, { ...LOW_BIT_GRID, errorFeedback: 0, ...grid, modules }, windows, OTHER_TEXT);
  const rounded = await klOf({ method: "rtn", clip: "mse" });
  expect(await klOf({}, ONE_WINDOW)).toBeLessThan(0.95 * rounded);
  expect(await klOf({ shrinkage: 0 }, ONE_WINDOW)).toBeGreaterThan(rounded);
});
