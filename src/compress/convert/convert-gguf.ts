/** Writes the model of a GGUF file as a folder in Hugging Face layout: weights, configuration, tokenizer with chat template, README. */

import { UnsupportedError, UsageError } from "../../base/errors.ts";
import { jsonText, withFields } from "../../base/json-text.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { Turns } from "../../base/turns.ts";
import { VERSION } from "../../base/version.ts";
import { committed, type OutputFolder } from "../../files/output.ts";
import type { FolderSource } from "../../files/source.ts";
import type { TensorToWrite } from "../../format/safetensors-writer.ts";
import { type ModelFiles, type Progress, readModelFiles } from "../../model/model.ts";
import { copyCompanions, writeText } from "../write/write-quantized.ts";
import { type ConvertedWeights, gptqConfigOf, tensorsOfGguf } from "./gguf-tensors.ts";
import { joinBanks } from "./join-banks.ts";
import { writeShards } from "./write-shards.ts";

/** Options of `convertGguf`: the output, how quantised weights are written, the size of files, and callbacks. */
export interface ConvertOptions {
  /** The folder to write. It is committed, or aborted on any failure. */
  readonly output: OutputFolder;
  /**
   * How quantised weights are written. `exact`: as GPTQ tensors where those hold the same weights (Q4_0, Q5_0 and Q8_0 of attention, MLPs
   * and head), in f32 otherwise. `f16`, `f32`: all as floats; f16 rounds them. Float weights stay as they are. Default: `exact`.
   */
  readonly weights?: ConvertedWeights;
  /** Most bytes of weights in one file; above it, there are several files and an index. Default: 5 GB. */
  readonly shardBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const OPTIONS: KnownOptions<ConvertOptions> = {
  ...{ output: true, weights: true, shardBytes: true, signal: true, onProgress: true },
};
const WEIGHTS: readonly ConvertedWeights[] = ["exact", "f16", "f32"];

/**
 * Converts the GGUF model of a folder. @returns the bytes of all weight files.
 * @throws UnsupportedError for a folder without a GGUF file, and the errors of reading and writing. If anything fails, nothing remains.
 */
export async function convertGguf(folder: FolderSource, options: ConvertOptions): Promise<{ readonly bytes: number }> {
  checkKnownOptions<ConvertOptions>("convertGguf", options, OPTIONS);
  const { output, weights = "exact", shardBytes = 5e9 } = options;
  if (!WEIGHTS.includes(weights)) throw new UsageError("weights", String(weights), WEIGHTS.join(", "));
  if (!(shardBytes >= 1)) throw new UsageError("shardBytes", String(shardBytes), "a number from 1");
  const files = await readModelFiles(folder);
  try {
    if (files.folder === folder) throw new UnsupportedError(folder.name, "no GGUF file", ["the path of a GGUF file"]);
    return await committed(output, () => writeFolder(files, { ...options, weights, shardBytes }));
  } finally {
    await files.index.close();
  }
}

type Filled = ConvertOptions & Required<Pick<ConvertOptions, "weights" | "shardBytes">>;

async function writeFolder(files: ModelFiles, options: Filled): Promise<{ readonly bytes: number }> {
  const { output, weights, shardBytes } = options;
  const turns = new Turns(options.signal);
  const tensors = joinBanks(files, tensorsOfGguf(files, weights));
  const onBytes = (done: number, total: number) =>
    options.onProgress?.({ phase: "convert", done, total, unit: "bytes" });
  const bytes = await writeShards(output, tensors, { shardBytes, turns, onBytes });
  const config = weights === "exact" ? gptqConfigOf(files) : undefined;
  if (config !== undefined) await writeText(output, "quantize_config.json", jsonText(config));
  const quantized = config === undefined ? {} : { quantization_config: config };
  const torch_dtype = weights === "f16" ? "float16" : mostlyFloat(tensors);
  await writeText(output, "config.json", jsonText(withFields(files.json, { torch_dtype, ...quantized })));
  await copyCompanions(files, output);
  await writeText(output, "README.md", readme(files, weights, config !== undefined));
  return { bytes };
}

const TORCH = { F32: "float32", F16: "float16", BF16: "bfloat16" } as const;

/** The float type with the most elements. */
function mostlyFloat(tensors: readonly TensorToWrite[]): string {
  const counts = new Map<string, number>();
  for (const { dtype, shape } of tensors)
    if (dtype in TORCH)
      counts.set(dtype, (counts.get(dtype) ?? 0) + shape.reduce((product, size) => product * size, 1));
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return TORCH[(most?.[0] ?? "F32") as keyof typeof TORCH];
}

function readme(files: ModelFiles, weights: ConvertedWeights, hasCodes: boolean): string {
  const types = [...new Set(files.linears.flatMap(({ stored }) => stored.fileType?.name ?? []))];
  const quantized =
    types.length === 0
      ? "All weights are floats, unchanged."
      : weights === "f16"
        ? `Weights of ${types.join(", ")} are rounded to f16.`
        : `Weights of ${types.join(", ")} are unchanged: ${hasCodes ? "GPTQ tensors (gptq_v2) where those are exact, f32 otherwise" : "f32"}.`;
  return ["# Converted from a GGUF file", "", `Written by Quern ${VERSION}. ${quantized}`, ""].join("\n");
}
