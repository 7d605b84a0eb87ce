/** `quern generate`: text from a prompt. */
import { type Command, InvalidArgumentError } from "commander";
import { UsageError } from "../../errors.ts";
import type { Generated, GenerateOptions, Prompt } from "../../runtime/generate.ts";
import { exampleText, integerIn, numberIn } from "../options.ts";
import type { Action, RunCommand, Session } from "../session.ts";

interface Options {
  readonly prompt?: string;
  readonly ids?: string;
  readonly idsFile?: string;
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
  const most = Number.POSITIVE_INFINITY;
  program
    .command("generate")
    .description("Continue a prompt. Text is shown as it comes.")
    .argument("<model>", "model folder")
    .option("--prompt <text>", "text to continue, encoded as it is")
    .option("--ids <ids>", "token ids to continue, such as 1,2,3; needs no tokenizer")
    .option("--ids-file <path>", "token ids to continue: JSON array, .u16 or .i32")
    .option("--max-tokens <n>", "most tokens to generate", integerIn("--max-tokens", 1, 2 ** 24), 128)
    .option("--temperature <x>", "0 takes the likeliest token", numberIn("--temperature", 0, most), 0.8)
    .option("--top-p <x>", "smallest set of tokens with this probability", numberIn("--top-p", 0, 1), 0.95)
    .option("--top-k <n>", "only the k likeliest tokens; 0 for all", integerIn("--top-k", 0, 2 ** 31), 0)
    .option("--min-p <x>", "only tokens this likely against the likeliest", numberIn("--min-p", 0, 1), 0)
    .option("--repetition-penalty <x>", "above 1 avoids repeating", numberIn("--repetition-penalty", 0, most), 1)
    .option("--stop <text>", "end before this text (may be given several times)", collect)
    .option("--ignore-eos", "go on after end-of-sequence tokens")
    .option("--stream", "with --json: one JSON line a piece, then the result")
    .addHelpText("after", exampleText('quern generate models/fable-mixtral --prompt "Once upon a time" --seed 7'))
    .action(run(generateCommand));
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  if (text === "") throw new InvalidArgumentError("an empty stop string would end every text");
  return [...before, text];
}

const generateCommand: Action<Options> = async (session, [path], options) => {
  const { openModel } = await import("../open.ts");
  const { generate } = await import("../../runtime/generate.ts");
  const { engineInfo } = await import("../../runtime/language-model.ts");
  const { sha256 } = await import("../hash.ts");
  const prompt = await readPrompt(session, options);
  const started = performance.now();
  await using model = await openModel(session, path);
  const loadMs = performance.now() - started;
  const pieces = generate(model, prompt, settingsOf(session, options));
  const lines = session.output.isJson && options.stream === true;
  let result: Generated;
  for (;;) {
    const next = await pieces.next();
    if (next.done) {
      result = next.value;
      break;
    }
    if (lines) session.output.line({ id: next.value.id ?? null, text: next.value.text });
    else session.output.piece(next.value.text);
  }
  const document = {
    ...result,
    timings: { loadMs, ...result.timings },
    hash: await sha256(Int32Array.from(result.ids)),
    engine: engineInfo(model),
  };
  if (lines) session.output.line(document);
  else session.output.result(document, () => (typeof prompt === "string" ? "" : result.ids.join(",")));
};

async function readPrompt(session: Session, options: Options): Promise<Prompt> {
  const given = [options.prompt, options.ids, options.idsFile].filter((value) => value !== undefined).length;
  if (given !== 1) throw new UsageError("prompt", `${given} of them`, "one of --prompt, --ids and --ids-file");
  if (options.prompt !== undefined) return options.prompt;
  const { parseIds, readIdsFile } = await import("../inputs.ts");
  if (options.ids !== undefined) return { ids: parseIds("--ids", options.ids) };
  const input = await readIdsFile(options.idsFile as string, session.signal);
  if (input.kind === "windows") throw new UsageError("--ids-file", "windows", "one array of ids");
  return { ids: input.ids };
}

function settingsOf({ options: common, signal }: Session, options: Options): GenerateOptions {
  const { maxTokens, temperature, topP, topK, minP, repetitionPenalty, stop, ignoreEos } = options;
  const sampling = { temperature, topP, topK, minP, repetitionPenalty };
  return { ...sampling, maxTokens, stop, ignoreEos, seed: common.seed, context: common.context, signal };
}
