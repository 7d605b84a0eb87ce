/** `quern generate`: text from a prompt. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import { addPromptOptions, type PromptOptions, promptIds, readPrompt } from "../input/prompt-input.ts";
import { exampleText, MODEL_SOURCES } from "../options/common-options.ts";
import { addMemoryOption, type MemoryOption } from "../options/memory-option.ts";
import { addSamplingOptions, type SamplingArguments, samplingOf } from "../options/sampling-options.ts";
import type { Action, RunCommand } from "../session/command-session.ts";

interface Options extends PromptOptions, SamplingArguments, MemoryOption {
  readonly stream?: boolean;
}

const MAX_TOKENS = 128;

export function registerGenerate(program: Command, run: RunCommand): void {
  const command = program
    .command("generate")
    .description("Continue a prompt. The text is shown as it is generated.")
    .argument("<model>", MODEL_SOURCES);
  addMemoryOption(addSamplingOptions(addPromptOptions(command), String(MAX_TOKENS)))
    .option("--stream", "with --json: one JSON line for each piece of text, then the result")
    .addHelpText("after", exampleText('quern generate models/fable-mixtral --prompt "Once upon a time" --seed 7'))
    .action(run(generateCommand));
}

const generateCommand: Action<Options> = async (session, [path], options) => {
  const { openFiles } = await import("../input/open-model.ts");
  const { collect, generate } = await import("../../runtime/generate.ts");
  const { engineInfo } = await import("../../runtime/language-model.ts");
  const { sha256 } = await import("../../files/sha256.ts");
  const prompt = await readPrompt(session, options);
  if (options.stream === true && !session.output.isJson)
    throw new UsageError("--stream", "no --json", "--json too; without --json the text is shown as it is generated");
  const started = performance.now();
  await using opened = await openFiles(session, path, { memory: options.memory });
  await promptIds(session, opened, prompt);
  if (options.stop !== undefined) await opened.tokenizer();
  const model = await opened.load();
  const loadMs = performance.now() - started;
  const pieces = generate(model, prompt, samplingOf(session, options, MAX_TOKENS));
  const lines = session.output.isJson && options.stream === true;
  const result = await collect(pieces, ({ id, text }) => {
    if (lines) session.output.line({ id: id ?? null, text });
    else session.output.piece(text);
  });
  const document = {
    ...result,
    timings: { loadMs, ...result.timings },
    hash: await sha256(Int32Array.from(result.ids)),
    engine: engineInfo(model),
    paging: model.paging,
  };
  if (lines) session.output.line(document);
  // Text is on the terminal already. For a model without a tokenizer only ids can be shown.
  else
    session.output.result(document, () =>
      typeof prompt === "string" || result.text !== "" ? "" : result.ids.join(","),
    );
};
