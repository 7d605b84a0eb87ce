/** Shrunk Hessians: what they are for is too little calibration text. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { nodeFolder } from "../../src/adapter/node.ts";
import { quantizeModel } from "../../src/compress/quantize.ts";
import { LOW_BIT_GRID, type QuantizeSettings, uniformModules } from "../../src/compress/settings.ts";
import { writeQuantized } from "../../src/compress/write.ts";
import { compare } from "../../src/eval/compare.ts";
import { memoryOutput } from "../../src/format/output.ts";
import { filesFolder } from "../../src/format/source.ts";
import { Model, readModelFiles } from "../../src/model/model.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import { repositoryFile } from "../helpers/shared.ts";

const TEXT = JSON.parse(readFileSync(repositoryFile("test/fixtures/eval/tinystories-ids.json"), "utf8")) as number[];
const ONE_WINDOW = [TEXT.slice(0, 256)];
const OTHER_TEXT = TEXT.slice(2048, 2048 + 1024);

it.each(["fable-mixtral", "fable-deepseek"])("one window helps %s with them, and harms it without", async (name) => {
  const files = await readModelFiles(await nodeFolder(repositoryFile(`models/${name}`)));
  await using model = await Model.open(files, await createMachine(), { activations: "f32" });
  const modules = uniformModules(files, 3, 64);
  const klOf = async (grid: Partial<QuantizeSettings>) => {
    const settings = { ...LOW_BIT_GRID, ...grid, modules };
    const windows = settings.method === "rtn" ? undefined : ONE_WINDOW;
    const output = memoryOutput();
    await writeQuantized(files, await quantizeModel(model, settings, { windows }), settings, output);
    const written = await readModelFiles(filesFolder("out", Object.fromEntries(output.files)));
    await using ground = await Model.open(written, await createMachine(), { activations: "f32" });
    return (await compare(ground, model, OTHER_TEXT, { window: 128 })).kl.mean;
  };
  const rounded = await klOf({ method: "rtn", clip: "mse" });
  expect(await klOf({})).toBeLessThan(0.95 * rounded);
  expect(await klOf({ shrinkage: 0 })).toBeGreaterThan(rounded);
});
