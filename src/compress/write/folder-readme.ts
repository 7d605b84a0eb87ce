/** Makes the README of a written folder: what it is, how it was made, which programs load it. */

import { VERSION } from "../../base/version.ts";
import type { GptqVersion } from "../../format/gptq/gptq-packing.ts";
import type { Spelling } from "../../model/config/module-names.ts";
import type { ModelFiles } from "../../model/model.ts";
import { isQuantizable } from "../../tensor/linear-shape.ts";
import type { QuantizeSettings } from "../recipe/settings.ts";
import type { Quantized } from "../result/quantized.ts";
import { settingsText } from "./folder-meta.ts";
import { readersOf } from "./readers.ts";

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
  const outer = outerText(files, settings);
  const rounded = quantized.modules.filter(
    ({ name, method }) => method === "rtn" && settings.method === "gptq" && name !== files.names.embedding,
  );
  const starved = quantized.starved.map(
    ({ layer, expert, tokens, remedy }) => `layer ${layer} expert ${expert} (${tokens} tokens, ${remedy})`,
  );
  const lines = [
    `# ${modelName(files.name)}, quantised`,
    "",
    `A GPTQ checkpoint written by Quern ${VERSION}.`,
    "",
    `- average bits ${facts.bits.toFixed(4)} over the quantised linears (without scales and zeros); ${facts.trueBytes} bytes of weights on disk`,
    `- ${settingsText(settings)}`,
    `- format ${facts.version}${files.config.experts > 0 ? `; expert names in the ${spellingText(facts.spelling)}` : ""}`,
    ...readersOf(files.family, facts.spelling).map((reader) => `- ${reader}`),
    "- mixed bits, if any, are `dynamic` rules in quantize_config.json; every linear left float has a `-:` rule",
    `- router and norms are as in the source${outer.length === 0 ? ", and so are embedding and head" : ""}`,
    ...outer,
  ];
  if (rounded.length > 0) lines.push(`- rounded instead of GPTQ: ${rounded.map((module) => module.name).join(", ")}`);
  const changed = quantized.modules.filter(({ method, note }) => method === "gptq" && note !== undefined);
  if (changed.length > 0)
    lines.push(`- damped more than requested: ${changed.map(({ name, damp }) => `${name} (${damp})`).join(", ")}`);
  if (starved.length > 0) lines.push(`- experts with few calibration tokens: ${starved.join("; ")}`);
  return `${lines.join("\n")}\n`;
}

function spellingText(spelling: Spelling): string {
  return spelling === "hub" ? "hub's spelling" : "spelling of transformers 5";
}

/** How embedding and head are stored, if that differs from the source. */
function outerText({ linears, config }: ModelFiles, settings: QuantizeSettings): readonly string[] {
  return linears.flatMap((linear) => {
    const setting = settings.modules.get(linear.name);
    if (isQuantizable(linear) || setting === undefined) return [];
    if (setting.bits === 16) return [`- the ${linear.role} is a matrix of its own`];
    const isShared = linear.role === "embedding" && config.tiedEmbeddings;
    return [
      `- ${isShared ? "embedding and head are one matrix" : `the ${linear.role} has codes`} of ${setting.bits} bits`,
    ];
  });
}

/** The folder's name without its path. */
function modelName(path: string): string {
  return path.split(/[/\\]/).filter(Boolean).at(-1) ?? "model";
}
