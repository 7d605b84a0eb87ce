/** Reads safetensors files: a u64 header length, a JSON header, then the tensors' bytes without gaps up to the end of the file. */

import { FormatError } from "../base/errors.ts";
import { asObject, describeJson, isObject, type JsonObject, type JsonValue, parseJsonBytes } from "../base/json.ts";
import { type ByteSource, refuseLfsPointer } from "../files/source.ts";
import type { TensorEntry, TensorIndex } from "./tensor-index.ts";

/** Bits of one element. The writer sorts tensors by this order (alignment ascending, as in safetensors' enumeration). */
export const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type DType = keyof typeof DTYPE_BITS;

/** One tensor of a safetensors file. */
export interface SafetensorsEntry extends TensorEntry {
  readonly dtype: DType;
}

/** The tensors and the metadata of one file. */
export interface TensorFile extends TensorIndex {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly source: ByteSource;
  readonly metadata: ReadonlyMap<string, string>;
}

/** The reference reader's limit. */
const MAX_HEADER_BYTES = 100_000_000;

/** Reads and checks the header. The tensors' bytes are not read. */
export async function openSafetensors(source: ByteSource): Promise<TensorFile> {
  const headerBytes = await readHeaderLength(source);
  const header = new Uint8Array(headerBytes);
  await source.read(8, header);
  if (header[0] !== 0x7b)
    throw new FormatError(source.name, `header: found byte ${header[0] ?? "none"}, expected "{" (123)`);
  const json = asObject(
    parseJsonBytes(header, `${source.name}: header`, { maxBytes: MAX_HEADER_BYTES, maxDepth: 8 }),
    `${source.name}: header`,
  );
  const entries: SafetensorsEntry[] = [];
  for (const name of Object.keys(json))
    if (name !== "__metadata__") entries.push(readEntry(name, json[name], 8 + headerBytes, source));
  checkLayout(entries, 8 + headerBytes, source);
  return {
    name: source.name,
    source,
    entries: new Map(entries.map((entry) => [entry.name, entry])),
    metadata: readMetadata(json, source),
    async close() {
      await source.close?.();
    },
  };
}

async function readHeaderLength(source: ByteSource): Promise<number> {
  if (source.size < 8)
    throw new FormatError(source.name, `found ${source.size} bytes, expected a safetensors file (at least 8 bytes)`);
  const prefix = new Uint8Array(Math.min(64, source.size));
  await source.read(0, prefix);
  refuseLfsPointer(prefix, source.name);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    throw new FormatError(
      source.name,
      `found a header of ${length} bytes, expected at most ${MAX_HEADER_BYTES}; this is not a safetensors file`,
    );
  if (length > BigInt(source.size - 8))
    throw new FormatError(
      source.name,
      `found a header of ${length} bytes in a file of ${source.size}, expected it to fit; the file is cut short`,
    );
  return Number(length);
}

function readMetadata(header: JsonObject, source: ByteSource): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  if (header["__metadata__"] === undefined) return metadata;
  const object = asObject(header["__metadata__"], `${source.name}: __metadata__`);
  for (const [key, value] of Object.entries(object)) {
    if (typeof value !== "string")
      throw new FormatError(`${source.name}: __metadata__.${key}`, `found ${describeJson(value)}, expected a string`);
    metadata.set(key, value);
  }
  return metadata;
}

function readEntry(
  name: string,
  value: JsonValue | undefined,
  bufferStart: number,
  source: ByteSource,
): SafetensorsEntry {
  const where = `${source.name}: tensor ${name}`;
  const fields = asObject(value, where);
  for (const key of Object.keys(fields))
    if (key !== "dtype" && key !== "shape" && key !== "data_offsets")
      throw new FormatError(where, `found the field "${key}", expected dtype, shape and data_offsets`);
  const dtype = fields["dtype"];
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BITS, dtype))
    throw new FormatError(
      where,
      `found dtype ${describeJson(dtype)}, expected one of ${Object.keys(DTYPE_BITS).join(", ")}`,
    );
  const shape = readCounts(fields["shape"], `${where}: shape`);
  const offsets = readCounts(fields["data_offsets"], `${where}: data_offsets`);
  const [start, end] = offsets;
  if (offsets.length !== 2 || start > end)
    throw new FormatError(
      where,
      `found data_offsets [${offsets.join(", ")}], expected a start and an end not before it`,
    );
  if (bufferStart + end > source.size)
    throw new FormatError(
      where,
      `found data_offsets [${start}, ${end}] after ${bufferStart} bytes of header in a file of ${source.size} bytes, expected them inside; the file is cut short`,
    );
  const byteLength = tensorBytes(dtype as DType, shape, where);
  if (end - start !== byteLength)
    throw new FormatError(
      where,
      `found ${end - start} bytes (data_offsets [${start}, ${end}]), expected ${byteLength} for ${dtype} [${shape.join(", ")}]`,
    );
  return { name, dtype: dtype as DType, shape, offset: bufferStart + start, byteLength, source };
}

function readCounts(value: JsonValue | undefined, where: string): readonly number[] {
  if (!Array.isArray(value)) throw new FormatError(where, `found ${describeJson(value)}, expected an array of counts`);
  for (const count of value)
    if (!Number.isSafeInteger(count) || (count as number) < 0)
      throw new FormatError(
        where,
        `found ${isObject(count) ? "an object" : describeJson(count)}, expected whole numbers from 0`,
      );
  return value as readonly number[];
}

/** Bytes of a tensor. A product above 2^53 bits is refused, not rounded. */
export function tensorBytes(dtype: DType, shape: readonly number[], where: string): number {
  let bits: number = DTYPE_BITS[dtype];
  for (const length of shape) {
    bits *= length;
    if (bits > Number.MAX_SAFE_INTEGER)
      throw new FormatError(where, `found shape [${shape.join(", ")}], expected a tensor of less than 2^50 bytes`);
  }
  if (bits % 8 !== 0)
    throw new FormatError(where, `found ${bits} bits for ${dtype} [${shape.join(", ")}], expected whole bytes`);
  return bits / 8;
}

/** Checks that every byte of the buffer belongs to exactly one tensor. */
function checkLayout(entries: readonly TensorEntry[], bufferStart: number, source: ByteSource): void {
  const sorted = [...entries].sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = bufferStart;
  for (const entry of sorted) {
    if (entry.offset !== end)
      throw new FormatError(
        `${source.name}: tensor ${entry.name}`,
        `found it at offset ${entry.offset - bufferStart} of the buffer, expected ${end - bufferStart}: tensors ${entry.offset < end ? "overlap" : "leave a hole"}`,
      );
    end += entry.byteLength;
  }
  if (end !== source.size)
    throw new FormatError(source.name, `found ${source.size - end} bytes after the last tensor, expected none`);
}
