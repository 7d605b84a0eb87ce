/** Writes a quantised model as a GPTQ checkpoint folder: weights, settings, tokenizer, and a README. */
import { UsageError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import { jsonText, withFields } from "../../base/json-text.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { VERSION } from "../../base/version.ts";
import type { OutputFolder } from "../../files/output.ts";
import { committed } from "../../files/output.ts";
import type { StoredVector } from "../../format/codecs/codec.ts";
import { type WrittenModule, writeGptqConfig } from "../../format/gptq/gptq-dynamic.ts";
import type { GptqVersion } from "../../format/gptq/gptq-packing.ts";
import { gptqBytes, gptqScales, gptqTensorSpecs } from "../../format/gptq/gptq-tensors.ts";
import { copyOf, type TensorToWrite, writeSafetensors } from "../../format/safetensors-writer.ts";
import { requireTensor } from "../../format/tensor-index.ts";
import type { Spelling } from "../../model/config/module-names.ts";
import type { ModelFiles } from "../../model/model.ts";
import type { StoredLinear } from "../../model/weights/locate.ts";
import type { Bits, LinearShape } from "../../tensor/linear-shape.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { groupCount } from "../../tensor/quantized-matrix.ts";
import { listTensors, type ModelShapes, renamed, shapesOfFiles } from "../recipe/model-shapes.ts";
import { filesUnder } from "../recipe/outer-bits.ts";
import { averageBits, type ModuleSetting, type QuantizeSettings, settingOf } from "../recipe/settings.ts";
import type { Quantized, QuantizedMatrices } from "../result/quantized.ts";
import { copyCompanions, writeText } from "./companions.ts";
import { settingsMeta } from "./folder-meta.ts";
import { folderReadme } from "./folder-readme.ts";

/** Settings of the matrices, output folder, spelling of module names, version of the GPTQ format, and additional metadata. */
export interface WriteOptions {
  readonly settings: QuantizeSettings;
  /** The folder to write. It is committed, or aborted on any failure. */
  readonly output: OutputFolder;
  /** Spelling of module names. Default: the source folder's. */
  readonly names?: Spelling;
  /** `gptq` (version 1, the most widely read) stores zero points minus one, `gptq_v2` as they are. Default: `gptq` if symmetric, else `gptq_v2`. */
  readonly version?: GptqVersion;
  /** Added to the `meta` of `quantize_config.json`. */
  readonly meta?: JsonObject;
}

/** Average bits of the quantised weights, and bytes of the weight file. */
export interface Written {
  readonly averageBits: number;
  /** Bytes of the weight file. */
  readonly trueBytes: number;
}

const OPTIONS: KnownOptions<WriteOptions> = {
  ...{ settings: true, output: true, names: true, version: true, meta: true },
};

export const WEIGHTS_FILE: string = "model.safetensors";

/**
 * Writes and commits the folder. If anything fails, nothing remains.
 * @throws UsageError for asymmetric weights in version `gptq`, which cannot hold them.
 */
export async function writeQuantized(
  source: ModelFiles,
  quantized: Quantized,
  options: WriteOptions,
): Promise<Written> {
  checkKnownOptions<WriteOptions>("writeQuantized", options, OPTIONS);
  const files = filesUnder(source, options.settings.modules);
  const { settings, output, names: spelling = files.spelling, meta = {} } = options;
  const version = options.version ?? (settings.symmetric ? "gptq" : "gptq_v2");
  if (version === "gptq" && !settings.symmetric)
    throw new UsageError("format", "gptq with asymmetric grids", "gptq_v2: version 1 cannot store a zero point of 0");
  return committed(output, async () => {
    const shapes = shapesOfFiles(files);
    const names = renamed(shapes, spelling);
    const recipe = { settings, names, version, meta };
    const tensors = collectTensors(files, shapes, recipe, new MatrixReader(quantized.matrices));
    const trueBytes = await writeWeights(output, tensors);
    const config = configJson(files, recipe);
    await writeText(output, "quantize_config.json", jsonText(config));
    await writeText(
      output,
      "config.json",
      jsonText(withFields(modelJson(files, settings), { quantization_config: config })),
    );
    await copyCompanions(files, output);
    const bits = averageBits(files, settings);
    await writeText(
      output,
      "README.md",
      folderReadme(files, quantized, settings, { spelling, version, bits, trueBytes }),
    );
    return { averageBits: bits, trueBytes };
  });
}

/** Settings of all tensors to write; `names` maps the source's names to the written ones. */
interface WriteRecipe {
  readonly settings: QuantizeSettings;
  readonly names: ReadonlyMap<string, string>;
  readonly version: GptqVersion;
  readonly meta: JsonObject;
}

function collectTensors(
  files: ModelFiles,
  shapes: ModelShapes,
  { settings, names, version }: WriteRecipe,
  read: MatrixReader,
): readonly TensorToWrite[] {
  return listTensors<TensorToWrite>(shapes, names, {
    packed: (linear, name) => {
      const setting = settingOf(settings, linear);
      return setting.bits === 16 ? undefined : packedTensors(linear, setting, name, read, version);
    },
    float: (_, index, name) => floatTensor(files, files.linears[index], name),
    bias: (_, index, { name }) => copyOf((files.linears[index].stored.bias as StoredVector).tensor, name),
    other: ({ name }) => copyOf(requireTensor(files.index, name)),
  });
}

/** The tensors of a packed linear, each made when it is written. The file has all integers first, so scales are read in a second pass. */
function packedTensors(
  { name: linear, rows, cols }: LinearShape,
  { bits, groupSize }: ModuleSetting,
  name: string,
  read: MatrixReader,
  version: GptqVersion,
): readonly TensorToWrite[] {
  const shape = { rows, cols, groups: groupCount(cols, groupSize), bits: bits as Bits };
  return gptqTensorSpecs(name, shape).map((spec, part) => ({
    ...spec,
    async *pieces() {
      if (spec.dtype === "F16") {
        yield gptqScales(await read.scales(linear), rows, shape.groups);
      } else yield gptqBytes(await read.matrix(linear), version, part);
    },
  }));
}

/** Reads matrices for writing. It keeps the last one, whose tensors are written one after the other. */
class MatrixReader {
  readonly #matrices: QuantizedMatrices;
  #last: { readonly name: string; readonly matrix: QuantizedMatrix } | undefined;

  constructor(matrices: QuantizedMatrices) {
    this.#matrices = matrices;
  }

  async matrix(name: string): Promise<QuantizedMatrix> {
    if (this.#last?.name !== name) this.#last = { name, matrix: this.#found(name, await this.#matrices.get(name)) };
    return this.#last.matrix;
  }

  async scales(name: string): Promise<Float32Array> {
    this.#last = undefined;
    return this.#found(name, await this.#matrices.scales(name));
  }

  #found<T>(name: string, value: T | undefined): T {
    if (value !== undefined) return value;
    throw new UsageError(`module ${name}`, "no quantised matrix", "one, because the settings give it bits");
  }
}

/** A linear that stays float. A linear of a fused bank becomes a separate tensor. */
export function floatTensor(files: ModelFiles, linear: StoredLinear, name: string): TensorToWrite {
  const { stored } = linear;
  if (stored.kind !== "float") throw new UsageError(files.name, "a model that is quantised already", "a float model");
  return copyOf(stored.tensor, `${name}.weight`);
}

async function writeWeights(output: OutputFolder, tensors: readonly TensorToWrite[]): Promise<number> {
  const file = await output.file(WEIGHTS_FILE);
  const bytes = await writeSafetensors(file, tensors);
  await file.close();
  return bytes;
}

/** Readers that tie the head as config.json says would not look for a packed one. */
function modelJson({ json, linears }: ModelFiles, settings: QuantizeSettings): JsonObject {
  const head = linears.find(({ role }) => role === "head");
  const isPacked = head !== undefined && settingOf(settings, head).bits !== 16;
  return isPacked ? withFields(json, { tie_word_embeddings: false }) : json;
}

function configJson(files: ModelFiles, { settings, names, version, meta }: WriteRecipe): JsonObject {
  // Other readers know no settings of an embedding, so only a packed one is named.
  const modules = files.linears
    .filter((linear) => linear.role !== "embedding" || settingOf(settings, linear).bits !== 16)
    .map((linear) => ({ name: names.get(linear.name) as string, ...settingOf(settings, linear) }));
  const base = mostFrequent(modules);
  const descAct = settings.method === "gptq" && settings.actOrder === "desc" && !settings.staticGroups;
  return writeGptqConfig({
    ...base,
    symmetric: settings.symmetric,
    descAct,
    version,
    modules,
    engineVersion: VERSION,
    meta: { ...settingsMeta(settings), ...meta },
  });
}

/** The most common setting. Modules that differ from it get a rule. */
function mostFrequent(modules: readonly WrittenModule[]): { bits: Bits; groupSize: number } {
  const counts = new Map<string, { bits: Bits; groupSize: number; count: number }>();
  for (const { bits, groupSize } of modules) {
    if (bits === 16) continue;
    const known = counts.get(`${bits}/${groupSize}`) ?? { bits, groupSize, count: 0 };
    counts.set(`${bits}/${groupSize}`, { ...known, count: known.count + 1 });
  }
  const [most] = [...counts.values()].sort((a, b) => b.count - a.count);
  return { bits: most?.bits ?? 4, groupSize: most?.groupSize ?? 128 };
}
