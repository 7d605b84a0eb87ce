/** Writes a smoothed model as a float folder: changed weights in f32, everything else unchanged, with tokenizer and README. */

import { jsonText, withFields } from "../../base/json-text.ts";
import { VERSION } from "../../base/version.ts";
import type { OutputFolder } from "../../files/output.ts";
import { committed } from "../../files/output.ts";
import type { StoredFloat, StoredVector } from "../../format/codecs/codec.ts";
import { locateVector } from "../../format/codecs/float-rows.ts";
import { copyOf, type TensorToWrite, writeSafetensors } from "../../format/safetensors-writer.ts";
import { requireTensor } from "../../format/tensor-index.ts";
import type { ModelFiles } from "../../model/model.ts";
import { rowRanges } from "../../tensor/lay-panels.ts";
import { listTensors, renamed, shapesOfFiles } from "../recipe/model-shapes.ts";
import { copyCompanions, writeText } from "../write/companions.ts";
import { floatTensor, WEIGHTS_FILE } from "../write/write-quantized.ts";
import type { Smoothing } from "./smooth-model.ts";

/** Writes and commits the folder, and returns the bytes of its weights. If anything fails, nothing remains. */
export async function writeSmoothed(
  files: ModelFiles,
  smoothing: Smoothing,
  output: OutputFolder,
): Promise<{ readonly bytes: number }> {
  return committed(output, async () => {
    const sink = await output.file(WEIGHTS_FILE);
    const bytes = await writeSafetensors(sink, tensorsOf(files, smoothing));
    await sink.close();
    const field = "dtype" in files.json ? "dtype" : "torch_dtype";
    await writeText(output, "config.json", jsonText(withFields(files.json, { [field]: "float32" })));
    await copyCompanions(files, output);
    await writeText(output, "README.md", readme(smoothing));
    return { bytes };
  });
}

function tensorsOf(files: ModelFiles, { rows, columns, norms }: Smoothing): readonly TensorToWrite[] {
  const shapes = shapesOfFiles(files);
  return listTensors<TensorToWrite>(shapes, renamed(shapes, files.spelling), {
    packed: () => undefined,
    float: ({ name: source }, index, name) => {
      const linear = files.linears[index];
      const { stored } = linear;
      const [byRow, byColumn] = [rows.get(source), columns.get(source)];
      if (stored.kind !== "float" || (byRow === undefined && byColumn === undefined))
        return floatTensor(files, linear, name);
      return scaledTensor(stored, `${name}.weight`, byRow, byColumn);
    },
    bias: ({ name: source }, index, { name }) => {
      const bias = files.linears[index].stored.bias as StoredVector;
      const byRow = rows.get(source);
      return byRow === undefined ? copyOf(bias.tensor, name) : scaledVector(bias, name, byRow);
    },
    other: ({ name }) => {
      const factors = norms.get(name);
      return factors === undefined
        ? copyOf(requireTensor(files.index, name))
        : scaledVector(locateVector(files.index, name, factors.length), name, factors);
    },
  });
}

/** Element [n][k] times the factors of its row and its column. */
function scaledTensor(
  stored: StoredFloat,
  name: string,
  byRow: Float32Array | undefined,
  byColumn: Float32Array | undefined,
): TensorToWrite {
  const [rows, cols] = stored.tensor.shape;
  return {
    ...{ name, dtype: "F32", shape: [rows, cols] },
    async *pieces() {
      for (const { first, count } of rowRanges(rows, 4 * cols)) {
        const weights = await stored.readRows(first, count);
        for (let row = 0; row < count; row++) {
          const factor = byRow?.[first + row] ?? 1;
          for (let col = 0; col < cols; col++) weights[row * cols + col] *= factor * (byColumn?.[col] ?? 1);
        }
        yield bytesOf(weights);
      }
    },
  };
}

function scaledVector(vector: StoredVector, name: string, factors: Float32Array): TensorToWrite {
  return {
    ...{ name, dtype: "F32", shape: [factors.length] },
    async *pieces() {
      const values = await vector.read();
      yield bytesOf(values.map((value, at) => value * factors[at]));
    },
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function readme({ sites }: Smoothing): string {
  const smoothed = sites.filter(({ alpha }) => alpha !== null).length;
  return [
    "# A smoothed model",
    "",
    `Written by Quern ${VERSION}: a float model whose activations are easier to round (SmoothQuant, arXiv 2211.10438).`,
    `It computes what its source computes; ${smoothed} of ${sites.length} inputs were rescaled. Changed weights are f32.`,
    "",
  ].join("\n");
}
