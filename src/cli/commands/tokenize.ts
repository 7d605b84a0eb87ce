/** `quern tokenize`: turns text into ids, and ids into text. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { exampleText, MODEL_SOURCES } from "../options/common-options.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";

interface TokenizeOptions {
  readonly text?: string;
  readonly file?: string;
  readonly decode?: string;
  readonly specialAsText?: boolean;
  readonly skipSpecial?: boolean;
}

export function registerTokenize(program: Command, run: RunCommand): void {
  program
    .command("tokenize")
    .description("Turn text into token ids, or ids into text. No BOS is added; a file is encoded as one string.")
    .argument("<model>", `${MODEL_SOURCES}; tokenizer files are enough`)
    .option("--text <text>", "text to encode")
    .option("--file <path>", "file to encode (.txt, .raw, .gz of these), or - for stdin")
    .option("--decode <ids>", "ids to decode, such as 1,2,3")
    .option("--special-as-text", "encode special tokens in the text as plain text")
    .option("--skip-special", "leave special tokens out of the decoded text")
    .addHelpText("after", exampleText('quern tokenize models/fable-mixtral --text "Once upon a time"'))
    .action(run(tokenize));
}

const tokenize: Action<TokenizeOptions> = async (session, [model], options) => {
  const given = [options.text, options.file, options.decode].filter((value) => value !== undefined).length;
  if (given !== 1) throw new UsageError("quern tokenize", `${given} inputs`, "one of --text, --file and --decode");
  const { parseIds, readTextInput } = await import("../input/text-input.ts");
  if (options.decode !== undefined) {
    const ids = parseIds("--decode", options.decode);
    const text = (await openTokenizer(session, model)).decode(ids, { skipSpecial: options.skipSpecial });
    session.output.result({ ids, text }, () => text);
    return;
  }
  const tokenizer = await openTokenizer(session, model);
  const text = options.text ?? (await readTextInput(options.file!, session.signal));
  const specialTokens = options.specialAsText ? "text" : "recognise";
  const ids = await tokenizer.encodeAsync(text, { specialTokens, signal: session.signal });
  session.output.result({ ids, text }, () => ids.join(","));
};

async function openTokenizer(session: CommandSession, model: string): Promise<Tokenizer> {
  const { openFolder } = await import("../input/open-model.ts");
  const { modelParts } = await import("../../model/model-source.ts");
  const folder = await openFolder(model, session);
  const parts = await modelParts(folder);
  try {
    return await parts.text.tokenizer.require();
  } finally {
    await parts.close();
    await folder.close();
  }
}
