/**
 * Statistics in a safetensors file. `__metadata__`: format, version, hashes of model and tokens, counts, the names of the linears.
 * Tensors: `experts.place` I32 [n, 2] (layer, expert), `experts.tokens`, `experts.gateSum` F64 [n]; `pairs.LAYER` F64 [E, E];
 * `blocks.layer` I32 [L], `blocks.cosine`, `blocks.cosineModule`, `blocks.predicted` F64 [L] (NaN if there is none);
 * `linears.outlier`, `linears.kurtosis` F64 [m]; `inputs.LAYER.SITE.` + `tokens` F64 [E], `channelMax` F32 [E, K],
 * `hessianDiagonal` F64 [E, K], `hessian.ROW` F64 [K (K + 1) / 2]; `distances.energy` F64 [n], `distances.errors` F64 [n, 3];
 * `damage` F64 [m, 4] (2, 3, 4 and 8 bits) with `damage` in the metadata stating how it was measured; `sha256` in the metadata holds
 * the hashes of all tensors and metadata (format/content-hashes.ts). Files of version 0.1.0 have no hashes, files of an unfinished run always do.
 */
import { FormatError } from "../../base/errors.ts";
import { asObject, parseJson } from "../../base/json.ts";
import type { OutputFile } from "../../files/output.ts";
import { committed } from "../../files/output.ts";
import type { ByteSource } from "../../files/source.ts";
import { ContentHashes, withContentHashes } from "../../format/content-hashes.ts";
import { openSafetensors, type TensorFile } from "../../format/safetensors.ts";
import { type TensorToWrite, tensorOf, writeSafetensors } from "../../format/safetensors-writer.ts";
import type { CalibrationIdentity, PartialStatistics } from "./calibrate.ts";
import { DAMAGE_BITS, damageValues } from "./damage-table.ts";
import { DISTANCE_BITS, type ExpertDistance, type InputStatistics, type Statistics } from "./statistics.ts";
import { checkStatistics, checkTriangle } from "./statistics-check.ts";
import { FORMAT, type HashedFile, hessianName, readParts, STATISTICS_VERSION } from "./statistics-reader.ts";
import type { Triangles } from "./triangles.ts";

/** Writes and commits the file. If anything fails, nothing remains. */
export async function writeStatistics(output: OutputFile, statistics: Statistics): Promise<void> {
  await committed(output, () => writeFile(output, statistics, {}));
}

/** The same for an unfinished run. Only `readPartialStatistics` reads such a file. */
export async function writePartialStatistics(output: OutputFile, partial: PartialStatistics): Promise<void> {
  const run = JSON.stringify(partial.identity);
  await committed(output, () => writeFile(output, partial.statistics, { run }));
}

/**
 * Reads statistics. Whole Hessians are read later, so the source must stay open as long as they are used.
 * @throws FormatError naming the field or tensor that is missing or malformed.
 */
export async function readStatistics(source: ByteSource): Promise<Statistics> {
  const file = await openSafetensors(source);
  if (file.metadata.has("run"))
    throw new FormatError(file.name, "found an unfinished run, expected statistics; finish it with --resume");
  return readFile(file);
}

/** Reads the results of an interrupted run, as `readStatistics` does. @throws FormatError if the file does not hold such a run. */
export async function readPartialStatistics(source: ByteSource): Promise<PartialStatistics> {
  const file = await openSafetensors(source);
  const where = `${file.name}: __metadata__.run`;
  const identity = asObject(parseJson(file.metadata.get("run") ?? "null", where), where);
  if ((await ContentHashes.of(file)) === undefined)
    throw new FormatError(
      file.name,
      "found no SHA-256 of its contents, expected those of an unfinished run; begin anew",
    );
  return { identity: identity as unknown as CalibrationIdentity, statistics: await readFile(file) };
}

async function writeFile(output: OutputFile, statistics: Statistics, more: Record<string, string>): Promise<void> {
  const { modelHash, tokenHashes, tokens, windows, linears } = statistics;
  checkStatistics(statistics, output.name);
  const tensors = tensorsOf(statistics);
  const metadata = await withContentHashes(tensors, {
    format: FORMAT,
    version: STATISTICS_VERSION,
    model_sha256: modelHash,
    tokens_sha256: tokenHashes.join(" "),
    tokens: String(tokens),
    windows: String(windows),
    linears: JSON.stringify(namesOf(linears)),
    ...(statistics.damage === undefined ? {} : { damage: statistics.damage.measuredAs }),
    ...more,
  });
  await writeSafetensors(output, tensors, metadata);
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
    ...(hessian === undefined ? [] : triangleTensors(input, hessian)),
  ];
}

/** One tensor per row. Each triangle is read when its tensor is written. */
function triangleTensors(
  { layer, site, experts, cols }: InputStatistics,
  hessian: Triangles,
): readonly TensorToWrite[] {
  return Array.from({ length: experts }, (_, row) => ({
    ...{ name: hessianName(layer, site, row), dtype: "F64", shape: [(cols * (cols + 1)) / 2] },
    async *pieces() {
      const triangle = await hessian.of(row);
      checkTriangle(`tensor ${hessianName(layer, site, row)}`, triangle);
      yield new Uint8Array(triangle.buffer, triangle.byteOffset, triangle.byteLength);
    },
  }));
}

function distanceTensors(distances: readonly ExpertDistance[]): readonly TensorToWrite[] {
  const errors = distances.flatMap((distance) => DISTANCE_BITS.map((bits) => distance.errors[bits]));
  const energies = distances.map(({ energy }) => energy);
  return [
    f64("distances.energy", [distances.length], energies),
    f64("distances.errors", [distances.length, DISTANCE_BITS.length], errors),
  ];
}

async function readFile(opened: TensorFile): Promise<Statistics> {
  const file: HashedFile = { ...opened, hashes: await ContentHashes.of(opened) };
  const statistics = await readParts(file);
  checkStatistics(statistics, file.name);
  return statistics;
}
