/**
 * Reads and writes a finished block as a safetensors file. Each matrix keeps its codes, scales, zeros, g_idx and perm. The metadata
 * holds the reports and starved experts as JSON, and the SHA-256 of every tensor.
 * The file was complete when it got its name, so a wrong hash means damage. The file is then refused, not repaired: other files may be
 * damaged too.
 */
import { FormatError } from "../../base/errors.ts";
import { asObject, describeJson, type JsonValue, parseJson } from "../../base/json.ts";
import type { FileSink } from "../../files/output.ts";
import { sha256 } from "../../files/sha256.ts";
import type { TensorFile } from "../../format/safetensors.ts";
import { type TensorSpec, tensorOf, writeSafetensors } from "../../format/safetensors-writer.ts";
import { readTensor, requireSpec } from "../../format/tensor-index.ts";
import { exactF16 } from "../../tensor/float16.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { firstTooLarge, groupCount } from "../../tensor/quantized-matrix.ts";
import { HeldMatrices } from "../result/held-matrices.ts";
import type { ModuleReport } from "../result/module-report.ts";
import type { QuantizedBlock, StarvedExpert } from "../result/quantized.ts";

/** A matrix that the block must have. */
export interface ExpectedModule {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  readonly bits: Bits;
  readonly groupSize: number;
}

type Part = "codes" | "scales" | "zeros" | "gIdx" | "perm";
const PARTS: readonly Part[] = ["codes", "scales", "zeros", "gIdx", "perm"];

/** Name, type and shape of each part of a matrix in the file. */
function specsOf({ name, rows, cols, groupSize }: ExpectedModule): Readonly<Record<Part, TensorSpec>> {
  const groups = groupCount(cols, groupSize);
  return {
    codes: { name: `${name}.codes`, dtype: "U8", shape: [rows, cols] },
    scales: { name: `${name}.scales`, dtype: "F32", shape: [rows, groups] },
    zeros: { name: `${name}.zeros`, dtype: "U8", shape: [rows, groups] },
    gIdx: { name: `${name}.g_idx`, dtype: "I32", shape: [cols] },
    perm: { name: `${name}.perm`, dtype: "I32", shape: [cols] },
  };
}

export async function writeBlock(sink: FileSink, layer: number, block: QuantizedBlock): Promise<void> {
  const hashes: Record<string, string> = {};
  const tensors = [];
  for (const [name, matrix] of block.matrices) {
    const specs = specsOf({ ...matrix, name, bits: matrix.bits as Bits });
    for (const part of PARTS) {
      const { name: tensor, dtype, shape } = specs[part];
      hashes[tensor] = await sha256(matrix[part] as ArrayBufferView<ArrayBuffer>);
      // The codes of all matrices need not be unpacked at the same time.
      if (part === "codes")
        tensors.push({ ...specs.codes, pieces: () => [(block.matrices.get(name) as QuantizedMatrix).codes] });
      else tensors.push(tensorOf(tensor, dtype, shape, matrix[part]));
    }
  }
  await writeSafetensors(sink, tensors, {
    layer: String(layer),
    modules: JSON.stringify(block.modules),
    starved: JSON.stringify(block.starved),
    sha256: JSON.stringify(hashes),
  });
}

/** An open block file. Reports and starved experts are read at once, matrices when they are requested. */
export interface BlockFile {
  readonly modules: readonly ModuleReport[];
  readonly starved: readonly StarvedExpert[];
  /** @throws FormatError naming file and tensor if its bytes are not those that were written. */
  matrix(module: ExpectedModule): Promise<QuantizedMatrix>;
  /** f32 [rows, groups]. */
  scales(module: ExpectedModule): Promise<Float32Array>;
}

/** Opens a block. @throws FormatError naming the metadata field that is not as expected. */
export function openBlock(file: TensorFile, layer: number, expected: readonly ExpectedModule[]): BlockFile {
  if (file.metadata.get("layer") !== String(layer))
    throw new FormatError(`${file.name}: layer`, `found ${file.metadata.get("layer")}, expected ${layer}`);
  const hashes = asObject(metadata(file, "sha256"), `${file.name}: sha256`);
  const reader = (module: ExpectedModule) => {
    const specs = specsOf(module);
    return (part: Part) => readPart(file, specs[part], hashes[specs[part].name]);
  };
  const scales = async (module: ExpectedModule) => {
    const values = new Float32Array((await reader(module)("scales")).buffer);
    refuse(file, specsOf(module).scales.name, values, values.findIndex(isNoScale), "scales of 16 bits, from 0");
    return values;
  };
  return {
    modules: readReports(file, expected),
    starved: readStarved(file, layer),
    scales,
    async matrix(module) {
      const read = reader(module);
      const { rows, cols, bits, groupSize } = module;
      const matrix = {
        ...{ rows, cols, bits, groupSize, groups: groupCount(cols, groupSize) },
        codes: await read("codes"),
        scales: await scales(module),
        zeros: await read("zeros"),
        gIdx: new Int32Array((await read("gIdx")).buffer),
        perm: new Int32Array((await read("perm")).buffer),
      };
      checkIntegers(file, specsOf(module), matrix);
      return matrix;
    },
  };
}

