/** Writes a quantised model as a GPTQ checkpoint folder: weights, settings, tokenizer, and a README that says what it is. */
import { UsageError } from "../errors.ts";
import { baseSetting, dynamicRules, gptqConfigJson, type WrittenModule } from "../format/gptq-config-writer.ts";
import type { GptqVersion } from "../format/gptq-packing.ts";
import { gptqTensors } from "../format/gptq-tensors.ts";
import { committed, type OutputFolder } from "../format/output.ts";
import type { TensorEntry } from "../format/safetensors.ts";
import { type TensorSource, tensorOf, writeSafetensors } from "../format/safetensors-writer.ts";
import { readAll } from "../format/source.ts";
import type { Spelling } from "../model/families/family.ts";
import type { Placement } from "../model/locate.ts";
import type { ModelFiles } from "../model/model.ts";
import { modelSlots, type Slot } from "../model/slots.ts";
import type { QuantizedMatrix } from "../quant/grid.ts";
import { VERSION } from "../version.ts";
import { plainCodes, type Quantized } from "./quantize.ts";
import { folderReadme } from "./readme.ts";
import { averageBits, type QuantizeSettings } from "./settings.ts";

export interface WriteOptions {
  /** Spelling of module names; by default the source folder's. */
  readonly names?: Spelling;
  /** Zero points stored minus one (`gptq`, the most widely read) or as they are. By default v1 where symmetric, else v2. */
  readonly version?: GptqVersion;
  /** Added to the settings' `meta`. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

export interface Written {
  readonly averageBits: number;
  /** Bytes of the weight file. */
  readonly trueBytes: number;
}

/** Files that go along unchanged where the source folder has them. */
const COMPANIONS = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
  "generation_config.json",
  "chat_template.jinja",
];
const WEIGHTS = "model.safetensors";
const MAX_COMPANION_BYTES = 200_000_000;

/** Writes and commits; on any failure nothing remains. @throws UsageError for asymmetric weights in version `gptq` that it cannot hold. */
export async function writeQuantized(
  files: ModelFiles,
  quantized: Quantized,
  settings: QuantizeSettings,
  output: OutputFolder,
  options: WriteOptions = {},
): Promise<Written> {
  const spelling = options.names ?? files.spelling;
  const version = options.version ?? (settings.symmetric ? "gptq" : "gptq_v2");
  if (version === "gptq" && !settings.symmetric)
    throw new UsageError("format", "gptq with asymmetric grids", "gptq_v2: version 1 cannot store a zero point of 0");
  return committed(output, async () => {
    const names = renamed(files, spelling);
    const tensors = collectTensors(files, quantized, names, version);
    const trueBytes = await writeWeights(output, tensors);
    const config = configJson(files, quantized, settings, names, version, options.meta ?? {});
    await writeText(output, "quantize_config.json", json(config));
    await writeText(output, "config.json", json({ ...files.json, quantization_config: config }));
    for (const file of COMPANIONS) await copy(files, output, file);
    const bits = averageBits(files, settings);
    await writeText(
      output,
      "README.md",
      folderReadme(files, quantized, settings, { spelling, version, bits, trueBytes }),
    );
    return { averageBits: bits, trueBytes };
  });
}

/** Each linear's name in the wanted spelling, by its name in the source. */
function renamed(files: ModelFiles, spelling: Spelling): ReadonlyMap<string, string> {
  const wanted = modelSlots(files.family, files.config, spelling);
  return new Map(files.placements.map(({ slot }, index) => [slot.name, wanted[index].name]));
}

function collectTensors(
  files: ModelFiles,
  quantized: Quantized,
  names: ReadonlyMap<string, string>,
  version: GptqVersion,
): readonly TensorSource[] {
  const tensors: TensorSource[] = [];
  const taken = new Set<TensorEntry>();
  for (const placement of files.placements) {
    if (placement.kind === "packed")
      throw new UsageError(files.name, "a model that is quantised already", "a float model");
    taken.add(placement.entry);
    const name = names.get(placement.slot.name) as string;
    const matrix = quantized.matrices.get(placement.slot.name);
    if (matrix === undefined) tensors.push(floatTensor(placement, name));
    else tensors.push(...packedTensors(name, matrix, version));
  }
  for (const entry of files.index.entries.values())
    if (!taken.has(entry) && isNorm(entry.name)) tensors.push(copied(entry));
  return tensors;
}

