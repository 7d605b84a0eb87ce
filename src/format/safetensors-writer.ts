/** Writes safetensors files: header first, then every tensor as it writes itself, never all of them in memory. */
import { FormatError } from "../errors.ts";
import type { FileSink } from "./output.ts";
import { DTYPE_BITS, type DType, tensorBytes } from "./safetensors.ts";

/** A tensor that can write its bytes when its turn comes. */
export interface TensorSource {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  write(sink: FileSink): Promise<void>;
}

/** What loaders expect to find in the metadata. */
const METADATA: Readonly<Record<string, string>> = { format: "pt" };

/** A tensor whose bytes are at hand. */
export function tensorOf(name: string, dtype: DType, shape: readonly number[], data: ArrayBufferView): TensorSource {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dtype, shape, write: (sink) => sink.write(bytes) };
}

/** Bytes of the whole file. */
export function safetensorsBytes(
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>> = METADATA,
): number {
  const ordered = order(tensors);
  return encodeHeader(ordered, metadata).byteLength + ordered.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
}

/**
 * Tensors are ordered by alignment, the largest first, then by name, as other writers do.
 * @throws FormatError naming a tensor that writes another number of bytes than its shape says, or a name that comes twice.
 */
export async function writeSafetensors(
  sink: FileSink,
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>> = METADATA,
): Promise<void> {
  const ordered = order(tensors);
  await sink.write(encodeHeader(ordered, metadata));
  for (const tensor of ordered) {
    let written = 0;
    await tensor.write({
      async write(bytes) {
        written += bytes.byteLength;
        await sink.write(bytes);
      },
      async close() {},
    });
    if (written !== bytesOf(tensor))
      throw new FormatError(`tensor ${tensor.name}`, `found ${written} bytes to write, expected ${bytesOf(tensor)}`);
  }
}

function bytesOf(tensor: TensorSource): number {
  return tensorBytes(tensor.dtype, tensor.shape, `tensor ${tensor.name}`);
}

function order(tensors: readonly TensorSource[]): readonly TensorSource[] {
  const rank = Object.keys(DTYPE_BITS);
  const byRank = (a: TensorSource, b: TensorSource) => rank.indexOf(b.dtype) - rank.indexOf(a.dtype);
  const ordered = [...tensors].sort((a, b) => byRank(a, b) || (a.name < b.name ? -1 : 1));
  const names = new Set<string>();
  for (const { name } of ordered) {
    if (names.has(name)) throw new FormatError(`tensor ${name}`, "found it twice, expected one");
    names.add(name);
  }
  return ordered;
}

function encodeHeader(tensors: readonly TensorSource[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const tensor of tensors) {
    const end = offset + bytesOf(tensor);
    header[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.byteLength / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20, 8 + json.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}
