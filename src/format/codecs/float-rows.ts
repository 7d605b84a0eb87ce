/** Reads float tensors: rows in their type on disk, or as f32. */

import { NumericsError, UnsupportedError } from "../../base/errors.ts";
import { widenFloats } from "../../tensor/float16.ts";
import { floatBytes, rowRanges } from "../../tensor/lay-panels.ts";
import type { FloatDType } from "../../tensor/matrix.ts";
import { readPart, requireShape, requireTensor, type TensorEntry, type TensorIndex } from "../tensor-index.ts";
import type { StoredVector } from "./codec.ts";

const FLOAT_DTYPES: Readonly<Record<string, FloatDType>> = { F32: "f32", F16: "f16", BF16: "bf16" };

/** The float type of a tensor. @throws UnsupportedError for a tensor of another type. */
export function floatDType(index: TensorIndex, entry: TensorEntry): FloatDType {
  const dtype = FLOAT_DTYPES[entry.dtype];
  if (dtype !== undefined) return dtype;
  throw new UnsupportedError(`${index.name}: tensor ${entry.name}: dtype`, entry.dtype, Object.keys(FLOAT_DTYPES));
}

/** Reads `count` elements from element `start` as f32, exact. 16-bit floats are read in pieces, so that they are not all in memory twice. */
export async function readFloats(
  entry: TensorEntry,
  dtype: FloatDType,
  start: number,
  count: number,
): Promise<Float32Array> {
  const values = new Float32Array(count);
  if (dtype === "f32") {
    await readPart(entry, 4 * start, new Uint8Array(values.buffer));
    return values;
  }
  for (const { first, count: some } of rowRanges(count, floatBytes(dtype))) {
    const words = new Uint16Array(some);
    await readPart(entry, 2 * (start + first), new Uint8Array(words.buffer));
    widenFloats(values.subarray(first, first + some), words, dtype);
  }
  return values;
}

/**
 * Finds a vector [length] by the name of its tensor. @param shapes that its tensor may have; each has `length` elements.
 * @throws FormatError, ShapeError or UnsupportedError naming it.
 */
export function locateVector(
  index: TensorIndex,
  name: string,
  length: number,
  shapes: readonly (readonly number[])[] = [[length]],
): StoredVector {
  const tensor = requireTensor(index, name);
  const shape = shapes.find((each) => String(each) === String(tensor.shape)) ?? shapes[0];
  requireShape(index, tensor, [...shape]);
  return storedVector(index, tensor);
}

/** The vector that is a whole tensor. @throws UnsupportedError for a tensor that is not of floats. */
export function storedVector(index: TensorIndex, tensor: TensorEntry): StoredVector {
  const dtype = floatDType(index, tensor);
  const length = tensor.byteLength / floatBytes(dtype);
  return {
    tensor,
    async read() {
      const values = await readFloats(tensor, dtype, 0, length);
      const bad = values.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) throw notFinite(index, tensor, bad);
      return values;
    },
  };
}

/** Finds the bias [rows] of a module, whatever codec stores its weights; undefined if it has none. */
export function locateBias(index: TensorIndex, module: string, rows: number): StoredVector | undefined {
  const name = `${module}.bias`;
  return index.entries.has(name) ? locateVector(index, name, rows) : undefined;
}

export function notFinite(index: TensorIndex, { name }: TensorEntry, element: number): NumericsError {
  return new NumericsError(
    `${index.name}: tensor ${name}`,
    `found a value that is not finite at element ${element}, expected numbers`,
  );
}
