/** Writes safetensors files from front to back: first the header, then each tensor in pieces, so that the file need not fit memory. */

import { FormatError, UnsupportedError } from "../base/errors.ts";
import type { FileSink } from "../files/output.ts";
import { PIECE_BYTES } from "../files/source.ts";
import { DTYPE_BITS, type DType, tensorBytes } from "./safetensors.ts";
import { readTensor, type TensorEntry } from "./tensor-index.ts";

/** Name, type and shape of a tensor, as in the header. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** A tensor whose bytes are only made when they are written. */
export interface TensorToWrite extends TensorSpec {
  pieces(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

export interface EncodedHeader<T extends TensorSpec> {
  /** The beginning of the file: length, JSON and padding. */
  readonly bytes: Uint8Array;
  /** The tensors in file order. */
  readonly order: readonly T[];
  readonly fileBytes: number;
}

/** Some loaders refuse files without this field. */
const METADATA: Readonly<Record<string, string>> = { format: "pt" };

/** Makes the header as the reference writer does: tensors by alignment, widest first, then by name; JSON padded to 8 bytes. */
export function encodeHeader<T extends TensorSpec>(
  tensors: readonly T[],
  metadata: Readonly<Record<string, string>> = METADATA,
): EncodedHeader<T> {
  const rank = new Map(Object.keys(DTYPE_BITS).map((dtype, position) => [dtype, position]));
  const order = [...tensors].sort(
    (a, b) => rank.get(b.dtype)! - rank.get(a.dtype)! || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
  const fields = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  const names = new Set(["__metadata__"]);
  let end = 0;
  for (const { name, dtype, shape } of order) {
    if (names.has(name))
      throw new FormatError(`tensor ${name}`, "found the name a second time, expected each name once");
    names.add(name);
    const start = end;
    end += tensorBytes(dtype, shape, `tensor ${name}`);
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`);
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return { bytes, order, fileBytes: bytes.length + end };
}

/** Writes the whole file and returns its length in bytes. The sink stays open. */
export async function writeSafetensors(
  sink: FileSink,
  tensors: readonly TensorToWrite[],
  metadata?: Readonly<Record<string, string>>,
): Promise<number> {
  const header = encodeHeader(tensors, metadata);
  await sink.write(header.bytes);
  for (const tensor of header.order) {
    const expected = tensorBytes(tensor.dtype, tensor.shape, `tensor ${tensor.name}`);
    let found = 0;
    for await (const piece of tensor.pieces()) {
      found += piece.byteLength;
      await sink.write(piece);
    }
    if (found !== expected)
      throw new FormatError(
        `tensor ${tensor.name}`,
        `found ${found} bytes to write, expected ${expected} for ${tensor.dtype} [${tensor.shape.join(", ")}]`,
      );
  }
  return header.fileBytes;
}

/** The spec of a tensor of another file. @throws UnsupportedError for a type that safetensors files do not have. */
export function specOf(entry: TensorEntry, name: string = entry.name): TensorSpec {
  const { dtype, shape } = entry;
  if (Object.hasOwn(DTYPE_BITS, dtype)) return { name, dtype: dtype as DType, shape };
  throw new UnsupportedError(`${entry.source.name}: tensor ${entry.name}: dtype`, dtype, Object.keys(DTYPE_BITS));
}

/** A tensor that is in memory. */
export function tensorOf(name: string, dtype: DType, shape: readonly number[], data: ArrayBufferView): TensorToWrite {
  return {
    ...{ name, dtype, shape },
    pieces: () => [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  };
}

/** A tensor of another file, copied piece by piece, under `name`. */
export function copyOf(entry: TensorEntry, name: string = entry.name): TensorToWrite {
  return {
    ...specOf(entry, name),
    async *pieces() {
      for (let done = 0; done < entry.byteLength; done += PIECE_BYTES) {
        const byteLength = Math.min(PIECE_BYTES, entry.byteLength - done);
        const piece = new Uint8Array(byteLength);
        await readTensor({ ...entry, offset: entry.offset + done, byteLength }, piece);
        yield piece;
      }
    },
  };
}
