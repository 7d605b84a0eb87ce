/** The README of a written folder: what it is, how it was made, who can load it. */
import type { GptqVersion } from "../format/gptq-packing.ts";
import type { Spelling } from "../model/families/family.ts";
import type { ModelFiles } from "../model/model.ts";
import { VERSION } from "../version.ts";
import type { Quantized } from "./quantized.ts";
import type { QuantizeSettings } from "./settings.ts";

export interface FolderFacts {
  readonly spelling: Spelling;
  readonly version: GptqVersion;
  readonly bits: number;
  readonly trueBytes: number;
}

export function folderReadme(
  files: ModelFiles,
  quantized: Quantized,
  settings: QuantizeSettings,
  facts: FolderFacts,
): string {
  const rounded = quantized.modules.filter((module) => module.method === "rtn" && settings.method === "gptq");
  const starved = quantized.starved.map(
    ({ layer, expert, tokens, remedy }) => `layer ${layer} expert ${expert} (${tokens} tokens, ${remedy})`,
  );
  const lines = [
    `# ${modelName(files.name)}, quantised`,
    "",
    `A GPTQ checkpoint written by Quern ${VERSION}.`,
    "",
    `- average bits ${facts.bits.toFixed(4)} over the quantised linears (scales and zeros apart); ${facts.trueBytes} bytes of weights on disk`,
    `- method ${settings.method}, ${settings.symmetric ? "symmetric" : "asymmetric"}, clip search ${settings.clip}, act-order ${settings.actOrder}, damp ${settings.dampPercent}`,
    `- format ${facts.version}; expert names in the ${facts.spelling === "hub" ? "hub's spelling (vLLM and SGLang read it)" : "spelling of transformers 5 (GPTQModel reads it)"}`,
    "- mixed bits, where there are any, stand as `dynamic` rules in quantize_config.json; every linear left float has a `-:` rule",
    "- router, norms, embedding and head are as in the source",
  ];
  if (rounded.length > 0) lines.push(`- rounded instead of GPTQ: ${rounded.map((module) => module.name).join(", ")}`);
  if (starved.length > 0) lines.push(`- experts that calibration hardly reached: ${starved.join("; ")}`);
  return `${lines.join("\n")}\n`;
}

/** The folder's own name, not the path to it. */
function modelName(path: string): string {
  return path.split(/[/\\]/).filter(Boolean).at(-1) ?? "model";
}
