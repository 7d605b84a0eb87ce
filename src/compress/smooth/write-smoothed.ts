/** Writes a smoothed model as a float folder: changed weights in f32, all else as it is, tokenizer, README. */

import { VERSION } from "../../base/version.ts";
import type { OutputFolder } from "../../files/output.ts";
import { committed } from "../../files/output.ts";
import { requireTensor } from "../../format/safetensors.ts";
import { copyOf, type TensorToWrite, writeSafetensors } from "../../format/safetensors-writer.ts";
import type { ModelFiles } from "../../model/model.ts";
import { readFloats } from "../../model/weights/load-weights.ts";
import type { StoredLinear, StoredMatrix } from "../../model/weights/locate.ts";
import { listTensors, renamed, shapesOfFiles } from "../recipe/model-shapes.ts";
import { copyCompanions, floatTensor, jsonText, WEIGHTS_FILE, writeText } from "../write/write-quantized.ts";
import type { Smoothing } from "./smooth-model.ts";

/** Commits the folder and gives the bytes of its weights; on any failure nothing remains. */
export async function writeSmoothed(
  files: ModelFiles,
  smoothing: Smoothing,
  output: OutputFolder,
): Promise<{ readonly bytes: number }> {
  return committed(output, async () => {
    const sink = await output.file(WEIGHTS_FILE);
    const bytes = await writeSafetensors(sink, tensorsOf(files, smoothing));
    await sink.close();
    await writeText(output, "config.json", jsonText({ ...files.json, torch_dtype: "float32" }));
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
      if (stored.kind === "packed" || (byRow === undefined && byColumn === undefined))
        return floatTensor(files, linear, name);
      return scaledTensor(files, linear, stored, byRow, byColumn);
    },
    other: ({ name }) => {
      const factors = norms.get(name);
      return factors === undefined ? copyOf(requireTensor(files.index, name)) : scaledNorm(files, name, factors);
    },
  });
}

/** Element [n][k] times the factors of its row and of its column. */
function scaledTensor(
  files: ModelFiles,
  { name, rows, cols }: StoredLinear,
  { entry, rowOffset }: StoredMatrix & { kind: "float" },
  byRow: Float32Array | undefined,
  byColumn: Float32Array | undefined,
): TensorToWrite {
  return {
    ...{ name: `${name}.weight`, dtype: "F32", shape: [rows, cols] },
    async *pieces() {
      const weights = await readFloats(files.index, entry, rowOffset * cols, rows * cols);
      for (let row = 0; row < rows; row++)
        for (let col = 0; col < cols; col++) weights[row * cols + col] *= (byRow?.[row] ?? 1) * (byColumn?.[col] ?? 1);
      yield bytesOf(weights);
    },
  };
}

function scaledNorm(files: ModelFiles, name: string, factors: Float32Array): TensorToWrite {
  return {
    ...{ name, dtype: "F32", shape: [factors.length] },
    async *pieces() {
      const weights = await readFloats(files.index, requireTensor(files.index, name), 0, factors.length);
      yield bytesOf(weights.map((weight, at) => weight * factors[at]));
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
