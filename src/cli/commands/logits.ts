/** `quern logits`: the logits of all positions of a prompt and, on request, residual streams and router choices. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { OutputFile } from "../../files/output.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import { addPromptOptions, type PromptOptions, promptIds, readPrompt } from "../input/prompt-input.ts";
import { exampleText, MODEL_SOURCES } from "../options/common-options.ts";
import { addMemoryOption, type MemoryOption } from "../options/memory-option.ts";
import type { Action, RunCommand } from "../session/command-session.ts";

interface Options extends PromptOptions, MemoryOption {
  readonly output?: string;
  readonly tap?: boolean;
}

export function registerLogits(program: Command, run: RunCommand): void {
  const command = program
    .command("logits")
    .description("Write the logits of every position, float32 [tokens, vocabulary], and print their SHA-256.")
    .argument("<model>", MODEL_SOURCES);
  addMemoryOption(addPromptOptions(command))
    .option("--output <path>", "file to write: .npy or .safetensors")
    .option("--tap", "also write residual streams and router choices (.safetensors only)")
    .addHelpText("after", exampleText("quern logits models/fable-mixtral --ids 0,430,410 --output out/logits.npy"))
    .action(run(logitsCommand));
}

const logitsCommand: Action<Options> = async (session, [path], options) => {
  const { openFiles } = await import("../input/open-model.ts");
  const { computeLogits, computeTapped } = await import("../../runtime/logits.ts");
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const { sha256 } = await import("../../files/sha256.ts");
  checkOutput(options);
  await using _claim = await claimOutputs({ outputs: [options.output], inputs: [path, options.idsFile] });
  const prompt = await readPrompt(session, options);
  await using output = options.output === undefined ? undefined : await nodeOutputFile(options.output, session.options);
  await using opened = await openFiles(session, path, { memory: options.memory });
  const ids = await promptIds(session, opened, prompt);
  const model = await opened.load();
  const run = { signal: session.signal };
  const tapped = options.tap ? await computeTapped(model, ids, run) : undefined;
  const logits = tapped?.logits ?? (await computeLogits(model, ids, run));
  if (output !== undefined) await writeOutput(output, logits, tapped?.tensors ?? []);
  await output?.commit();
  const hash = await sha256(logits.data);
  const { mode } = model.activations;
  const { build, threads } = model.machine;
  const facts = { tokens: logits.rows, vocab: logits.vocab, activations: mode, kernels: build, threads };
  session.output.result(
    { hash, ...facts },
    () => `${hash}  ${logits.rows} x ${logits.vocab} logits, ${mode} activations`,
  );
};

function checkOutput(options: Options): void {
  const { output, tap } = options;
  if (output === undefined) {
    if (tap) throw new UsageError("--tap", "no --output", "a .safetensors file to write to");
    return;
  }
  const wanted = tap ? [".safetensors"] : [".npy", ".safetensors"];
  if (!wanted.some((ending) => output.endsWith(ending)))
    throw new UsageError("--output", JSON.stringify(output), `a name that ends in ${wanted.join(" or ")}`);
}

interface WrittenLogits {
  readonly data: Float32Array;
  readonly rows: number;
  readonly vocab: number;
}

async function writeOutput(
  output: OutputFile,
  logits: WrittenLogits,
  tensors: readonly { name: string; dtype: "F32" | "I32"; shape: readonly number[]; data: ArrayBufferView }[],
): Promise<void> {
  if (output.name.endsWith(".npy")) {
    const { writeNpy } = await import("../../format/npy.ts");
    await writeNpy(output, [logits.rows, logits.vocab], [logits.data]);
    return;
  }
  const { tensorOf, writeSafetensors } = await import("../../format/safetensors-writer.ts");
  const all = [
    { name: "logits", dtype: "F32" as const, shape: [logits.rows, logits.vocab], data: logits.data },
    ...tensors,
  ];
  await writeSafetensors(
    output,
    all.map(({ name, dtype, shape, data }) => tensorOf(name, dtype, shape, data)),
  );
}
