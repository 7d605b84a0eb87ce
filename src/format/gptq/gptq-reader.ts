/** Reads a GPTQ linear, whole or a range of rows at a time, in all dialects of the format. */

import { FormatError } from "../../base/errors.ts";
import { bf16Value, exactF16, f16Value, nearestF16 } from "../../tensor/float16.ts";
import { naturalOrder, type QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { readPart, readTensor, requireTensor, type TensorEntry, type TensorIndex } from "../tensor-index.ts";
import { type GptqConfig, resolveModule } from "./gptq-config.ts";
import { type GptqHeader, type GptqModule, inspectGptq, requireTyped } from "./gptq-header.ts";
import { type GptqVersion, unpackColumns, unpackRows, unpackZeros } from "./gptq-packing.ts";

/** A linear whose scales, zeros and groups are already read. Its codes are read by ranges of rows. */
export interface GptqReader {
  /** [cols]: the group of each column. */
  readonly gIdx: Int32Array;
  /** Sentences that say what was odd and how it was read. They are the same for each module, so that a caller can count them. */
  readonly warnings: readonly string[];
  /** Reads rows [first, first + count). */
  rows(first: number, count: number): Promise<QuantizedMatrix>;
}

/** Reads the whole linear, with warnings about oddities. */
export async function readGptq(
  index: TensorIndex,
  module: GptqModule,
  config?: GptqConfig,
): Promise<QuantizedMatrix & Pick<GptqReader, "warnings">> {
  const reader = await openGptq(index, module, config);
  return { ...(await reader.rows(0, module.rows)), warnings: reader.warnings };
}

/** Reads everything but the codes. @throws FormatError or UnsupportedError naming the tensor that is missing or wrong. */
export async function openGptq(index: TensorIndex, module: GptqModule, config?: GptqConfig): Promise<GptqReader> {
  const { name, rows, cols } = module;
  const header = inspectGptq(index, module, config);
  const { bits, groups } = header;
  const warnings: string[] = [];
  const gIdx = await readGroups(index, module, groups, storedGroupSize(config, module, groups), warnings);
  const qzeros = await readWords(requireTensor(index, `${name}.qzeros`));
  const version = config === undefined ? "gptq" : detectVersion(config, module, qzeros, header, warnings);
  const zeros = unpackZeros(qzeros, rows, groups, bits, version);
  const scales = await readScales(requireTensor(index, `${name}.scales`), rows, groups, warnings);
  const qweight = requireTensor(index, `${name}.qweight`);
  const perm = naturalOrder(cols);
  return {
    gIdx,
    warnings,
    async rows(first, count) {
      const words = await readColumns(qweight, rows, first, count);
      const [from, to] = [first * groups, (first + count) * groups];
      const part = {
        ...{ rows: count, cols, bits, groups, gIdx, perm, groupSize: groups === 1 ? -1 : Math.ceil(cols / groups) },
        codes: unpackColumns(words, cols, count, bits),
        scales: scales.slice(from, to),
        zeros: zeros.slice(from, to),
      };
      flipNegativeScales(part);
      return part;
    },
  };
}

const LARGEST_F16 = 65504;

/** Lines of qweight that are read at the same time. They are short, and reading one after the other would be slow. */
const LINES_AT_ONCE = 64;

/** Reads columns [first, first + count) of qweight [K b/32, N] with as few reads as possible. */
async function readColumns(qweight: TensorEntry, rows: number, first: number, count: number): Promise<Int32Array> {
  if (count === rows) return readWords(qweight);
  const lines = qweight.byteLength / (4 * rows);
  const words = new Int32Array(lines * count);
  const readLine = (line: number) =>
    readPart(qweight, 4 * (line * rows + first), new Uint8Array(words.buffer, 4 * line * count, 4 * count));
  for (let done = 0; done < lines; done += LINES_AT_ONCE) {
    const some = Math.min(LINES_AT_ONCE, lines - done);
    await Promise.all(Array.from({ length: some }, (_, line) => readLine(done + line)));
  }
  return words;
}

async function readBytes(entry: TensorEntry): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(entry.byteLength);
  await readTensor(entry, bytes);
  return bytes.buffer;
}

async function readWords(entry: TensorEntry): Promise<Int32Array> {
  return new Int32Array(await readBytes(entry));
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
  warnings: string[],
): Promise<Int32Array> {
  const plain = Int32Array.from({ length: cols }, (_, column) => Math.floor(column / groupSize));
  const entry = index.entries.get(`${name}.g_idx`);
  if (entry === undefined) return plain;
  requireTyped(index, entry, ["I32"], [cols]);
  const gIdx = await readWords(entry);
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
  const stored = unpackRows(qzeros, rows, groups, bits);
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

/** Reads scales [groups, rows] in f16, bf16 or f32 as f32 [rows, groups]. Values that f16 cannot hold are rounded to f16, with a warning. */
async function readScales(entry: TensorEntry, rows: number, groups: number, warnings: string[]): Promise<Float32Array> {
  const buffer = await readBytes(entry);
  const stored = entry.dtype === "F32" ? new Float32Array(buffer) : new Uint16Array(buffer);
  const decode = entry.dtype === "F32" ? (scale: number) => scale : entry.dtype === "BF16" ? bf16Value : f16Value;
  const scales = new Float32Array(rows * groups);
  for (let g = 0; g < groups; g++)
    for (let n = 0; n < rows; n++) {
      const value = decode(stored[g * rows + n]);
      if (!(Math.abs(value) <= LARGEST_F16))
        throw new FormatError(
          `${entry.source.name}: ${entry.name}`,
          `found ${value} for output ${n}, group ${g}, expected a finite number up to ${LARGEST_F16}`,
        );
      scales[n * groups + g] = value;
    }
  const isInexact = entry.dtype !== "F16" && scales.some((value) => exactF16(value) === undefined);
  if (!isInexact) return scales;
  warnings.push(`some scales in ${entry.dtype} are no f16 numbers; rounded to the nearest ones`);
  return scales.map(nearestF16);
}

/** Makes scales positive by s (c - z) = -s ((max - c) - (max - z)). Files of other writers may have negative scales, which the engine does not accept. */
function flipNegativeScales(matrix: QuantizedMatrix): void {
  const { rows, cols, groups, codes, scales, zeros, gIdx } = matrix;
  const max = 2 ** matrix.bits - 1;
  const isNegative = (scale: number) => scale < 0 || Object.is(scale, -0);
  for (let n = 0; n < rows; n++) {
    const row = scales.subarray(n * groups, n * groups + groups);
    if (!row.some(isNegative)) continue;
    for (let k = 0; k < cols; k++) if (isNegative(row[gIdx[k]])) codes[n * cols + k] = max - codes[n * cols + k];
    for (let g = 0; g < groups; g++)
      if (isNegative(row[g])) {
        zeros[n * groups + g] = max - zeros[n * groups + g];
        row[g] = -row[g];
      }
  }
}
