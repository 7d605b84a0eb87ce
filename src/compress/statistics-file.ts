/**
 * Statistics in a safetensors file. `__metadata__`: format, version, hashes of model and tokens, counts, the names of the linears.
 * Tensors: `experts.place` I32 [n, 2] (layer, expert), `experts.tokens`, `experts.gateSum` F64 [n]; `pairs.LAYER` F64 [E, E];
 * `blocks.layer` I32 [L], `blocks.cosine`, `blocks.cosineModule`, `blocks.predicted` F64 [L] (NaN where there is none);
 * `linears.outlier`, `linears.kurtosis` F64 [m]; `inputs.LAYER.SITE.` + `tokens` F64 [E], `channelMax` F32 [E, K],
 * `hessianDiagonal` F64 [E, K], `hessian` F64 [E, K (K + 1) / 2]; `distances.energy` F64 [n], `distances.errors` F64 [n, 3];
 * `damage` F64 [m, 4] (2, 3, 4 and 8 bits) with `damage` in the metadata saying how it was measured.
 */
import { FormatError } from "../errors.ts";
import { asObject, parseJson } from "../format/json.ts";
import { MetadataReader } from "../format/metadata.ts";
import type { OutputFile } from "../format/output.ts";
import { openSafetensors, readTensor, type TensorFile } from "../format/safetensors.ts";
import { type TensorToWrite, tensorOf, writeSafetensors } from "../format/safetensors-writer.ts";
import type { ByteSource } from "../format/source.ts";
import type { CalibrationIdentity, PartialStatistics } from "./calibrate.ts";
import { committed } from "./committed.ts";
import { DAMAGE_BITS, type DamageTable, damagesOf, damageValues } from "./damage/damage-table.ts";
import {
  type BlockStatistics,
  DISTANCE_BITS,
  type ExpertDistance,
  type ExpertPairs,
  type InputStatistics,
  type LinearSite,
  type Statistics,
  starvedOf,
} from "./statistics.ts";

const FORMAT = "quern-statistics";
const VERSION = "2";

/** Writes and commits; on any failure nothing remains. */
export async function writeStatistics(output: OutputFile, statistics: Statistics): Promise<void> {
  await committed(output, () => writeFile(output, statistics, {}));
}

/** The same for a run that is not done; only `readPartialStatistics` takes it. */
export async function writePartialStatistics(output: OutputFile, partial: PartialStatistics): Promise<void> {
  const run = JSON.stringify(partial.identity);
  await committed(output, () => writeFile(output, partial.statistics, { run }));
}

/** @throws FormatError naming the field or tensor that is missing or odd. */
export async function readStatistics(source: ByteSource): Promise<Statistics> {
  const file = await openSafetensors(source);
  if (file.metadata.has("run"))
    throw new FormatError(file.name, "found an unfinished run, expected statistics; finish it with --resume");
  return readFile(file);
}

export async function readPartialStatistics(source: ByteSource): Promise<PartialStatistics> {
  const file = await openSafetensors(source);
  const where = `${file.name}: __metadata__.run`;
  const identity = asObject(parseJson(file.metadata.get("run") ?? "null", where), where);
  return { identity: identity as unknown as CalibrationIdentity, statistics: await readFile(file) };
}

async function writeFile(output: OutputFile, statistics: Statistics, more: Record<string, string>): Promise<void> {
  const { modelHash, tokenHashes, tokens, windows, linears } = statistics;
  await writeSafetensors(output, tensorsOf(statistics), {
    format: FORMAT,
    version: VERSION,
    model_sha256: modelHash,
    tokens_sha256: tokenHashes.join(" "),
    tokens: String(tokens),
    windows: String(windows),
    linears: JSON.stringify(namesOf(linears)),
    ...(statistics.damage === undefined ? {} : { damage: statistics.damage.measuredAs }),
    ...more,
  });
}

const i32 = (name: string, shape: readonly number[], values: readonly number[]) =>
  tensorOf(name, "I32", shape, Int32Array.from(values));
const f64 = (name: string, shape: readonly number[], values: ArrayLike<number>) =>
  tensorOf(name, "F64", shape, values instanceof Float64Array ? values : Float64Array.from(values));

