/** Tensors by name, whatever the container that holds them: one file, the shards of a checkpoint, or a file of another format. */

import { FormatError, ShapeError, UsageError } from "../base/errors.ts";
import type { ByteSource } from "../files/source.ts";

/** One tensor on disk: row-major, little endian. */
export interface TensorEntry {
  readonly name: string;
  /** As the container calls it; `F32`, `F16` and `BF16` are the same in all of them. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** From the beginning of the file. */
  readonly offset: number;
  readonly byteLength: number;
  readonly source: ByteSource;
}

/** Every tensor of a file or of a checkpoint. */
export interface TensorIndex {
  /** The file or folder, for messages. */
  readonly name: string;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  close(): Promise<void>;
}

/** Reads the whole tensor into `into`, which has exactly its length. */
export async function readTensor(entry: TensorEntry, into: Uint8Array): Promise<void> {
  if (into.byteLength !== entry.byteLength)
    throw new UsageError(
      `${entry.source.name}: ${entry.name}`,
      `${into.byteLength} bytes to read into`,
      `${entry.byteLength}`,
    );
  await readPart(entry, 0, into);
}

/** Fills `into` with the tensor's bytes from byte `start` of the tensor on. */
export async function readPart(entry: TensorEntry, start: number, into: Uint8Array): Promise<void> {
  try {
    await entry.source.read(entry.offset + start, into);
  } catch (cause) {
    if (cause instanceof FormatError) throw new FormatError(`tensor ${entry.name}`, cause.message, { cause });
    throw cause;
  }
}

/** The tensor, or a `FormatError` that names it. */
export function requireTensor(index: TensorIndex, name: string): TensorEntry {
  const entry = index.entries.get(name);
  if (entry === undefined) throw missingTensor(index, name);
  return entry;
}

export function missingTensor(index: TensorIndex, name: string): FormatError {
  return new FormatError(index.name, `found no tensor "${name}" among ${index.entries.size}, expected one`);
}

/** The tensor of that name, type and shape, or a `FormatError` that names it. */
export function requireSpec(
  index: TensorIndex,
  { name, dtype, shape }: Pick<TensorEntry, "name" | "dtype" | "shape">,
): TensorEntry {
  const entry = requireTensor(index, name);
  if (entry.dtype === dtype && String(entry.shape) === String(shape)) return entry;
  throw new FormatError(
    `${index.name}: tensor ${name}`,
    `found ${entry.dtype} [${entry.shape.join(", ")}], expected ${dtype} [${shape.join(", ")}]`,
  );
}

/** @throws ShapeError naming the tensor where it has another shape. */
export function requireShape(index: TensorIndex, entry: TensorEntry, shape: readonly number[]): void {
  if (entry.shape.length !== shape.length || entry.shape.some((size, axis) => size !== shape[axis]))
    throw new ShapeError(`${index.name}: tensor ${entry.name}`, shape, entry.shape);
}
