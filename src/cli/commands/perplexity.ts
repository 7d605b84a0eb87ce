/** `quern perplexity`: how well a model predicts a text. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { Perplexity, TextPerplexity } from "../../eval/perplexity/perplexity.ts";
import { type Protocol, protocolSequences } from "../../eval/scoring/protocols.ts";
import { longestWindow } from "../../eval/scoring/scored-windows.ts";
import type { Model } from "../../model/model.ts";
import type { IdsInput } from "../input/text-input.ts";
import { addTokenOptions, prepareTokens, type TokenOptions } from "../input/token-input.ts";
import {
  addStudyOption,
  checkStudy,
  exampleText,
  integerIn,
  MODEL_SOURCES,
  oneOf,
  type StudyOption,
} from "../options/common-options.ts";
import { addMemoryOption, type MemoryOption } from "../options/memory-option.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";

interface Options extends TokenOptions, MemoryOption {
  readonly protocol: Protocol;
  readonly window?: number;
  readonly stride?: number;
  readonly limit?: number;
  readonly studyActivations?: StudyOption;
}

const PROTOCOLS = ["windows", "strided", "llama.cpp", "rolling"] as const;

const EXAMPLE = `quern generate models/fable-mixtral --prompt "Once upon a time" --max-tokens 300 --ignore-eos > story.txt
  quern perplexity models/fable-mixtral --text story.txt --window 64`;

export function registerPerplexity(program: Command, run: RunCommand): void {
  const command = program
    .command("perplexity")
    .description(
      "Measure how well a model predicts a text: perplexity and mean NLL, with the protocol of the measurement.",
    )
    .argument("<model>", MODEL_SOURCES);
  addStudyOption(
    addMemoryOption(addTokenOptions(command)),
    "round the inputs of linears this way, by token or by group of columns, and compute in f32",
  )
    .option(
      "--protocol <name>",
      "windows: no overlap, the first id of each is not scored; strided: windows overlap, every id is scored once; llama.cpp: the second half of each window is scored; rolling: every id is scored, the first after BOS",
      oneOf("--protocol", PROTOCOLS),
      "windows",
    )
    .option(
      "--window <n>",
      "ids in a window (default: 512, or the model's context if that is less)",
      integerIn("--window", 2, 2 ** 24),
    )
    .option(
      "--stride <n>",
      "ids from the beginning of a strided window to that of the next (default: half a window)",
      integerIn("--stride", 1, 2 ** 24),
    )
    .option("--limit <n>", "only the first N ids of the text", integerIn("--limit", 1, 2 ** 31))
    .addHelpText("after", exampleText(EXAMPLE))
    .action(run(perplexityCommand));
}

const perplexityCommand: Action<Options> = async (session, [path], options) => {
  const { protocol, limit } = options;
  if (options.stride !== undefined && protocol !== "strided")
    throw new UsageError("--stride", `the protocol ${protocol}`, "--protocol strided");
  checkStudy(session.options, options.studyActivations);
  const { openFiles } = await import("../input/open-model.ts");
  const { activationsName } = await import("../../nn/emit.ts");
  const { perplexity, perplexityOfWindows } = await import("../../eval/perplexity/perplexity.ts");
  const tokens = await prepareTokens(session, options);
  await using opened = await openFiles(session, path, { memory: options.memory });
  const input = await tokens(opened);
  checkInput(session, opened.config, input, options);
  const loaded = await opened.load();
  const model = options.studyActivations === undefined ? loaded : loaded.withActivations(options.studyActivations);
  const run = { signal: session.signal, onProgress: session.report };
  const activations = activationsName(model.activations);
  if (input.kind === "windows") {
    const result = await perplexityOfWindows(model, input.windows, run);
    return session.output.result({ ...result, activations }, () => describe(result, activations));
  }
  const { context = model.config.maxPositions } = session.options;
  const window = options.window ?? Math.min(512, context);
  const stride = protocol === "strided" ? { stride: options.stride ?? Math.max(1, window >> 1) } : {};
  const result = await perplexity(model, input.ids, { ...run, context, protocol, window, ...stride, limit });
  const text = options.text === undefined ? undefined : await perText(model, input.ids.slice(0, limit), result);
  session.output.result({ ...result, ...text, window, ...stride, activations }, () =>
    describe(result, activations, text),
  );
};

/** Checks the tokens before the weights are loaded. A file of windows sets the protocol and the lengths itself. */
function checkInput(session: CommandSession, config: Model["config"], input: IdsInput, options: Options): void {
  const { maxPositions } = config;
  if (input.kind === "stream") {
    const { context = maxPositions } = session.options;
    // The ids that begin a text do not matter here.
    protocolSequences(input.ids, options, { maxPositions: context, bosId: undefined, startId: 0 });
    return;
  }
  if (options.protocol !== "windows")
    throw new UsageError("--protocol", options.protocol, "windows, as the file gives them");
  longestWindow(input.windows, maxPositions);
}

/** Perplexity by word and byte of the text that the ids stand for, without special tokens. */
async function perText(model: Model, ids: readonly number[], { nll }: Perplexity): Promise<TextPerplexity> {
  const { textPerplexity } = await import("../../eval/perplexity/perplexity.ts");
  const text = (await model.tokenizer()).decode(ids, { skipSpecial: true });
  return textPerplexity(text, ids.length, nll);
}

function describe(result: Perplexity, activations: string, text?: TextPerplexity): string {
  const { scoredTokens, windows, protocol } = result;
  const lines = [
    `perplexity ${result.perplexity.toFixed(4)} +- ${result.perplexityStdErr.toFixed(4)}`,
    `nll ${result.nll.toFixed(6)} +- ${result.nllStdErr.toFixed(6)} nats a token`,
    `${scoredTokens} tokens scored in ${windows} windows (protocol ${protocol}, ${activations} activations)`,
  ];
  if (text === undefined) return lines.join("\n");
  const { wordPerplexity, bytePerplexity, bitsPerByte, words, bytes } = text;
  return [
    ...lines,
    `word perplexity ${wordPerplexity.toFixed(4)}, byte perplexity ${bytePerplexity.toFixed(5)}, ${bitsPerByte.toFixed(5)} bits per byte (${words} words, ${bytes} bytes)`,
  ].join("\n");
}