function tensorsOf(statistics: Statistics): readonly TensorToWrite[] {
  const { experts, pairs, blocks, linears, inputs, distances, damage } = statistics;
  const [n, L, m] = [experts.length, blocks.length, linears.length];
  const column = <T>(name: string, items: readonly T[], value: (item: T) => number) =>
    f64(name, [items.length], items.map(value));
  return [
    i32(
      "experts.place",
      [n, 2],
      experts.flatMap((e) => [e.layer, e.expert]),
    ),
    column("experts.tokens", experts, (e) => e.tokens),
    column("experts.gateSum", experts, (e) => e.gateSum),
    ...pairs.map(({ layer, counts }) => {
      const size = Math.round(Math.sqrt(counts.length));
      return f64(`pairs.${layer}`, [size, size], counts);
    }),
    i32(
      "blocks.layer",
      [L],
      blocks.map((b) => b.layer),
    ),
    column("blocks.cosine", blocks, (b) => b.cosine),
    column("blocks.cosineModule", blocks, (b) => b.cosineModule),
    ...(blocks.some((b) => b.predicted !== undefined)
      ? [column("blocks.predicted", blocks, (b) => b.predicted ?? Number.NaN)]
      : []),
    ...(m === 0 ? [] : [column("linears.outlier", linears, (l) => l.outlier)]),
    ...(m === 0 ? [] : [column("linears.kurtosis", linears, (l) => l.kurtosis)]),
    ...inputs.flatMap(inputTensors),
    ...(distances === undefined ? [] : distanceTensors(distances)),
    ...(damage === undefined ? [] : [f64("damage", [m, DAMAGE_BITS.length], damageValues(damage, namesOf(linears)))]),
  ];
}

function namesOf(linears: Statistics["linears"]): readonly string[] {
  return linears.map(({ name }) => name);
}

function inputTensors(input: InputStatistics): readonly TensorToWrite[] {
  const { layer, site, experts, cols, tokens, channelMax, hessianDiagonal, hessian } = input;
  const name = `inputs.${layer}.${site}`;
  return [
    f64(`${name}.tokens`, [experts], tokens),
    tensorOf(`${name}.channelMax`, "F32", [experts, cols], channelMax),
    f64(`${name}.hessianDiagonal`, [experts, cols], hessianDiagonal),
    ...(hessian === undefined ? [] : [f64(`${name}.hessian`, [experts, (cols * (cols + 1)) / 2], hessian)]),
  ];
}

function distanceTensors(distances: readonly ExpertDistance[]): readonly TensorToWrite[] {
  const errors = distances.flatMap((distance) => DISTANCE_BITS.map((bits) => distance.errors[bits]));
  const energies = distances.map(({ energy }) => energy);
  return [
    f64("distances.energy", [distances.length], energies),
    f64("distances.errors", [distances.length, DISTANCE_BITS.length], errors),
  ];
}

