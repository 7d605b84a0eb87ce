/** Token ids for a command: from text through the model's tokenizer, from the arguments, or from a file of ids. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { Model } from "../../model/model.ts";
import { encodeDocuments } from "../../text/documents.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { CommandSession } from "../session/command-session.ts";
import { type IdsInput, parseIds, readIdsFile, readTextInput } from "./text-input.ts";

export interface TokenOptions {
  readonly text?: readonly string[];
  readonly ids?: string;
  readonly idsFile?: string;
}

/** Adds options for text files (documents or plain, see docs/cli.md) and ids. */
export function addTokenOptions(command: Command): Command {
  return command
    .option("--text <path...>", "text file (.txt, .raw, .gz of these), or - for stdin")
    .option("--ids <ids>", "token ids, such as 1,2,3")
    .option("--ids-file <path>", 'token ids: JSON array, .u16 or .i32, or {"windows": [[...]]}, which are used uncut');
}

function countGiven({ text, ids, idsFile }: TokenOptions): number {
  return [text, ids, idsFile].filter((value) => value !== undefined).length;
}

export function givesTokens(options: TokenOptions): boolean {
  return countGiven(options) > 0;
}

/** What tokens are made with: the loaded model, or its files before it is loaded. */
export interface TokenModel {
  readonly config: Model["config"];
  tokenizer(): Promise<Tokenizer>;
}

/** Gives token ids as soon as there is a model: a stream, or the windows of a file. */
export type TokenSource = (model: TokenModel) => Promise<IdsInput>;

/** Reads what was given, before any model is opened. @throws UsageError unless it is exactly one of the three. */
export async function prepareTokens({ signal }: CommandSession, options: TokenOptions): Promise<TokenSource> {
  const given = countGiven(options);
  if (given !== 1) throw new UsageError("input", `${given} of them`, "one of --text, --ids and --ids-file");
  if (options.text === undefined) {
    const { ids, idsFile } = options;
    const input: IdsInput =
      ids === undefined
        ? await readIdsFile(idsFile as string, signal)
        : { kind: "stream", ids: parseIds("--ids", ids) };
    return (model) => checkRange(input, model);
  }
  const texts: string[] = [];
  for (const path of options.text) texts.push(await readTextInput(path, signal));
  return async (model) => {
    const tokenizer = await model.tokenizer();
    const startId = model.config.bosId ?? model.config.eosIds[0];
    const ids: number[] = [];
    for (const text of texts)
      for (const id of await encodeDocuments(tokenizer, text, { startId, signal })) ids.push(id);
    return { kind: "stream", ids };
  };
}

/** Reads tokens at once, for a model that is open already. */
export async function readTokens(session: CommandSession, model: TokenModel, options: TokenOptions): Promise<IdsInput> {
  return (await prepareTokens(session, options))(model);
}

async function checkRange(input: IdsInput, { config }: TokenModel): Promise<IdsInput> {
  const { checkIds } = await import("../../model/pass/check-session.ts");
  for (const ids of input.kind === "stream" ? [input.ids] : input.windows) checkIds(ids, config.vocabSize);
  return input;
}
