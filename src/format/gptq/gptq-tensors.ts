/** Makes the tensors of a GPTQ linear for writing: `qweight`, `qzeros`, `scales`, `g_idx`. */

import { scaleBits } from "../../tensor/lay-panels.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { TensorSpec } from "../safetensors-writer.ts";
import { type GptqVersion, packColumns, packedWords, packZeros } from "./gptq-packing.ts";

/** A tensor to write. */
export interface NamedTensor extends TensorSpec {
  readonly bytes: Uint8Array;
}

/** Names, types and shapes of the four tensors of a linear. */
export function gptqTensorSpecs(
  module: string,
  { rows, cols, groups, bits }: Pick<QuantizedMatrix, "rows" | "cols" | "groups" | "bits">,
): readonly TensorSpec[] {
  return [
    { name: `${module}.qweight`, dtype: "I32", shape: [packedWords(cols, bits), rows] },
    { name: `${module}.qzeros`, dtype: "I32", shape: [groups, packedWords(rows, bits)] },
    { name: `${module}.scales`, dtype: "F16", shape: [groups, rows] },
    { name: `${module}.g_idx`, dtype: "I32", shape: [cols] },
  ];
}

/** The four tensors of the linear, with the names of `module`. */
export function gptqTensors(module: string, matrix: QuantizedMatrix, version: GptqVersion): readonly NamedTensor[] {
  return gptqTensorSpecs(module, matrix).map((spec, part) => ({ ...spec, bytes: gptqBytes(matrix, version, part) }));
}

/** The bytes of one of the tensors; `part` is its index in `gptqTensorSpecs`. */
export function gptqBytes(matrix: QuantizedMatrix, version: GptqVersion, part: number): Uint8Array {
  const { rows, cols, groups, bits } = matrix;
  if (part === 0) return bytesOf(packColumns(matrix.codes, cols, rows, bits));
  if (part === 1) return bytesOf(packZeros(matrix.zeros, rows, groups, bits, version));
  return part === 2 ? gptqScales(matrix.scales, rows, groups) : bytesOf(matrix.gIdx);
}

/** Scales [rows, groups] in the form of the file: f16 [groups, rows]. */
export function gptqScales(scales: Float32Array, rows: number, groups: number): Uint8Array {
  const bits = scaleBits(scales);
  const stored = new Uint16Array(groups * rows);
  for (let n = 0; n < rows; n++) for (let g = 0; g < groups; g++) stored[g * rows + n] = bits[n * groups + g];
  return bytesOf(stored);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