async function readFile(file: TensorFile): Promise<Statistics> {
  const read = new MetadataReader(file);
  read.word("format", [FORMAT]);
  read.word("version", [VERSION]);
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

/** A tensor of this type and shape; undefined sizes may be any. */
async function readTyped<D extends keyof typeof ARRAYS>(
  file: TensorFile,
  name: string,
  dtype: D,
  shape: readonly (number | undefined)[],
): Promise<InstanceType<(typeof ARRAYS)[D]>> {
  const entry = file.entries.get(name);
  const where = `${file.name}: tensor ${name}`;
  if (entry === undefined) throw new FormatError(where, "found nothing, expected one");
  const fits =
    entry.shape.length === shape.length && shape.every((size, i) => (size ?? entry.shape[i]) === entry.shape[i]);
  if (entry.dtype !== dtype || !fits) {
    const expected = `${dtype} [${shape.map((size) => size ?? "any").join(", ")}]`;
    throw new FormatError(where, `found ${entry.dtype} [${entry.shape.join(", ")}], expected ${expected}`);
  }
  const bytes = new Uint8Array(entry.byteLength);
  await readTensor(entry, bytes);
  const values: Typed = new ARRAYS[dtype](bytes.buffer);
  return values as InstanceType<(typeof ARRAYS)[D]>;
}

async function readPairs(file: TensorFile): Promise<readonly ExpertPairs[]> {
  const layers = [...file.entries.keys()].flatMap((name) => /^pairs\.(\d{1,6})$/.exec(name)?.[1] ?? []).map(Number);
  const pairs: ExpertPairs[] = [];
  for (const layer of layers.sort((a, b) => a - b)) {
    const size = file.entries.get(`pairs.${layer}`)!.shape[0];
    pairs.push({ layer, counts: await readTyped(file, `pairs.${layer}`, "F64", [size, size]) });
  }
  return pairs;
}

async function readBlocks(file: TensorFile): Promise<readonly BlockStatistics[]> {
  const layers = await readTyped(file, "blocks.layer", "I32", [undefined]);
  const column = (name: string) => readTyped(file, `blocks.${name}`, "F64", [layers.length]);
  const [cosine, cosineModule] = [await column("cosine"), await column("cosineModule")];
  const predicted = file.entries.has("blocks.predicted") ? await column("predicted") : undefined;
  return Array.from(layers, (layer, i) => {
    const block = { layer, cosine: cosine[i], cosineModule: cosineModule[i] };
    return predicted === undefined || Number.isNaN(predicted[i]) ? block : { ...block, predicted: predicted[i] };
  });
}

async function readLinears(file: TensorFile, read: MetadataReader): Promise<Statistics["linears"]> {
  const names = parseJson(read.text("linears"), `${file.name}: __metadata__.linears`);
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string"))
    return read.fail("linears", "names of linears");
  if (names.length === 0) return [];
  const outlier = await readTyped(file, "linears.outlier", "F64", [names.length]);
  const kurtosis = await readTyped(file, "linears.kurtosis", "F64", [names.length]);
  return names.map((name, i) => ({ name: String(name), outlier: outlier[i], kurtosis: kurtosis[i] }));
}

async function readDamage(
  file: TensorFile,
  read: MetadataReader,
  linears: Statistics["linears"],
): Promise<DamageTable | undefined> {
  if (!file.entries.has("damage")) return undefined;
  const values = await readTyped(file, "damage", "F64", [linears.length, DAMAGE_BITS.length]);
  if (!values.every((value) => value >= 0 && Number.isFinite(value)))
    throw new FormatError(`${file.name}: tensor damage`, "found a negative or infinite value, expected nats of KL");
  return { measuredAs: read.text("damage"), damages: damagesOf(namesOf(linears), values) };
}

const SITES: readonly LinearSite[] = [
  ...(["attention", "output", "router", "experts", "expertsDown"] as const),
  ...(["shared", "sharedDown", "dense", "denseDown"] as const),
];

/** By layer, and in a layer as the forward pass meets them. */
async function readInputs(file: TensorFile): Promise<readonly InputStatistics[]> {
  const layers = new Set<number>();
  for (const name of file.entries.keys()) {
    const [, layer] = /^inputs\.(\d{1,6})\./.exec(name) ?? [];
    if (layer !== undefined) layers.add(Number(layer));
  }
  const inputs: InputStatistics[] = [];
  for (const layer of [...layers].sort((a, b) => a - b))
    for (const site of SITES)
      if (file.entries.has(`inputs.${layer}.${site}.tokens`)) inputs.push(await readInput(file, layer, site));
  return inputs;
}

async function readInput(file: TensorFile, layer: number, site: LinearSite): Promise<InputStatistics> {
  const name = `inputs.${layer}.${site}`;
  const tokens = await readTyped(file, `${name}.tokens`, "F64", [undefined]);
  const experts = tokens.length;
  const channelMax = await readTyped(file, `${name}.channelMax`, "F32", [experts, undefined]);
  const cols = channelMax.length / experts;
  const hessianDiagonal = await readTyped(file, `${name}.hessianDiagonal`, "F64", [experts, cols]);
  const hessian = file.entries.has(`${name}.hessian`)
    ? { hessian: await readTyped(file, `${name}.hessian`, "F64", [experts, (cols * (cols + 1)) / 2]) }
    : {};
  return { layer, site, experts, cols, tokens, channelMax, hessianDiagonal, ...hessian };
}

async function readDistances(
  file: TensorFile,
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
