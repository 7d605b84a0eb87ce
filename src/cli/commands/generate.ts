/** `quern generate`: text from a prompt. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { GenerateOptions } from "../../runtime/generate-options.ts";
import { addPromptOptions, type PromptOptions, promptIds, readPrompt } from "../input/prompt-input.ts";
import { exampleText, integerIn, numberIn } from "../options/common-options.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";

interface Options extends PromptOptions {
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly stop?: readonly string[];
  readonly ignoreEos?: boolean;
  readonly stream?: boolean;
}

export function registerGenerate(program: Command, run: RunCommand): void {
  const command = program
    .command("generate")
    .description("Continue a prompt. The text is shown as it is generated.")
    .argument("<model>", "model folder");
  addPromptOptions(command)
    .option("--max-tokens <n>", "most tokens to generate", integerIn("--max-tokens", 1, 2 ** 24), 128)
    .option(
      "--temperature <x>",
      "temperature of sampling; 0 takes the likeliest token",
      numberIn("--temperature", { from: 0 }),
      0.8,
    )
    .option(
      "--top-p <x>",
      "sample from the smallest set of tokens that have this probability together",
      numberIn("--top-p", { above: 0, to: 1 }),
      0.95,
    )
    .option("--top-k <n>", "sample from the k likeliest tokens only; 0 means all", integerIn("--top-k", 0, 2 ** 31), 0)
    .option(
      "--min-p <x>",
      "sample only from tokens whose probability is at least this share of the likeliest one's",
      numberIn("--min-p", { from: 0, below: 1 }),
      0,
    )
    .option("--repetition-penalty <x>", "above 1 avoids repeating", numberIn("--repetition-penalty", { above: 0 }), 1)
    .option("--stop <text>", "stop before this text (can be given several times)", collect)
    .option("--ignore-eos", "do not stop at end-of-sequence tokens")
    .option("--stream", "with --json: one JSON line for each piece of text, then the result")
    .addHelpText("after", exampleText('quern generate models/fable-mixtral --prompt "Once upon a time" --seed 7'))
    .action(run(generateCommand));
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  if (text === "") throw new UsageError("--stop", "an empty string", "text that ends the generation");
  return [...before, text];
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
  await using opened = await openFiles(session, path);
  await promptIds(session, opened, prompt);
  if (options.stop !== undefined) await opened.tokenizer();
  const model = await opened.load();
  const loadMs = performance.now() - started;
  const pieces = generate(model, prompt, settingsOf(session, options));
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
  };
  if (lines) session.output.line(document);
  // Text is on the terminal already. For a model without a tokenizer only ids can be shown.
  else
    session.output.result(document, () =>
      typeof prompt === "string" || result.text !== "" ? "" : result.ids.join(","),
    );
};

function settingsOf({ options: common, signal, report }: CommandSession, options: Options): GenerateOptions {
  const { maxTokens, temperature, topP, topK, minP, repetitionPenalty, stop, ignoreEos } = options;
  const sampling = { temperature, topP, topK, minP, repetitionPenalty };
  const run = { signal, onProgress: report };
  return { ...sampling, ...run, maxTokens, stop, ignoreEos, seed: common.seed, context: common.context };
}
