/** Lists the tensors of a model for a folder in Hugging Face layout: floats as they are, quantised weights as GPTQ or as floats. */

import { NumericsError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import { VERSION } from "../../base/version.ts";
import type { StoredCodes, StoredVector } from "../../format/codecs/codec.ts";
import { storedVector } from "../../format/codecs/float-rows.ts";
import { writeGptqConfig } from "../../format/gptq/gptq-dynamic.ts";
import type { GptqVersion } from "../../format/gptq/gptq-packing.ts";
import { gptqBytes, gptqTensorSpecs } from "../../format/gptq/gptq-tensors.ts";
import { copyOf, type TensorToWrite } from "../../format/safetensors-writer.ts";
import { requireTensor, type TensorEntry } from "../../format/tensor-index.ts";
import type { ModelFiles } from "../../model/model.ts";
import type { StoredLinear } from "../../model/weights/locate.ts";
import { modelVectors } from "../../model/weights/vectors.ts";
import { dequantize } from "../../quant/quantization-error.ts";
import { roundedF16 } from "../../tensor/float16.ts";
import { rowRanges } from "../../tensor/lay-panels.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { groupCount } from "../../tensor/quantized-matrix.ts";

/** How quantised weights are written. */
export type ConvertedWeights = "exact" | "f16" | "f32";

/** How the weights of a model are written. */
export interface TensorForm {
  readonly weights: ConvertedWeights;
  /** Of GPTQ tensors. */
  readonly version: GptqVersion;
}

export function folderTensors(files: ModelFiles, form: TensorForm): readonly TensorToWrite[] {
  const vectors = modelVectors(files.names, files.config).map(({ tensor }) =>
    vectorTensor(storedVector(files.index, requireTensor(files.index, tensor))),
  );
  const linears = files.linears.flatMap((linear) => {
    const { bias } = linear.stored;
    return [...linearTensors(linear, form), ...(bias === undefined ? [] : [vectorTensor(bias)])];
  });
  return [...linears, ...vectors];
}

/** The type of 16 bits that floats have, or had before they became f32 in a bundle. */
export function smallType({ was, dtype }: TensorEntry): "F16" | "BF16" | undefined {
  const type = was ?? dtype;
  return type === "F16" || type === "BF16" ? type : undefined;
}

function vectorTensor({ tensor, read }: StoredVector): TensorToWrite {
  const { name, shape } = tensor;
  const dtype = smallType(tensor) ?? "F32";
  return {
    ...{ name, dtype, shape },
    async *pieces() {
      yield floatBytesOf(await read(), dtype, name);
    },
  };
}

function linearTensors(linear: StoredLinear, { weights, version }: TensorForm): readonly TensorToWrite[] {
  const { stored, name } = linear;
  if (stored.kind === "float" && stored.fileType === undefined) {
    if (stored.lying === undefined) return [copyOf(stored.tensor, `${name}.weight`)];
    return [floatTensorOf(linear, stored.dtype.toUpperCase() as FloatType)];
  }
  if (weights === "exact" && isExactCodes(linear)) return codeTensors(linear, stored as StoredCodes, version);
  return [floatTensorOf(linear, weights === "f16" ? "F16" : "F32")];
}

/** Whether a folder of `weights` needs no other settings than the model has: floats stay floats, and GPTQ tensors what they are. */
export function hasSameSettings({ linears }: ModelFiles, weights: ConvertedWeights): boolean {
  return linears.every(
    (linear) =>
      linear.stored.fileType === undefined &&
      (linear.stored.kind === "float" || (weights === "exact" && isExactCodes(linear))),
  );
}

/** Whether GPTQ tensors hold the same weights. Models of MXFP4 compute in f32, as they do with floats, but not with codes of GPTQ. Of GGUF's types, other readers expect a float embedding, and groups of at most 128 columns. */
function isExactCodes({ stored, role }: StoredLinear): boolean {
  if (stored.kind !== "packed" || stored.isFloatFormat === true) return false;
  return stored.fileType === undefined || (stored.groupSize <= 128 && role !== "embedding");
}

function codeTensors(
  { name, rows, cols }: StoredLinear,
  stored: StoredCodes,
  version: GptqVersion,
): readonly TensorToWrite[] {
  const { bits, groupSize } = stored;
  return gptqTensorSpecs(name, { rows, cols, bits, groups: groupCount(cols, groupSize) }).map((spec, part) => ({
    ...spec,
    async *pieces() {
      yield gptqBytes(await stored.read(), version, part);
    },
  }));
}

function floatTensorOf({ name, rows, cols, stored }: StoredLinear, dtype: FloatType): TensorToWrite {
  const where = `${name}.weight`;
  return {
    ...{ name: where, dtype, shape: [rows, cols] },
    async *pieces() {
      if (stored.kind === "packed") {
        yield floatBytesOf(dequantize(await stored.read()), dtype, where);
        return;
      }
      for (const { first, count } of rowRanges(rows, 4 * cols))
        yield floatBytesOf(await stored.readRows(first, count), dtype, where);
    },
  };
}

type FloatType = "F16" | "BF16" | "F32";

/** f32 numbers in another type. Those of bf16 are exact, as all that are written in it are. */
function floatBytesOf(weights: Float32Array, dtype: FloatType, where: string): Uint8Array {
  const { buffer, byteOffset, length } = weights;
  if (dtype === "F32") return new Uint8Array(buffer, byteOffset, 4 * length);
  // An f16 in the form of an f32 has its exponent less 112.
  const scaled = weights.map((weight) => (dtype === "F16" ? weight / TWO_112 : weight));
  const bits = new Uint32Array(scaled.buffer).map((word, at) => {
    const sign = word >>> 16;
    if (dtype === "BF16") return sign;
    const magnitude = (word & 0x7fffffff) >>> 13;
    if ((word & 0x1fff) === 0 && magnitude < 0x7c00) return (sign & 0x8000) | magnitude;
    const rounded = roundedF16(weights[at]);
    if (rounded === undefined)
      throw new NumericsError(where, `found ${weights[at]}, expected at most 65504 in f16; convert with f32 instead`);
    return rounded;
  });
  return new Uint8Array(new Uint16Array(bits).buffer);
}

/** 2 to the power of 112. */
const TWO_112 = 5192296858534828e18;

/** The settings of a folder with GPTQ tensors; undefined if it has none. Linears of other bits or in floats get a rule. */
export function gptqConfigOf(files: ModelFiles): JsonObject | undefined {
  const modules = files.linears
    .filter(({ role }) => role !== "embedding")
    .map((linear) => {
      const { stored, name } = linear;
      const isCodes = isExactCodes(linear);
      const bits: Bits | 16 = isCodes ? (stored as StoredCodes).bits : 16;
      return { name, bits, groupSize: isCodes ? (stored as StoredCodes).groupSize : 32 };
    });
  const widths = modules.flatMap(({ bits }) => (bits === 16 ? [] : [bits]));
  if (widths.length === 0) return undefined;
  const count = (bits: Bits) => widths.filter((each) => each === bits).length;
  const bits = count(4) >= count(8) ? 4 : 8;
  const config = { bits, groupSize: 32, symmetric: false, descAct: false, version: "gptq_v2" } as const;
  return writeGptqConfig({ ...config, modules, engineVersion: VERSION, meta: {} });
}
