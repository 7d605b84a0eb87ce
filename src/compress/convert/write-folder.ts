/** Writes a model of another container as a folder in Hugging Face layout: weights, configuration, tokenizer with chat template, README. */
import { UsageError } from "../../base/errors.ts";
import { jsonText, withFields } from "../../base/json-text.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { Turns } from "../../base/turns.ts";
import { VERSION } from "../../base/version.ts";
import type { OutputFolder } from "../../files/output.ts";
import type { GptqVersion } from "../../format/gptq/gptq-packing.ts";
import type { TensorToWrite } from "../../format/safetensors-writer.ts";
import type { ModelFiles, Progress } from "../../model/model.ts";
import type { Machine } from "../../wasm/machine.ts";
import { copyCompanions, writeText } from "../write/companions.ts";
import { type ConvertedWeights, folderTensors, gptqConfigOf, hasSameSettings } from "./folder-tensors.ts";
import { joinBanks } from "./join-banks.ts";
import { writeShards } from "./write-shards.ts";

/** Options of `convertModel`: the output, the engine that reads a bundle, how quantised weights are written, the size of files, and callbacks. */
export interface ConvertOptions {
  /** The folder to write. It is committed, or aborted on any failure. */
  readonly output: OutputFolder;
  /** What reads the weights of a bundle, one linear in memory at a time; not needed for a GGUF file. It stays the caller's. */
  readonly machine?: Machine;
  /**
   * How quantised weights are written. `exact`: as GPTQ tensors where those hold the same weights (those of GPTQ, and Q4_0, Q5_0 and Q8_0 of
   * attention, MLPs and head), in f32 (MXFP4: bf16) otherwise. `f16`, `f32`: all as floats; f16 rounds them. Float weights stay as they are. Default: `exact`.
   */
  readonly weights?: ConvertedWeights;
  /** Most bytes of weights in one file; above it, there are several files and an index. Default: 5 GB. */
  readonly shardBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const OPTIONS: KnownOptions<ConvertOptions> = {
  ...{ output: true, machine: true, weights: true, shardBytes: true, signal: true, onProgress: true },
};
const WEIGHTS: readonly ConvertedWeights[] = ["exact", "f16", "f32"];

/** @throws UsageError for options that there are not, or that have no such value. */
export function checkConvertOptions(options: ConvertOptions): void {
  checkKnownOptions<ConvertOptions>("convertModel", options, OPTIONS);
  const { weights = "exact", shardBytes = 1 } = options;
  if (!WEIGHTS.includes(weights)) throw new UsageError("weights", String(weights), WEIGHTS.join(", "));
  if (!(shardBytes >= 1)) throw new UsageError("shardBytes", String(shardBytes), "a number from 1");
}

/**
 * Writes all files, and returns the bytes of those with weights. Nothing is committed.
 * @param version of GPTQ tensors under a bundle's own settings; undefined for a GGUF file, which has none.
 */
export async function writeFolder(
  files: ModelFiles,
  options: ConvertOptions,
  version?: GptqVersion,
): Promise<{ readonly bytes: number }> {
  const { output, weights = "exact", shardBytes = 5e9, signal, onProgress } = options;
  const isKept = version !== undefined && hasSameSettings(files, weights);
  const tensors = joinBanks(files, folderTensors(files, { weights, version: isKept ? version : "gptq_v2" }));
  const onBytes = (done: number, total: number) => onProgress?.({ phase: "convert", done, total, unit: "bytes" });
  const bytes = await writeShards(output, tensors, { shardBytes, turns: new Turns(signal), onBytes });
  const copied = isKept ? /j(son|inja)$/ : /^chat_t|jinja$/;
  const listed = await files.folder.list();
  await copyCompanions(
    files,
    output,
    listed.filter((name) => copied.test(name)),
  );
  if (!isKept) {
    const config = weights === "exact" ? gptqConfigOf(files) : undefined;
    if (config !== undefined) await writeText(output, "quantize_config.json", jsonText(config));
    const field = "dtype" in files.json ? "dtype" : "torch_dtype";
    const type = weights === "f16" ? "float16" : mostlyFloat(tensors);
    const changes = { [field]: type, quantization_config: config };
    await writeText(output, "config.json", jsonText(withFields(files.json, changes)));
  }
  await writeText(output, "README.md", `# Converted by Quern ${VERSION}, --weights ${weights}\n`);
  return { bytes };
}

const TORCH: Readonly<Partial<Record<string, string>>> = { F32: "float32", F16: "float16", BF16: "bfloat16" };

/** The float type with the most elements. */
function mostlyFloat(tensors: readonly TensorToWrite[]): string | undefined {
  const elements = (type: string) =>
    tensors.reduce((sum, { dtype, shape }) => (dtype === type ? sum + shape.reduce((a, b) => a * b, 1) : sum), 0);
  const [most] = Object.keys(TORCH).sort((a, b) => elements(b) - elements(a));
  return TORCH[most];
}
