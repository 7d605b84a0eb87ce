/** Token ids for a command: from text through the model's tokenizer, from the arguments, or from a file of ids. */
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { encodeDocuments } from "../text/documents.ts";
import { parseIds, readIdsFile, readTextInput } from "./inputs.ts";
import type { Session } from "./session.ts";

export interface TokenOptions {
  readonly text?: readonly string[];
  readonly ids?: string;
  readonly idsFile?: string;
}

/** Text files (documents or plain, see the README), or ids. */
export function addTokenOptions(command: Command): Command {
  return command
    .option("--text <path...>", "text file (.txt, .raw, .gz of these), or - for stdin")
    .option("--ids <ids>", "token ids, such as 1,2,3")
    .option("--ids-file <path>", 'token ids: JSON array, .u16 or .i32, or {"windows": [[...]]} taken as they are');
}

function countGiven({ text, ids, idsFile }: TokenOptions): number {
  return [text, ids, idsFile].filter((value) => value !== undefined).length;
}

export function givesTokens(options: TokenOptions): boolean {
  return countGiven(options) > 0;
}

/** A stream, or windows as a file gives them. */
export async function readTokens(
  session: Session,
  model: Model,
  options: TokenOptions,
): Promise<Awaited<ReturnType<typeof readIdsFile>>> {
  const given = countGiven(options);
  if (given !== 1) throw new UsageError("input", `${given} of them`, "one of --text, --ids and --ids-file");
  if (options.ids !== undefined) return { kind: "stream", ids: parseIds("--ids", options.ids) };
  if (options.idsFile !== undefined) return readIdsFile(options.idsFile, session.signal);
  const tokenizer = await model.tokenizer();
  const startId = model.config.bosId ?? model.config.eosIds[0];
  const ids: number[] = [];
  for (const path of options.text as readonly string[]) {
    const more = encodeDocuments(tokenizer, await readTextInput(path, session.signal), { startId });
    for (const id of more) ids.push(id);
  }
  return { kind: "stream", ids };
}
