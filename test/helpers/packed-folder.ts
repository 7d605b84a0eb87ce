/** Folders in memory in which some linears of a float fixture are stored as codes, and the same folder with the values of those codes as floats. */
import { nodeFolder } from "../../src/adapter/node.ts";
import { memoryOutput } from "../../src/files/output.ts";
import { type FolderSource, filesFolder, readAll } from "../../src/files/source.ts";
import { openTensorIndex } from "../../src/format/checkpoint.ts";
import { floatDType, readFloats } from "../../src/format/codecs/float-rows.ts";
import { gptqTensors } from "../../src/format/gptq/gptq-tensors.ts";
import { copyOf, type TensorToWrite, tensorOf, writeSafetensors } from "../../src/format/safetensors-writer.ts";
import { requireTensor, type TensorIndex } from "../../src/format/tensor-index.ts";
import type { Bits } from "../../src/tensor/linear-shape.ts";
import { naturalGroups, naturalOrder, type QuantizedMatrix } from "../../src/tensor/quantized-matrix.ts";
import { mulberry32 } from "./random.ts";
import { repositoryFile } from "./shared.ts";

export interface Packing {
  readonly bits: Bits;
  readonly groupSize: number;
  /** Whether columns are dealt to groups at random, as act-order leaves them. */
  readonly scattered?: boolean;
}

export interface PackedFolderOptions {
  readonly packings: Readonly<Record<string, Packing>>;
  /** Tensors of the fixture that are left out. */
  readonly without?: readonly string[];
  readonly extra?: readonly TensorToWrite[];
  readonly config?: Readonly<Record<string, unknown>>;
  /** Content of quantize_config.json. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** Both folders. The codes are random; their scales give weights of the size of the fixture's. */
export async function packedFolders(
  fixture: string,
  options: PackedFolderOptions,
): Promise<{ packed: FolderSource; float: FolderSource }> {
  const source = await nodeFolder(repositoryFile(fixture));
  const index = await openTensorIndex(source);
  const { packings, without = [], extra = [], settings } = options;
  const packed: TensorToWrite[] = [...extra];
  const float: TensorToWrite[] = [...extra];
  for (const [name, packing] of Object.entries(packings)) {
    const matrix = await randomMatrix(index, name, packing);
    for (const { bytes, ...spec } of gptqTensors(name, matrix, "gptq_v2"))
      packed.push(tensorOf(spec.name, spec.dtype, spec.shape, bytes));
    float.push(tensorOf(`${name}.weight`, "F32", [matrix.rows, matrix.cols], valuesOf(matrix)));
  }
  const gone = new Set([...without, ...Object.keys(packings).map((name) => `${name}.weight`)]);
  const kept = [...index.entries.values()].filter(({ name }) => !gone.has(name)).map((entry) => copyOf(entry));
  const config = await source.open("config.json");
  const json = JSON.parse(new TextDecoder().decode(await readAll(config!, 1 << 20))) as object;
  await config!.close?.();
  const files = { "config.json": textBytes({ ...json, ...options.config }) };
  const rules = settings ?? settingsOf(packings);
  const folders = {
    packed: filesFolder("packed", {
      ...{
        ...files,
        "quantize_config.json": textBytes(rules),
        "model.safetensors": await fileOf([...kept, ...packed]),
      },
    }),
    float: filesFolder("float", { ...files, "model.safetensors": await fileOf([...kept, ...float]) }),
  };
  await index.close();
  await source.close();
  return folders;
}

function settingsOf(packings: Readonly<Record<string, Packing>>): object {
  const dynamic = Object.entries(packings).map(([name, { bits, groupSize }]) => [
    name.replaceAll(".", "\\."),
    { bits, group_size: groupSize, sym: false },
  ]);
  return {
    quant_method: "gptq",
    bits: 4,
    group_size: 64,
    checkpoint_format: "gptq_v2",
    dynamic: Object.fromEntries(dynamic),
  };
}

async function randomMatrix(index: TensorIndex, name: string, packing: Packing): Promise<QuantizedMatrix> {
  const entry = requireTensor(index, `${name}.weight`);
  const [rows, cols] = entry.shape;
  const values = await readFloats(entry, floatDType(index, entry), 0, rows * cols);
  const size = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const { bits, scattered } = packing;
  const groupSize = packing.groupSize === -1 ? cols : packing.groupSize;
  const [groups, top] = [cols / groupSize, 2 ** bits - 1];
  const random = mulberry32(rows + cols + bits);
  const draw = () => Math.min(top, Math.floor(random() * (top + 1)));
  const gIdx = naturalGroups(cols, groupSize);
  if (scattered) gIdx.sort(() => random() - 0.5);
  return {
    ...{ rows, cols, bits, groupSize, groups, gIdx, perm: naturalOrder(cols) },
    codes: Uint8Array.from({ length: rows * cols }, draw),
    scales: Float32Array.from({ length: rows * groups }, () => 2 ** Math.round(Math.log2(size / top) + 1 + random())),
    zeros: Uint8Array.from({ length: rows * groups }, () => (top + 1) / 2 + Math.floor(2 * random()) - 1),
  };
}

/** f32 [N,K]. */
function valuesOf({ rows, cols, groups, codes, scales, zeros, gIdx }: QuantizedMatrix): Float32Array {
  return Float32Array.from({ length: rows * cols }, (_, at) => {
    const group = Math.floor(at / cols) * groups + gIdx[at % cols];
    return scales[group] * (codes[at] - zeros[group]);
  });
}

function textBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

async function fileOf(tensors: readonly TensorToWrite[]): Promise<Uint8Array> {
  const output = memoryOutput("made");
  const file = await output.file("model.safetensors");
  await writeSafetensors(file, tensors);
  await file.close();
  await output.commit();
  return output.files.get("model.safetensors")!;
}
