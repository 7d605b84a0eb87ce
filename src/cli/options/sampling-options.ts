/** The options of commands that generate text. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { GenerateOptions } from "../../runtime/generate-options.ts";
import { type CommonOptions, integerIn, numberIn } from "./common-options.ts";

export interface SamplingArguments {
  readonly maxTokens?: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly stop?: readonly string[];
  readonly ignoreEos?: boolean;
}

/** @param most what the help says of `--max-tokens`, which has its default from the command. */
export function addSamplingOptions(command: Command, most: string): Command {
  return command
    .option("--max-tokens <n>", `most tokens to generate (default: ${most})`, integerIn("--max-tokens", 1, 2 ** 24))
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
    .option("--stop <text>", "stop before this text (can be given several times)", collectStops)
    .option("--ignore-eos", "do not stop at end-of-sequence tokens");
}

function collectStops(text: string, before: readonly string[] = []): readonly string[] {
  if (text === "") throw new UsageError("--stop", "an empty string", "text that ends the generation");
  return [...before, text];
}

/** What a generation needs of the command that runs it. */
export interface GeneratingCommand extends Pick<GenerateOptions, "signal"> {
  readonly options: Pick<CommonOptions, "seed" | "context">;
  readonly report: GenerateOptions["onProgress"];
}

/** The settings of a generation. */
export function samplingOf(
  { options: common, signal, report }: GeneratingCommand,
  { maxTokens, temperature, topP, topK, minP, repetitionPenalty, stop, ignoreEos }: SamplingArguments,
  mostTokens: number,
): GenerateOptions {
  const sampling = { temperature, topP, topK, minP, repetitionPenalty };
  const run = { signal, onProgress: report };
  const length = { maxTokens: maxTokens ?? mostTokens, stop, ignoreEos };
  return { ...sampling, ...run, ...length, seed: common.seed, context: common.context };
}