/** What the forward pass reads beside linears; anything else in the file (old buffers, training leftovers) is left behind. */
function isNorm(name: string): boolean {
  return name.endsWith("norm.weight");
}

function packedTensors(name: string, matrix: QuantizedMatrix, version: GptqVersion): readonly TensorSource[] {
  const plain = { ...plainCodes(matrix), gIdx: matrix.gIdx };
  return gptqTensors(name, plain, version).map((tensor) =>
    tensorOf(tensor.name, tensor.dtype, tensor.shape, tensor.bytes),
  );
}

function copied(entry: TensorEntry): TensorSource {
  return {
    name: entry.name,
    dtype: entry.dtype,
    shape: entry.shape,
    write: (sink) => copyBytes(entry, 0, entry.byteLength, sink),
  };
}

/** A linear that stays float; one of a fused bank becomes a tensor of its own. */
function floatTensor(placement: Placement & { kind: "float" }, name: string): TensorSource {
  const { slot, entry, rowOffset } = placement;
  const bytes = (entry.dtype === "F32" ? 4 : 2) * slot.cols;
  const shape = [slot.rows, slot.cols];
  const write: TensorSource["write"] = (sink) => copyBytes(entry, rowOffset * bytes, slot.rows * bytes, sink);
  return { name: `${name}.weight`, dtype: entry.dtype, shape, write };
}

const PIECE = 8 << 20;

async function copyBytes(
  entry: TensorEntry,
  from: number,
  length: number,
  sink: { write(bytes: Uint8Array): Promise<void> },
): Promise<void> {
  for (let done = 0; done < length; done += PIECE) {
    const piece = new Uint8Array(Math.min(PIECE, length - done));
    await entry.source.read(entry.offset + from + done, piece);
    await sink.write(piece);
  }
}

async function writeWeights(output: OutputFolder, tensors: readonly TensorSource[]): Promise<number> {
  const file = await output.file(WEIGHTS);
  let bytes = 0;
  const counted = {
    async write(piece: Uint8Array) {
      bytes += piece.byteLength;
      await file.write(piece);
    },
    close: () => file.close(),
  };
  await writeSafetensors(counted, tensors);
  await counted.close();
  return bytes;
}

function configJson(
  files: ModelFiles,
  quantized: Quantized,
  settings: QuantizeSettings,
  names: ReadonlyMap<string, string>,
  version: GptqVersion,
  meta: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const modules = files.placements
    .map(({ slot }) => slot)
    .filter((slot) => slot.role !== "embedding")
    .map((slot) => writtenModule(slot, names, quantized));
  const base = baseSetting(modules);
  const descAct = settings.method === "gptq" && settings.actOrder === "desc" && !settings.staticGroups;
  return gptqConfigJson({
    base,
    symmetric: settings.symmetric,
    descAct,
    version,
    dynamic: dynamicRules(modules, base),
    meta: {
      quantizer: [`quern:${VERSION}`],
      method: settings.method,
      damp_percent: settings.dampPercent,
      static_groups: settings.staticGroups,
      true_sequential: true,
      act_group_aware: settings.actOrder === "gar",
      clip: settings.clip,
      ...meta,
    },
  });
}

function writtenModule(slot: Slot, names: ReadonlyMap<string, string>, quantized: Quantized): WrittenModule {
  const matrix = quantized.matrices.get(slot.name);
  const name = names.get(slot.name) as string;
  if (matrix === undefined) return { name, bits: 16, groupSize: -1 };
  return { name, bits: matrix.bits as 2 | 3 | 4 | 8, groupSize: matrix.groupSize };
}

async function copy(files: ModelFiles, output: OutputFolder, file: string): Promise<void> {
  const source = await files.folder.open(file);
  if (source === undefined) return;
  try {
    const sink = await output.file(file);
    await sink.write(await readAll(source, MAX_COMPANION_BYTES));
    await sink.close();
  } finally {
    await source.close?.();
  }
}

async function writeText(output: OutputFolder, file: string, text: string): Promise<void> {
  const sink = await output.file(file);
  await sink.write(new TextEncoder().encode(text));
  await sink.close();
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
