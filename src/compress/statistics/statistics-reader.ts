/** Reads the files that statistics-file.ts writes, tensor by tensor. */
import { FormatError } from "../../base/errors.ts";
import { parseJson } from "../../base/json.ts";
import type { ContentHashes } from "../../format/content-hashes.ts";
import { MetadataReader } from "../../format/metadata.ts";
import type { TensorFile } from "../../format/safetensors.ts";
import { readTensor } from "../../format/tensor-index.ts";
import { LINEAR_SITES, type LinearSite } from "../../model/weights/sites.ts";
import { DAMAGE_BITS, type DamageTable, damagesOf } from "./damage-table.ts";
import {
  type BlockStatistics,
  DISTANCE_BITS,
  type ExpertDistance,
  type ExpertPairs,
  type InputStatistics,
  type Statistics,
  starvedOf,
} from "./statistics.ts";
import { checkTriangle } from "./statistics-check.ts";

export const FORMAT = "quern-statistics";
export const STATISTICS_VERSION = "3";

/** A file whose tensors are checked against its hashes as they are read, if it has any. */
export interface HashedFile extends TensorFile {
  readonly hashes: ContentHashes | undefined;
}

/** Reads all statistics. @throws FormatError naming the field or tensor that is missing or malformed. */
export async function readParts(file: HashedFile): Promise<Statistics> {
  const read = new MetadataReader(file);
  read.word("format", [FORMAT]);
  read.word("version", [STATISTICS_VERSION]);
  const tokenHashes = read.text("tokens_sha256").split(" ");
  if (!tokenHashes.every((hash) => /^[0-9a-f]{64}$/.test(hash))) read.fail("tokens_sha256", "SHA-256s in hex");
  const place = await readTyped(file, "experts.place", "I32", [undefined, 2]);
  const n = place.length / 2;
  const tokens = await readTyped(file, "experts.tokens", "F64", [n]);
  const gateSums = await readTyped(file, "experts.gateSum", "F64", [n]);
  const experts = Array.from(tokens, (count, i) => {
    return { layer: place[2 * i], expert: place[2 * i + 1], tokens: count, gateSum: gateSums[i] };
  });
  const inputs = await readInputs(file);
  const distances = await readDistances(file, experts);
  const linears = await readLinears(file, read);
  const damage = await readDamage(file, read, linears);
  return {
    modelHash: read.hash("model_sha256"),
    tokenHashes,
    tokens: read.count("tokens"),
    windows: read.count("windows"),
    experts,
    pairs: await readPairs(file),
    blocks: await readBlocks(file),
    linears,
    inputs,
    ...(distances === undefined ? {} : { distances }),
    ...(damage === undefined ? {} : { damage }),
    starved: starvedOf(experts, inputs.find(({ site }) => site === "experts")?.cols ?? 0),
  };
}

type Typed = Float64Array | Float32Array | Int32Array;
const ARRAYS = { F64: Float64Array, F32: Float32Array, I32: Int32Array } as const;

/** A tensor of this type and shape. An undefined size matches any size. */
async function readTyped<D extends keyof typeof ARRAYS>(
  file: HashedFile,
  name: string,
  dtype: D,
  shape: readonly (number | undefined)[],
): Promise<InstanceType<(typeof ARRAYS)[D]>> {
  const entry = file.entries.get(name);
  const where = `${file.name}: tensor ${name}`;
  if (entry === undefined) throw new FormatError(where, "found no such tensor, expected one");
  const fits =
    entry.shape.length === shape.length && shape.every((size, i) => (size ?? entry.shape[i]) === entry.shape[i]);
  if (entry.dtype !== dtype || !fits) {
    const expected = `${dtype} [${shape.map((size) => size ?? "any").join(", ")}]`;
    throw new FormatError(where, `found ${entry.dtype} [${entry.shape.join(", ")}], expected ${expected}`);
  }
  const bytes = new Uint8Array(entry.byteLength);
  await readTensor(entry, bytes);
  await file.hashes?.check(name, bytes);
  const values: Typed = new ARRAYS[dtype](bytes.buffer);
  return values as InstanceType<(typeof ARRAYS)[D]>;
}

async function readPairs(file: HashedFile): Promise<readonly ExpertPairs[]> {
  const layers = [...file.entries.keys()].flatMap((name) => /^pairs\.(\d{1,6})$/.exec(name)?.[1] ?? []).map(Number);
  const pairs: ExpertPairs[] = [];
  for (const layer of layers.sort((a, b) => a - b)) {
    const size = file.entries.get(`pairs.${layer}`)!.shape[0];
    pairs.push({ layer, counts: await readTyped(file, `pairs.${layer}`, "F64", [size, size]) });
  }
  return pairs;
}

