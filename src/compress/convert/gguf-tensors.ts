/** Lists the tensors of a GGUF model for a folder in Hugging Face layout: floats as they are, quantised weights as GPTQ or as floats. */

import { NumericsError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import { VERSION } from "../../base/version.ts";
import type { StoredCodes } from "../../format/codecs/codec.ts";
import { writeGptqConfig } from "../../format/gptq/gptq-dynamic.ts";
import { gptqBytes, gptqTensorSpecs } from "../../format/gptq/gptq-tensors.ts";
import { copyOf, type TensorToWrite } from "../../format/safetensors-writer.ts";
import { requireTensor } from "../../format/tensor-index.ts";
import type { ModelFiles } from "../../model/model.ts";
import type { StoredLinear } from "../../model/weights/locate.ts";
import { modelVectors } from "../../model/weights/vectors.ts";
import { dequantize } from "../../quant/quantization-error.ts";
import { roundedF16 } from "../../tensor/float16.ts";
import { rowRanges } from "../../tensor/lay-panels.ts";
import type { Bits } from "../../tensor/linear-shape.ts";

/** How quantised weights are written. */
export type ConvertedWeights = "exact" | "f16" | "f32";

export function tensorsOfGguf(files: ModelFiles, weights: ConvertedWeights): readonly TensorToWrite[] {
  const others = modelVectors(files.names, files.config).map(({ tensor }) =>
    copyOf(requireTensor(files.index, tensor)),
  );
  const linears = files.linears.flatMap((linear) => {
    const { bias } = linear.stored;
    const biases = bias === undefined ? [] : [copyOf(bias.tensor)];
    return [...linearTensors(linear, weights), ...biases];
  });
  return [...linears, ...others];
}

function linearTensors(linear: StoredLinear, weights: ConvertedWeights): readonly TensorToWrite[] {
  const { stored, name } = linear;
  if (stored.fileType === undefined) return stored.kind === "float" ? [copyOf(stored.tensor, `${name}.weight`)] : [];
  if (weights === "exact" && isExactCodes(linear)) return codeTensors(linear, stored as StoredCodes);
  return [floatTensorOf(linear, weights === "f16" ? "F16" : "F32")];
}

/** Whether GPTQ tensors hold the same weights. Readers expect a float embedding, and groups of at most 128 columns. */
function isExactCodes({ stored, role }: StoredLinear): boolean {
  return stored.kind === "packed" && stored.groupSize <= 128 && role !== "embedding";
}

function codeTensors({ name, rows, cols }: StoredLinear, stored: StoredCodes): readonly TensorToWrite[] {
  const { bits, groupSize } = stored;
  return gptqTensorSpecs(name, { rows, cols, bits, groups: cols / groupSize }).map((spec, part) => ({
    ...spec,
    async *pieces() {
      yield gptqBytes(await stored.read(), "gptq_v2", part);
    },
  }));
}

function floatTensorOf({ name, rows, cols, stored }: StoredLinear, dtype: "F16" | "F32"): TensorToWrite {
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

function floatBytesOf(weights: Float32Array, dtype: "F16" | "F32", where: string): Uint8Array {
  if (dtype === "F32") return new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  const bits = Uint16Array.from(weights, (weight) => {
    const rounded = roundedF16(weight);
    if (rounded === undefined)
      throw new NumericsError(where, `found ${weight}, expected at most 65504 in f16; convert with f32 instead`);
    return rounded;
  });
  return new Uint8Array(bits.buffer);
}

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
