/** Finds tensors by name in any container: one file, the shards of a checkpoint, or a file of another format. */

import { FormatError, ShapeError, UsageError } from "../base/errors.ts";
import type { ByteSource } from "../files/source.ts";

/** One tensor on disk: row-major, little endian. */
export interface TensorEntry {
  readonly name: string;
  /** The container's name of the type; `F32`, `F16` and `BF16` are the same in all of them. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte of the tensor in the file. */
  readonly offset: number;
  readonly byteLength: number;
  readonly source: ByteSource;
  /** The type that its values had before they became f32 in a bundle. */
  readonly was?: string;
}

/** Every tensor of a file or of a checkpoint. */
export interface TensorIndex {
  /** Name of the file or folder, for messages. */
  readonly name: string;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  close(): Promise<void>;
}

/** Reads the whole tensor into `into`, whose length must be that of the tensor. */
export async function readTensor(entry: TensorEntry, into: Uint8Array): Promise<void> {
  if (into.byteLength !== entry.byteLength)
    throw new UsageError(
      `${entry.source.name}: ${entry.name}`,
      `${into.byteLength} bytes to read into`,
      `${entry.byteLength}`,
    );
  await readPart(entry, 0, into);
}

/** Fills `into` with the tensor's bytes, beginning at byte `start` of the tensor. */
export async function readPart(entry: TensorEntry, start: number, into: Uint8Array): Promise<void> {
  try {
    await entry.source.read(entry.offset + start, into);
  } catch (cause) {
    if (cause instanceof FormatError) throw new FormatError(`tensor ${entry.name}`, cause.message, { cause });
    throw cause;
  }
}

/** The tensor called `name`. @throws FormatError naming the tensor if there is none. */
export function requireTensor(index: TensorIndex, name: string): TensorEntry {
  const entry = index.entries.get(name);
  if (entry === undefined) throw missingTensor(index, name);
  return entry;
}

export function missingTensor(index: TensorIndex, name: string): FormatError {
  return new FormatError(index.name, `found no tensor "${name}" among ${index.entries.size}, expected one`);
}

/** The tensor of that name, type and shape. @throws FormatError naming the tensor if there is none. */
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

/** @throws ShapeError naming the tensor if it has another shape. */
export function requireShape(index: TensorIndex, entry: TensorEntry, shape: readonly number[]): void {
  if (entry.shape.length !== shape.length || entry.shape.some((size, axis) => size !== shape[axis]))
    throw new ShapeError(`${index.name}: tensor ${entry.name}`, shape, entry.shape);
}
