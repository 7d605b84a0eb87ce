/** `quern convert`: writes a model as a bundle, or the model of a bundle or a GGUF file as a folder in Hugging Face layout. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { ConvertedWeights } from "../../compress/convert/folder-tensors.ts";
import { bundleOutput, writeBundle } from "../bundle/write-bundle-file.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import { exampleText, MODEL_SOURCES, oneOf } from "../options/common-options.ts";
import type { Action, RunCommand } from "../session/command-session.ts";

interface Options {
  readonly weights: ConvertedWeights;
}

export function registerConvert(program: Command, run: RunCommand): void {
  program
    .command("convert")
    .description(
      "Write a model as a bundle, one file that loads fast and whose experts are read one by one; or a bundle or GGUF file as a folder in " +
        "Hugging Face layout. Tokenizer and chat template come along; floats stay as they are.",
    )
    .argument("<model>", `${MODEL_SOURCES}; for a folder: .quern or .gguf`)
    .argument("<output>", "file to write if it ends in .quern, else folder")
    .option(
      "--weights <exact|f16|f32>",
      "quantised weights in a folder; exact: GPTQ tensors (Q4_0, Q5_0, Q8_0: gptq_v2, groups of 32), others in f32; " +
        "f16 (rounds weights) and f32: all as floats",
      oneOf("--weights", ["exact", "f16", "f32"]),
      "exact",
    )
    .addHelpText(
      "after",
      exampleText(
        "quern convert models/fable-mixtral out/fable.quern\n" +
          "  quern convert out/fable.quern out/fable\n" +
          "  quern convert test/fixtures/gguf/tiny-mixtral-q4_0.gguf out/tiny-mixtral --weights f16",
      ),
    )
    .action(run(convert));
}

const convert: Action<Options> = async (session, [path, target], { weights }) => {
  const { openFolder, openMachine } = await import("../input/open-model.ts");
  const { isBundleName } = await import("../../files/given/whole-model.ts");
  await using _claim = await claimOutputs({ outputs: [target], inputs: [path] });
  if (isBundleName(target)) {
    if (weights !== "exact")
      throw new UsageError("--weights", `${weights} with a bundle`, "exact: a bundle holds weights as they are");
    await using file = await bundleOutput(session, target);
    const bytes = await writeBundle(session, path, file);
    session.output.result({ output: target, bytes }, () => `${target}: ${(bytes / 1e6).toFixed(1)} MB`);
    return;
  }
  const { convertModel } = await import("../../compress/convert/convert-model.ts");
  const { nodeOutput } = await import("../../adapter/node-output.ts");
  await using output = await nodeOutput(target, session.options);
  const folder = await openFolder(path, session);
  await using machine = await openMachine(session);
  const run = { signal: session.signal, onProgress: session.report };
  const { bytes } = await convertModel(folder, { output, weights, machine, ...run });
  session.output.result(
    { output: output.name, bytes },
    () => `${output.name}: ${(bytes / 1e6).toFixed(1)} MB of weights`,
  );
};
