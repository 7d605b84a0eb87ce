/** Reads the grid of a GPTQ linear, which is all but its codes: the groups of its columns, scales and zero points, in all dialects of the format. */

import { FormatError } from "../../base/errors.ts";
import { bf16Value, exactF16, f16Value, nearestF16 } from "../../tensor/float16.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { OWN_ZEROS } from "../../tensor/panel.ts";
import { type RangeRead, readAlone } from "../read-ahead.ts";
import { requireTensor, type TensorEntry, type TensorIndex } from "../tensor-index.ts";
import { type GptqConfig, resolveModule } from "./gptq-config.ts";
import { type GptqHeader, type GptqModule, inspectGptq, requireTyped } from "./gptq-header.ts";
import { type GptqVersion, packedWords, truePacked, unpackRows } from "./gptq-packing.ts";

/** The grid, with scales and zero points as they lie in the file. */
export interface GptqGrid extends GptqHeader {
  /** [cols]: the group of each column. */
  readonly gIdx: Int32Array;
  /** True zero points, packed as in qzeros. */
  readonly zeros: Int32Array;
  /** The zero point of all rows and groups; `OWN_ZEROS` if they differ. */
  readonly zero: number;
  /** [groups, rows], f16 bits. Those of a file in f16 are not checked. */
  readonly scales: Uint16Array;
  /** Sentences that say what was odd and how it was read. */
  readonly warnings: readonly string[];
}

interface Reading {
  readonly read: RangeRead;
  readonly warnings: string[];
}

/** The tensors of a grid, in the order in which they are read. */
export function gridTensors(index: TensorIndex, name: string): readonly TensorEntry[] {
  return ["g_idx", "qzeros", "scales"].flatMap((part) => index.entries.get(`${name}.${part}`) ?? []);
}

/** Reads the grid. @throws FormatError or UnsupportedError naming the tensor that is missing or wrong. */
export async function readGptqGrid(
  index: TensorIndex,
  module: GptqModule,
  config: GptqConfig | undefined,
  read: RangeRead = readAlone,
): Promise<GptqGrid> {
  const { name, rows } = module;
  const header = inspectGptq(index, module, config);
  const { bits, groups } = header;
  const warnings: string[] = [];
  const reading = { read, warnings };
  const gIdx = await readGroups(index, module, groups, storedGroupSize(config, module, groups), reading);
  const qzeros = await readWords(read, requireTensor(index, `${name}.qzeros`));
  const version = config === undefined ? "gptq" : detectVersion(config, module, qzeros, header, warnings);
  const scales = await readScales(requireTensor(index, `${name}.scales`), rows, reading);
  const zeros = truePacked(qzeros, bits, version);
  const zero = uniformField(zeros, rows, groups, bits) ?? OWN_ZEROS;
  return { bits, groups, gIdx, zeros, zero, scales, warnings };
}

/** Columns of a group, of which the last may be short: from the settings, or else the number that gives `groups` groups. */
export function storedGroupSize(config: GptqConfig | undefined, { name, cols }: GptqModule, groups: number): number {
  const setting = config === undefined ? "float" : resolveModule(config, name);
  if (setting === "float") return Math.ceil(cols / groups);
  return setting.groupSize === -1 ? cols : setting.groupSize;
}

async function readGroups(
  index: TensorIndex,
  { name, cols }: GptqModule,
  groups: number,
  groupSize: number,
  { read, warnings }: Reading,
): Promise<Int32Array> {
  const plain = Int32Array.from({ length: cols }, (_, column) => Math.floor(column / groupSize));
  const entry = index.entries.get(`${name}.g_idx`);
  if (entry === undefined) return plain;
  requireTyped(index, entry, ["I32"], [cols]);
  const gIdx = await readWords(read, entry);
  for (let column = 0; column < cols; column++)
    if (gIdx[column] < 0 || gIdx[column] >= groups)
      throw new FormatError(
        `${index.name}: ${entry.name}`,
        `found group ${gIdx[column]} for column ${column}, expected 0 to ${groups - 1}`,
      );
  // Old writers left g_idx at zero. Other readers also treat that as the plain order.
  if (groups === 1 || gIdx.some((group) => group !== 0)) return gIdx;
  warnings.push(`g_idx is all zeros for ${groups} groups; read as the plain order of columns`);
  return plain;
}

