/** What Quern writes in the portable profile beside what GPTQModel wrote for the same settings: tensors, types, shapes and fields. */
import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { DEFAULT_GRID, type ModuleSetting, quantizableLinears } from "../../../src/compress/recipe/settings.ts";
import { portableNames } from "../../../src/compress/write/readers.ts";
import { writeQuantized } from "../../../src/compress/write/write-quantized.ts";
import { readJsonObject } from "../../../src/files/json-file.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { filesFolder, readAll } from "../../../src/files/source.ts";
import { openTensorIndex } from "../../../src/format/checkpoint.ts";
import { type GptqConfig, readGptqConfig, resolveModule } from "../../../src/format/gptq/gptq-config.ts";
import { copyOf, type TensorToWrite, tensorOf, writeSafetensors } from "../../../src/format/safetensors-writer.ts";
import type { TensorIndex } from "../../../src/format/tensor-index.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { CHECKPOINTS } from "../../format/gptq/gptq-checkpoints.ts";
import { mulberry32 } from "../../helpers/random.ts";

const OF_GPTQMODEL = CHECKPOINTS.filter(({ name }) => !name.includes("no-gidx"));
const WINDOW = Array.from({ length: 24 }, (_, i) => (i * 37) % 512);

/** Name, type and shape of every tensor, sorted. */
function listOf({ entries }: TensorIndex): readonly string[] {
  return [...entries.values()].map(({ name, dtype, shape }) => `${name} ${dtype} [${shape.join(", ")}]`).sort();
}

const modulesOf = ({ entries }: TensorIndex) =>
  [...entries.keys()].filter((name) => name.endsWith(".qweight")).map((name) => name.slice(0, -".qweight".length));

/** The folder before it was quantised: f16 weights of the same shapes in place of the packed ones. */
async function floatFolder(path: string, index: TensorIndex, settings: GptqConfig) {
  const source = await nodeFolder(path);
  const tensors: TensorToWrite[] = [];
  const random = mulberry32(7);
  for (const name of modulesOf(index)) {
    const [words, rows] = index.entries.get(`${name}.qweight`)!.shape;
    const shape = [rows, (words * 32) / (resolveModule(settings, name) as ModuleSetting).bits];
    const values = Uint16Array.from(
      { length: shape[0] * shape[1] },
      () => 0x2c00 + (random() < 0.5 ? 0x8000 : 0) + Math.floor(random() * 0x400),
    );
    tensors.push(tensorOf(`${name}.weight`, "F16", shape, values));
  }
  const kept = [...index.entries.values()].filter(({ name }) => !/\.(?:qweight|qzeros|scales|g_idx)$/.test(name));
  const output = memoryOutput("float");
  const file = await output.file("model.safetensors");
  await writeSafetensors(file, [...tensors, ...kept.map((entry) => copyOf(entry))]);
  await file.close();
  await output.commit();
  const config = (await source.open("config.json"))!;
  const { quantization_config: _, ...json } = JSON.parse(new TextDecoder().decode(await readAll(config, 1 << 20)));
  await source.close();
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  return filesFolder("float", { "config.json": bytes, "model.safetensors": output.files.get("model.safetensors")! });
}

describe.each(OF_GPTQMODEL)("a folder with the settings of $name", ({ name, path, missing }) => {
  it.skipIf(missing)(`has GPTQModel's tensors and fields${missing ? " (needs QUERN_SHARED)" : ""}`, async () => {
    const theirs = await nodeFolder(path);
    const index = await openTensorIndex(theirs);
    const told = (await readGptqConfig(theirs))!;
    const files = await readModelFiles(await floatFolder(path, index, told));
    await using model = await Model.open(files, await createMachine(), { activations: "f32" });
    const quantised = new Set(modulesOf(index));
    const modules = new Map(
      quantizableLinears(files).map(({ name: module }): [string, ModuleSetting] => {
        if (!quantised.has(module)) return [module, { bits: 16, groupSize: -1 }];
        return [module, resolveModule(told, module) as ModuleSetting];
      }),
    );
    const actOrder = told.descAct ? "desc" : "gar";
    const settings = { ...DEFAULT_GRID, clip: "none", symmetric: told.symmetric, actOrder, modules } as const;
    const quantized = await quantizeModel(model, settings, { windows: [WINDOW] });
    const output = memoryOutput("ours");
    const names = portableNames(files.family, undefined);
    await writeQuantized(files, quantized, { settings, output, names });
    const ours = filesFolder("ours", Object.fromEntries(output.files));
    expect(listOf(await openTensorIndex(ours)), name).toEqual(listOf(index));

    const field = async (folder: typeof ours, file: string) => (await readJsonObject(folder, file))!;
    const { meta: ourMeta, dynamic: _, ...ourFields } = await field(ours, "quantize_config.json");
    const { meta: theirMeta, dynamic: __, ...theirFields } = await field(theirs, "quantize_config.json");
    expect(ourFields).toEqual(theirFields);
    for (const known of ["damp_percent", "damp_auto_increment", "static_groups", "true_sequential", "act_group_aware"])
      expect(typeof (ourMeta as Record<string, unknown>)[known]).toBe(
        typeof (theirMeta as Record<string, unknown>)[known],
      );
    const rules = (await readGptqConfig(ours))!;
    for (const { name: module, role } of files.linears) {
      if (role === "embedding") continue;
      const expected = quantised.has(module) ? resolveModule(told, module) : "float";
      expect(resolveModule(rules, module), module).toEqual(expected);
    }
    const config = await field(ours, "config.json");
    expect(config["quantization_config"]).toEqual(await field(ours, "quantize_config.json"));
    const { quantization_config: ___, ...theirConfig } = await field(theirs, "config.json");
    expect(config).toMatchObject(theirConfig);
    await theirs.close();
  });
});
