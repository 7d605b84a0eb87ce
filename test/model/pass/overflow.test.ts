/** Arithmetic that overflows says which it was, and which ones to try. */
import { expect, it } from "vitest";
import { NumericsError } from "../../../src/base/errors.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { DEFAULT_GRID, uniformModules } from "../../../src/compress/recipe/settings.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { computeLogits } from "../../../src/runtime/logits.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { writeFolder } from "../../helpers/quantized.ts";
import { brokenFolder, withTensors } from "../broken-folder.ts";

const IDS = [0, 430, 410, 258];

/** Gate and up projections times 2^10 (f16 bits): what reaches down is beyond ten million. */
const loud = withTensors((header, data) => {
  for (const [name, { data_offsets, dtype }] of Object.entries(header)) {
    if (!/\.(w1|w3)\.weight$/.test(name)) continue;
    expect(dtype).toBe("F16");
    const values = new Uint16Array(
      data.buffer,
      data.byteOffset + data_offsets[0],
      (data_offsets[1] - data_offsets[0]) / 2,
    );
    for (let i = 0; i < values.length; i++) if ((values[i] & 0x7c00) !== 0) values[i] += 10 << 10;
  }
});

it("names int8 and the wider ones where f32 has finite logits", async () => {
  const files = await readModelFiles(brokenFolder("models/fable-mixtral", loud));
  await using float = await Model.open(files, await createMachine());
  const settings = { ...DEFAULT_GRID, method: "rtn", clip: "none", modules: uniformModules(files, 4, 64) } as const;
  const folder = await writeFolder(float, await quantizeModel(float, settings), settings);
  const logitsIn = async (activations: "f32" | "int16" | "int8") => {
    await using model = await Model.open(await readModelFiles(folder), await createMachine(), { activations });
    return (await computeLogits(model, IDS)).data;
  };
  for (const wide of ["f32", "int16"] as const) expect((await logitsIn(wide)).every(Number.isFinite)).toBe(true);
  const failed = logitsIn("int8");
  await expect(failed).rejects.toThrow(NumericsError);
  await expect(failed).rejects.toThrow(/^logits of token \d: .*; int8 arithmetic .*try activations f32 or int16/);
  // Down projections of layer 0 are the first to see what gate and up made.
  await expect(failed).rejects.toThrow(
    /outputs of model\.layers\.0\.block_sparse_moe\.experts\.0\.w2 to \S+\.w2 \(\d+ linears\);/,
  );
});