/** Detects whether zero points are stored minus one. The settings decide, unless the zero points of a symmetric linear contradict them. */
function detectVersion(
  config: GptqConfig,
  { name, rows }: GptqModule,
  qzeros: Int32Array,
  { groups, bits }: GptqHeader,
  warnings: string[],
): GptqVersion {
  const setting = resolveModule(config, name);
  const symmetric = setting === "float" ? config.symmetric : setting.symmetric;
  if (!symmetric) return config.version;
  const middle = 2 ** (bits - 1);
  const first = uniformField(qzeros, rows, groups, bits);
  const version = first === middle ? "gptq_v2" : first === middle - 1 ? "gptq" : undefined;
  if (version === undefined)
    warnings.push(
      `the settings say symmetric, the stored zero points are not all ${middle} or ${middle - 1} (${bits} bits); read as ${config.version}`,
    );
  else if (version !== config.version)
    warnings.push(
      `the settings say ${config.version}, the stored zero points are all ${first} (${bits} bits), which is ${version}; read as ${version}`,
    );
  return version ?? config.version;
}

/** The value of all fields of qzeros; undefined if they differ. */
function uniformField(qzeros: Int32Array, rows: number, groups: number, bits: Bits): number | undefined {
  // Equal fields make equal blocks, except where the last block of a line is padded.
  const block = bits === 3 ? 3 : 1;
  const some = Math.min(rows, 32);
  const begin = unpackRows(qzeros.subarray(0, packedWords(some, bits)), some, 1, bits);
  if (begin.some((field) => field !== begin[0])) return undefined;
  const isRepeated = qzeros.every((word, at) => at < block || word === qzeros[at - block]);
  const fields = isRepeated ? begin : unpackRows(qzeros, rows, groups, bits);
  return fields.every((field) => field === fields[0]) ? fields[0] : undefined;
}

const LARGEST_F16 = 65504;

/** Scales [groups, rows] as f16 bits. Values of other types that f16 cannot hold are rounded to f16, with a warning. */
async function readScales(entry: TensorEntry, rows: number, { read, warnings }: Reading): Promise<Uint16Array> {
  const { buffer } = await readCopy(read, entry);
  if (entry.dtype === "F16") return new Uint16Array(buffer);
  const values =
    entry.dtype === "F32" ? new Float32Array(buffer) : Float32Array.from(new Uint16Array(buffer), bf16Value);
  const bad = values.findIndex((value) => !(Math.abs(value) <= LARGEST_F16));
  if (bad >= 0) throw badScale(entry, rows, bad, values[bad]);
  if (values.some((value) => exactF16(value) === undefined))
    warnings.push(`some scales in ${entry.dtype} are no f16 numbers; rounded to the nearest ones`);
  return Uint16Array.from(values, (value) => exactF16(nearestF16(value)) as number);
}

/** @throws FormatError naming the first scale that is no number. */
export function requireScales(index: TensorIndex, { name, rows }: GptqModule, scales: Uint16Array): void {
  const bad = scales.findIndex((bits) => (bits & 0x7c00) === 0x7c00);
  if (bad >= 0) throw badScale(requireTensor(index, `${name}.scales`), rows, bad, f16Value(scales[bad]));
}

function badScale({ name, source }: TensorEntry, rows: number, at: number, value: number): FormatError {
  return new FormatError(
    `${source.name}: ${name}`,
    `found ${value} for output ${at % rows}, group ${Math.floor(at / rows)}, expected a finite number up to ${LARGEST_F16}`,
  );
}

async function readCopy(read: RangeRead, tensor: TensorEntry): Promise<Uint8Array<ArrayBuffer>> {
  return (await read({ tensor, start: 0, length: tensor.byteLength })).slice();
}

async function readWords(read: RangeRead, tensor: TensorEntry): Promise<Int32Array> {
  return new Int32Array((await readCopy(read, tensor)).buffer);
}
