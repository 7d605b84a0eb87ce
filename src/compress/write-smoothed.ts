/** Writes a smoothed model as a float folder: changed weights in f32, all else as it is, tokenizer, README. */
import { UsageError } from "../errors.ts";
import type { OutputFolder } from "../format/output.ts";
import { requireTensor } from "../format/safetensors.ts";
import { copyOf, type TensorToWrite, writeSafetensors } from "../format/safetensors-writer.ts";
import { readFloats } from "../model/load.ts";
import type { Placement } from "../model/locate.ts";
import type { ModelFiles } from "../model/model.ts";
import { VERSION } from "../version.ts";
import { committed } from "./committed.ts";
import type { Smoothing } from "./smooth.ts";
import { copyCompanions, floatTensor, isNorm, jsonText, WEIGHTS_FILE, writeText } from "./write.ts";

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
  const tensors: TensorToWrite[] = [];
  for (const placement of files.placements) {
    if (placement.kind === "packed")
      throw new UsageError(files.name, "a model that is quantised already", "a float model");
    const { name } = placement.slot;
    const [byRow, byColumn] = [rows.get(name), columns.get(name)];
    const changed = byRow !== undefined || byColumn !== undefined;
    tensors.push(changed ? scaledTensor(files, placement, byRow, byColumn) : floatTensor(placement, name));
  }
  const taken = new Set(tensors.map((tensor) => tensor.name));
  for (const entry of files.index.entries.values()) {
    if (taken.has(entry.name) || !isNorm(entry.name)) continue;
    const factors = norms.get(entry.name);
    tensors.push(factors === undefined ? copyOf(entry) : scaledNorm(files, entry.name, factors));
  }
  return tensors;
}

/** Element [n][k] times the factors of its row and of its column. */
function scaledTensor(
  files: ModelFiles,
  { slot, entry, rowOffset }: Placement & { kind: "float" },
  byRow: Float32Array | undefined,
  byColumn: Float32Array | undefined,
): TensorToWrite {
  const { name, rows, cols } = slot;
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
