/** The tensors of one GPTQ linear (`qweight`, `qzeros`, `scales`, `g_idx`): read and checked against each other, and written. */

import { FormatError, UnsupportedError } from "../../base/errors.ts";
import { BITS, type Bits } from "../../tensor/linear-shape.ts";
import { bf16Value, exactF16, f16Value } from "../float16.ts";
import { type DType, readTensor, requireTensor, type TensorEntry, type TensorIndex } from "../safetensors.ts";
import type { TensorSpec } from "../safetensors-writer.ts";
import { type GptqConfig, resolveModule } from "./gptq-config.ts";
import {
  type GptqVersion,
  packColumns,
  packedWords,
  packZeros,
  unpackColumns,
  unpackRows,
  unpackZeros,
} from "./gptq-packing.ts";

/** One quantised linear [N,K]: w[n,k] = scale[n, group[k]] * (code[n,k] - zero[n, group[k]]), exact in f32. */
export interface GptqMatrix {
  readonly N: number;
  readonly K: number;
  /** Groups of a row. */
  readonly G: number;
  readonly bits: Bits;
  /** u8 [N,K], columns in the model's own order. */
  readonly codes: Uint8Array;
  /** f16 bits [N,G], not negative. */
  readonly scales: Uint16Array;
  /** u8 [N,G]. */
  readonly zeros: Uint8Array;
  /** The group of each column, [K]. */
  readonly gIdx: Int32Array;
}

export interface GptqRead extends GptqMatrix {
  /** `${module}.bias`, where there is one. */
  readonly bias?: TensorEntry;
  /** What was odd and how it was read; the same sentence for each module, so that a caller can count them. */
  readonly warnings: readonly string[];
}

/** A tensor to write. */
export interface NamedTensor extends TensorSpec {
  readonly bytes: Uint8Array;
}

export function isGptqModule(index: TensorIndex, module: string): boolean {
  return index.entries.has(`${module}.qweight`);
}

/**
 * Bits and groups as the tensors' own shapes say, without reading them. Where the settings say another thing about this module
 * it is an error that names both; where they call it float, or say nothing, the tensors are believed.
 */
export function inspectGptq(
  index: TensorIndex,
  module: string,
  N: number,
  K: number,
  config?: GptqConfig,
): { bits: Bits; G: number } {
  const qweight = requireTensor(index, `${module}.qweight`);
  const where = `${index.name}: ${module}`;
  const bits = BITS.find((known) => qweight.shape[0] === packedWords(K, known));
  if (bits === undefined)
    throw new FormatError(
      where,
      `found qweight [${qweight.shape.join(", ")}], expected [${K} * bits / 32, ${N}] with bits one of ${BITS.join(", ")}`,
    );
  const scales = requireTensor(index, `${module}.scales`);
  const G = scales.shape[0] ?? 0;
  requireShape(index, qweight, ["I32"], [packedWords(K, bits), N]);
  requireShape(index, scales, ["F16", "BF16", "F32"], [G, N]);
  requireShape(index, requireTensor(index, `${module}.qzeros`), ["I32"], [G, packedWords(N, bits)]);
  if (G < 1 || G > K) throw new FormatError(where, `found ${G} groups for ${K} columns, expected 1 to ${K}`);
  if (config !== undefined) checkSetting(config, module, { bits, G, K }, where);
  return { bits, G };
}

function checkSetting(
  config: GptqConfig,
  module: string,
  found: { bits: Bits; G: number; K: number },
  where: string,
): void {
  const setting = resolveModule(config, module);
  if (setting === "float") return;
  if (setting.bits !== found.bits)
    throw new FormatError(
      where,
      `found tensors of ${found.bits} bits, expected ${setting.bits} as ${config.where} says`,
    );
  const groups = setting.groupSize === -1 ? 1 : Math.ceil(found.K / setting.groupSize);
  if (groups !== found.G)
    throw new FormatError(
      where,
      `found ${found.G} groups a row, expected ${groups}: ${config.where} says group_size ${setting.groupSize} for ${found.K} columns`,
    );
}

