/** `quern convert`: writes the model of a GGUF file as a folder in Hugging Face layout. */
import type { Command } from "commander";
import type { ConvertedWeights } from "../../compress/convert/gguf-tensors.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import { exampleText, oneOf } from "../options/common-options.ts";
import type { Action, RunCommand } from "../session/command-session.ts";

interface Options {
  readonly weights: ConvertedWeights;
}

export function registerConvert(program: Command, run: RunCommand): void {
  program
    .command("convert")
    .description(
      "Write a GGUF model as a folder in Hugging Face layout, with its tokenizer and chat template. Float weights stay as they are.",
    )
    .argument("<model>", "GGUF file, or a folder that holds one")
    .argument("<output>", "folder to write")
    .option(
      "--weights <exact|f16|f32>",
      "quantised weights; exact: Q4_0, Q5_0 and Q8_0 as GPTQ tensors (gptq_v2, groups of 32), other types and the embedding in f32; " +
        "f16 (rounds weights) and f32: all as floats",
      oneOf("--weights", ["exact", "f16", "f32"]),
      "exact",
    )
    .addHelpText(
      "after",
      exampleText("quern convert test/fixtures/gguf/tiny-mixtral-q4_0.gguf out/tiny-mixtral --weights f16"),
    )
    .action(run(convert));
}

const convert: Action<Options> = async (session, [path, directory], { weights }) => {
  const { openFolder } = await import("../input/open-model.ts");
  const { convertGguf } = await import("../../compress/convert/convert-gguf.ts");
  const { nodeOutput } = await import("../../adapter/node-output.ts");
  await using _claim = await claimOutputs({ outputs: [directory], inputs: [path] });
  await using output = await nodeOutput(directory, session.options);
  const folder = await openFolder(path);
  const run = { signal: session.signal, onProgress: session.report };
  const { bytes } = await convertGguf(folder, { output, weights, ...run });
  session.output.result(
    { output: output.name, bytes },
    () => `${output.name}: ${(bytes / 1e6).toFixed(1)} MB of weights`,
  );
};