async function readBlocks(file: HashedFile): Promise<readonly BlockStatistics[]> {
  const layers = await readTyped(file, "blocks.layer", "I32", [undefined]);
  const column = (name: string) => readTyped(file, `blocks.${name}`, "F64", [layers.length]);
  const [cosine, cosineModule] = [await column("cosine"), await column("cosineModule")];
  const predicted = file.entries.has("blocks.predicted") ? await column("predicted") : undefined;
  return Array.from(layers, (layer, i) => {
    const block = { layer, cosine: cosine[i], cosineModule: cosineModule[i] };
    return predicted === undefined || Number.isNaN(predicted[i]) ? block : { ...block, predicted: predicted[i] };
  });
}

async function readLinears(file: HashedFile, read: MetadataReader): Promise<Statistics["linears"]> {
  const names = parseJson(read.text("linears"), `${file.name}: __metadata__.linears`);
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string"))
    return read.fail("linears", "names of linears");
  if (names.length === 0) return [];
  const outlier = await readTyped(file, "linears.outlier", "F64", [names.length]);
  const kurtosis = await readTyped(file, "linears.kurtosis", "F64", [names.length]);
  return names.map((name, i) => ({ name: String(name), outlier: outlier[i], kurtosis: kurtosis[i] }));
}

async function readDamage(
  file: HashedFile,
  read: MetadataReader,
  linears: Statistics["linears"],
): Promise<DamageTable | undefined> {
  if (!file.entries.has("damage")) return undefined;
  const values = await readTyped(file, "damage", "F64", [linears.length, DAMAGE_BITS.length]);
  if (!values.every((value) => value >= 0 && Number.isFinite(value)))
    throw new FormatError(`${file.name}: tensor damage`, "found a negative or infinite value, expected nats of KL");
  return {
    measuredAs: read.text("damage"),
    damages: damagesOf(
      linears.map(({ name }) => name),
      values,
    ),
  };
}

/** By layer, and within a layer in the order of the forward pass. */
async function readInputs(file: HashedFile): Promise<readonly InputStatistics[]> {
  const layers = new Set<number>();
  for (const name of file.entries.keys()) {
    const [, layer] = /^inputs\.(\d{1,6})\./.exec(name) ?? [];
    if (layer !== undefined) layers.add(Number(layer));
  }
  const inputs: InputStatistics[] = [];
  for (const layer of [...layers].sort((a, b) => a - b))
    for (const site of LINEAR_SITES)
      if (file.entries.has(`inputs.${layer}.${site}.tokens`)) inputs.push(await readInput(file, layer, site));
  return inputs;
}

async function readInput(file: HashedFile, layer: number, site: LinearSite): Promise<InputStatistics> {
  const name = `inputs.${layer}.${site}`;
  const tokens = await readTyped(file, `${name}.tokens`, "F64", [undefined]);
  const experts = tokens.length;
  const channelMax = await readTyped(file, `${name}.channelMax`, "F32", [experts, undefined]);
  const cols = channelMax.length / experts;
  const hessianDiagonal = await readTyped(file, `${name}.hessianDiagonal`, "F64", [experts, cols]);
  const input = { layer, site, experts, cols, tokens, channelMax, hessianDiagonal };
  if (!file.entries.has(hessianName(layer, site, 0))) return input;
  const of = async (row: number) => {
    const tensor = hessianName(layer, site, row);
    const triangle = await readTyped(file, tensor, "F64", [(cols * (cols + 1)) / 2]);
    checkTriangle(`${file.name}: tensor ${tensor}`, triangle);
    return triangle;
  };
  return { ...input, hessian: { of } };
}

/** Name of the tensor that holds one row's Hessian. */
export function hessianName(layer: number, site: LinearSite, row: number): string {
  return `inputs.${layer}.${site}.hessian.${row}`;
}

async function readDistances(
  file: HashedFile,
  experts: Statistics["experts"],
): Promise<readonly ExpertDistance[] | undefined> {
  if (!file.entries.has("distances.energy")) return undefined;
  const width = DISTANCE_BITS.length;
  const energy = await readTyped(file, "distances.energy", "F64", [experts.length]);
  const errors = await readTyped(file, "distances.errors", "F64", [experts.length, width]);
  return experts.map(({ layer, expert }, i) => {
    const at = DISTANCE_BITS.map((bits, b) => [bits, errors[i * width + b]]);
    return { layer, expert, energy: energy[i], errors: Object.fromEntries(at) as ExpertDistance["errors"] };
  });
}