/** Reads the linear [N,K]. */
export async function readGptq(
  index: TensorIndex,
  module: string,
  N: number,
  K: number,
  config?: GptqConfig,
): Promise<GptqRead> {
  const { bits, G } = inspectGptq(index, module, N, K, config);
  const where = `${index.name}: ${module}`;
  const warnings: string[] = [];
  const gIdx = await readGroups(index, module, K, G, groupSizeOf(config, module, K, G), warnings);
  const qzeros = await readWords(requireTensor(index, `${module}.qzeros`));
  const version = config === undefined ? "gptq" : detectVersion(config, module, qzeros, { N, G, bits }, warnings);
  const matrix = {
    ...{ N, K, G, bits, gIdx },
    codes: unpackColumns(await readWords(requireTensor(index, `${module}.qweight`)), K, N, bits),
    zeros: unpackZeros(qzeros, N, G, bits, version),
    scales: await readScales(requireTensor(index, `${module}.scales`), N, G, where),
  };
  flipNegativeScales(matrix);
  return { ...matrix, bias: readBias(index, module, N), warnings };
}

/** Names and shapes of the four tensors of a linear: all that their size depends on. */
export function gptqTensorSpecs(
  module: string,
  { N, K, G, bits }: Pick<GptqMatrix, "N" | "K" | "G" | "bits">,
): readonly TensorSpec[] {
  return [
    { name: `${module}.qweight`, dtype: "I32", shape: [packedWords(K, bits), N] },
    { name: `${module}.qzeros`, dtype: "I32", shape: [G, packedWords(N, bits)] },
    { name: `${module}.scales`, dtype: "F16", shape: [G, N] },
    { name: `${module}.g_idx`, dtype: "I32", shape: [K] },
  ];
}

/** The four tensors of the linear, as `module`. */
export function gptqTensors(module: string, matrix: GptqMatrix, version: GptqVersion): readonly NamedTensor[] {
  return gptqTensorSpecs(module, matrix).map((spec, part) => ({ ...spec, bytes: gptqBytes(matrix, version, part) }));
}

/** The bytes of one of them, by its place in `gptqTensorSpecs`. */
export function gptqBytes(matrix: GptqMatrix, version: GptqVersion, part: number): Uint8Array {
  const { N, K, G, bits } = matrix;
  if (part === 0) return bytesOf(packColumns(matrix.codes, K, N, bits));
  if (part === 1) return bytesOf(packZeros(matrix.zeros, N, G, bits, version));
  return bytesOf(part === 2 ? gptqScales(matrix.scales, N, G) : matrix.gIdx);
}

/** `scales` f16 bits [G,N] as the file has them, from [N,G]. */
export function gptqScales(scales: Uint16Array, N: number, G: number): Uint16Array {
  const stored = new Uint16Array(G * N);
  for (let n = 0; n < N; n++) for (let g = 0; g < G; g++) stored[g * N + n] = scales[n * G + g];
  return stored;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function requireShape(
  index: TensorIndex,
  entry: TensorEntry,
  dtypes: readonly DType[],
  shape: readonly number[],
): void {
  const where = `${index.name}: ${entry.name}`;
  if (!dtypes.includes(entry.dtype))
    throw new FormatError(where, `found dtype ${entry.dtype}, expected ${dtypes.join(" or ")}`);
  if (entry.shape.length !== shape.length || entry.shape.some((length, axis) => length !== shape[axis]))
    throw new FormatError(where, `found shape [${entry.shape.join(", ")}], expected [${shape.join(", ")}]`);
}

async function readBytes(entry: TensorEntry): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(entry.byteLength);
  await readTensor(entry, bytes);
  return bytes.buffer;
}

async function readWords(entry: TensorEntry): Promise<Int32Array> {
  return new Int32Array(await readBytes(entry));
}

function readBias(index: TensorIndex, module: string, N: number): TensorEntry | undefined {
  const bias = index.entries.get(`${module}.bias`);
  if (bias !== undefined) requireShape(index, bias, ["F16", "BF16", "F32"], [N]);
  return bias;
}

