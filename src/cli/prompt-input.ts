/** The prompt of a command: text, or token ids from the arguments or a file. */
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import type { Prompt } from "../runtime/generate.ts";
import { parseIds, readIdsFile } from "./inputs.ts";
import type { Session } from "./session.ts";

export interface PromptOptions {
  readonly prompt?: string;
  readonly ids?: string;
  readonly idsFile?: string;
}

export function addPromptOptions(command: Command): Command {
  return command
    .option("--prompt <text>", "the prompt as text, encoded as it is")
    .option("--ids <ids>", "the prompt as token ids, such as 1,2,3; needs no tokenizer")
    .option("--ids-file <path>", "the same from a file: JSON array, .u16 or .i32");
}

/** Reads what was given, before any model is loaded. @throws UsageError unless it is exactly one of the three, and not empty. */
export async function readPrompt(session: Session, options: PromptOptions): Promise<Prompt> {
  const { prompt, ids, idsFile } = options;
  const given = [prompt, ids, idsFile].filter((value) => value !== undefined).length;
  if (given !== 1) throw new UsageError("prompt", `${given} of them`, "one of --prompt, --ids and --ids-file");
  if (prompt !== undefined) return prompt;
  const input =
    ids === undefined
      ? await readIdsFile(idsFile as string, session.signal)
      : ({ kind: "stream", ids: parseIds("--ids", ids) } as const);
  if (input.kind === "windows") throw new UsageError("--ids-file", "windows", "one array of ids");
  if (input.ids.length === 0) throw new UsageError("prompt", "no tokens", "at least one");
  return { ids: input.ids };
}