/** Reads the whole block into memory. @throws FormatError naming file and tensor, or the metadata field. */
export async function readBlock(
  file: TensorFile,
  layer: number,
  expected: readonly ExpectedModule[],
): Promise<QuantizedBlock> {
  const block = openBlock(file, layer, expected);
  const matrices = new HeldMatrices();
  for (const module of expected) matrices.set(module.name, await block.matrix(module));
  return { matrices, modules: block.modules, starved: block.starved };
}

async function readPart(
  file: TensorFile,
  spec: TensorSpec,
  hash: JsonValue | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const entry = requireSpec(file, spec);
  const bytes = new Uint8Array(entry.byteLength);
  await readTensor(entry, bytes);
  const found = await sha256(bytes);
  if (found === hash) return bytes;
  throw new FormatError(
    `${file.name}: tensor ${spec.name}`,
    `found bytes with the SHA-256 ${found}, expected ${describeJson(hash)}; the file is damaged, begin anew with --force`,
  );
}

const isNoScale = (value: number) => !(value >= 0) || exactF16(value) === undefined;

/** Refuses values that would crash a kernel or do not fit the written format, even if the hashes match. */
function checkIntegers(file: TensorFile, specs: Readonly<Record<Part, TensorSpec>>, matrix: QuantizedMatrix): void {
  const { bits, cols, groups, codes, zeros, gIdx, perm } = matrix;
  const outside = (values: Int32Array, end: number) => values.findIndex((value) => value < 0 || value >= end);
  refuse(file, specs.codes.name, codes, firstTooLarge(codes, bits as Bits), `codes of ${bits} bits`);
  refuse(file, specs.zeros.name, zeros, firstTooLarge(zeros, bits as Bits), `zeros of ${bits} bits`);
  refuse(file, specs.gIdx.name, gIdx, outside(gIdx, groups), `groups below ${groups}`);
  refuse(file, specs.perm.name, perm, outside(perm, cols), `columns below ${cols}`);
}

/** Refuses the value at `at`, unless that is -1. */
function refuse(file: TensorFile, tensor: string, values: ArrayLike<number>, at: number, expected: string): void {
  if (at < 0) return;
  throw new FormatError(`${file.name}: tensor ${tensor}`, `found ${values[at]} at element ${at}, expected ${expected}`);
}

function metadata(file: TensorFile, field: string): JsonValue {
  return parseJson(file.metadata.get(field) ?? "null", `${file.name}: ${field}`);
}

/** One report for each expected matrix. */
function readReports(file: TensorFile, expected: readonly ExpectedModule[]): readonly ModuleReport[] {
  const reports = listOf<ModuleReport>(file, "modules", isReport, "a report of a module");
  const names = new Set(reports.map(({ name }) => name));
  const missing = expected.find(({ name }) => !names.has(name));
  if (missing !== undefined || reports.length !== expected.length)
    throw new FormatError(
      `${file.name}: modules`,
      `found ${reports.length} reports, ${missing === undefined ? "" : `none for ${missing.name}, `}expected ${expected.length}, one for each matrix`,
    );
  return reports;
}

function readStarved(file: TensorFile, layer: number): readonly StarvedExpert[] {
  const isStarved = (value: Readonly<Record<string, JsonValue>>) =>
    value["layer"] === layer &&
    typeof value["expert"] === "number" &&
    typeof value["tokens"] === "number" &&
    typeof value["remedy"] === "string";
  return listOf<StarvedExpert>(file, "starved", isStarved, `a starved expert of layer ${layer}`);
}

function isReport(value: Readonly<Record<string, JsonValue>>): boolean {
  const { name, bits, groupSize, loss, rtnLoss, tokens, method, damp, note } = value;
  const isNumber = (field: JsonValue | undefined) => typeof field === "number";
  return (
    typeof name === "string" &&
    [bits, groupSize, tokens].every(isNumber) &&
    [loss, rtnLoss, damp].every((field) => field === null || isNumber(field)) &&
    (method === "gptq" || method === "rtn") &&
    (note === undefined || typeof note === "string")
  );
}

/** A list in the metadata. The parser's objects have no prototype, so they are copied to plain ones. */
function listOf<T>(
  file: TensorFile,
  field: string,
  isEntry: (value: Readonly<Record<string, JsonValue>>) => boolean,
  expected: string,
): readonly T[] {
  const where = `${file.name}: ${field}`;
  const list = metadata(file, field);
  if (!Array.isArray(list)) throw new FormatError(where, `found ${describeJson(list)}, expected a list`);
  return list.map((value: JsonValue, index) => {
    const entry = asObject(value, `${where}[${index}]`);
    if (!isEntry(entry)) throw new FormatError(`${where}[${index}]`, `found something else, expected ${expected}`);
    return { ...entry } as unknown as T;
  });
}