/** Columns of a group where no g_idx tells: the settings', or as many as make G groups. */
function groupSizeOf(config: GptqConfig | undefined, module: string, K: number, G: number): number {
  const setting = config === undefined ? "float" : resolveModule(config, module);
  if (setting === "float") return Math.ceil(K / G);
  return setting.groupSize === -1 ? K : setting.groupSize;
}

async function readGroups(
  index: TensorIndex,
  module: string,
  K: number,
  G: number,
  groupSize: number,
  warnings: string[],
): Promise<Int32Array> {
  const plain = Int32Array.from({ length: K }, (_, column) => Math.floor(column / groupSize));
  const entry = index.entries.get(`${module}.g_idx`);
  if (entry === undefined) return plain;
  requireShape(index, entry, ["I32"], [K]);
  const gIdx = await readWords(entry);
  for (let column = 0; column < K; column++)
    if (gIdx[column] < 0 || gIdx[column] >= G)
      throw new FormatError(
        `${index.name}: ${entry.name}`,
        `found group ${gIdx[column]} for column ${column}, expected 0 to ${G - 1}`,
      );
  // Old writers left it at zero; other readers take that for the plain order too.
  if (G === 1 || gIdx.some((group) => group !== 0)) return gIdx;
  warnings.push(`g_idx is all zeros for ${G} groups; read as the plain order of columns`);
  return plain;
}

/** Whether zero points are stored minus one: as the settings say, unless a symmetric linear's own zero points say otherwise. */
function detectVersion(
  config: GptqConfig,
  module: string,
  qzeros: Int32Array,
  { N, G, bits }: { N: number; G: number; bits: Bits },
  warnings: string[],
): GptqVersion {
  const setting = resolveModule(config, module);
  const symmetric = setting === "float" ? config.symmetric : setting.symmetric;
  if (!symmetric) return config.version;
  const middle = 2 ** (bits - 1);
  const stored = unpackRows(qzeros, N, G, bits);
  const first = stored[0];
  const uniform = stored.every((field) => field === first);
  const version = uniform && first === middle ? "gptq_v2" : uniform && first === middle - 1 ? "gptq" : undefined;
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

/** f16 bits [N,G] from scales [G,N] in f16, bf16 or f32. */
async function readScales(entry: TensorEntry, N: number, G: number, where: string): Promise<Uint16Array> {
  const buffer = await readBytes(entry);
  const stored = entry.dtype === "F32" ? new Float32Array(buffer) : new Uint16Array(buffer);
  const decode = entry.dtype === "F32" ? (scale: number) => scale : entry.dtype === "BF16" ? bf16Value : f16Value;
  const scales = new Uint16Array(N * G);
  for (let g = 0; g < G; g++)
    for (let n = 0; n < N; n++) {
      const value = decode(stored[g * N + n]);
      if (!Number.isFinite(value))
        throw new FormatError(
          `${where}.scales`,
          `found ${value} for output ${n}, group ${g}, expected a finite number`,
        );
      const bits = exactF16(value);
      if (bits === undefined)
        throw new UnsupportedError(`${where}.scales`, `${value} (${entry.dtype}) for output ${n}, group ${g}`, [
          "values that f16 holds exactly",
        ]);
      scales[n * G + g] = bits;
    }
  return scales;
}

/** s (c - z) = -s ((max - c) - (max - z)): foreign files may have negative scales, the engine's are not. */
function flipNegativeScales(matrix: GptqMatrix): void {
  const { N, K, G, codes, scales, zeros, gIdx } = matrix;
  const max = 2 ** matrix.bits - 1;
  for (let n = 0; n < N; n++) {
    const row = scales.subarray(n * G, n * G + G);
    if (!row.some((scale) => scale >= 0x8000)) continue;
    for (let k = 0; k < K; k++) if (row[gIdx[k]] >= 0x8000) codes[n * K + k] = max - codes[n * K + k];
    for (let g = 0; g < G; g++)
      if (row[g] >= 0x8000) {
        zeros[n * G + g] = max - zeros[n * G + g];
        row[g] -= 0x8000;
      }
  }
}
