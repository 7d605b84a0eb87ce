/** The prompt of a command: text, or token ids from arguments or a file. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { CommandSession } from "../session/command-session.ts";
import type { OpenedFiles } from "./open-model.ts";
import { parseIds, readIdsFile, readTextInput } from "./text-input.ts";

/** The prompt of a command: text or ids. */
export type GivenPrompt = string | { readonly ids: readonly number[] };

export interface PromptOptions {
  readonly prompt?: string;
  readonly ids?: string;
  readonly idsFile?: string;
}

export function addPromptOptions(command: Command): Command {
  return command
    .option("--prompt <text>", "the prompt as text, encoded as it is; - reads it from stdin")
    .option("--ids <ids>", "the prompt as token ids, such as 1,2,3; needs no tokenizer")
    .option(
      "--ids-file <path>",
      "file with the prompt's token ids: JSON array, .u16 or .i32 (little endian), or - for JSON on stdin",
    );
}

/** Reads what was given, before any model is loaded. @throws UsageError unless it is exactly one of the three, and not empty. */
export async function readPrompt(session: CommandSession, options: PromptOptions): Promise<GivenPrompt> {
  const { prompt, ids, idsFile } = options;
  const given = [prompt, ids, idsFile].filter((value) => value !== undefined).length;
  if (given !== 1) throw new UsageError("prompt", `${given} of them`, "one of --prompt, --ids and --ids-file");
  if (prompt !== undefined) {
    const text = prompt === "-" ? await readTextInput("-", session.signal) : prompt;
    if (text === "") throw new UsageError("prompt", "no tokens", "at least one");
    return text;
  }
  const input =
    ids === undefined
      ? await readIdsFile(idsFile as string, session.signal)
      : ({ kind: "stream", ids: parseIds("--ids", ids) } as const);
  if (input.kind === "windows") throw new UsageError("--ids-file", "windows", "one array of ids");
  if (input.ids.length === 0) throw new UsageError("prompt", "no tokens", "at least one");
  return { ids: input.ids };
}

/** The ids of the prompt, before the weights are loaded. @throws UsageError for an id outside of the vocabulary, or more ids than the context holds. */
export async function promptIds(
  session: CommandSession,
  opened: OpenedFiles,
  prompt: GivenPrompt,
): Promise<readonly number[]> {
  const { options, signal } = session;
  const { checkIds } = await import("../../model/pass/check-session.ts");
  const ids =
    typeof prompt === "string" ? await (await opened.tokenizer()).encodeAsync(prompt, { signal }) : prompt.ids;
  const { vocabSize, maxPositions } = opened.config;
  checkIds(ids, vocabSize);
  const { context = maxPositions } = options;
  if (ids.length > context) throw new UsageError("prompt", `${ids.length} tokens`, `at most the context, ${context}`);
  return ids;
}
