/** `quern compare`: how much a model differs from a reference, usually its float original, which runs alongside or was saved before. */
import { type Command, Option } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { CompareOptions, ReferenceComparison } from "../../eval/compare/compare.ts";
import type { SavedReference } from "../../eval/compare/saved-reference.ts";
import { DEFAULT_WINDOW, longestWindow, scoredWindows } from "../../eval/scoring/scored-windows.ts";
import type { OutputFile } from "../../files/output.ts";
import type { Model } from "../../model/model.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import type { OpenedFiles } from "../input/open-model.ts";
import type { IdsInput } from "../input/text-input.ts";
import { addTokenOptions, givesTokens, prepareTokens, type TokenOptions } from "../input/token-input.ts";
import {
  type ActivationsOption,
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
  readonly reference?: string;
  readonly saveReference?: string;
  readonly referenceActivations?: ActivationsOption;
  readonly studyActivations?: StudyOption;
  readonly window?: number;
  readonly limit?: number;
}

const EXAMPLE = `quern quantize models/fable-mixtral --bits 4 --method rtn --output out/fable-4bit
  quern generate models/fable-mixtral --prompt "Once upon a time" --max-tokens 300 --ignore-eos > story.txt
  quern compare out/fable-4bit --reference models/fable-mixtral --text story.txt --window 64 --save-reference out/reference.safetensors
  quern compare out/fable-4bit --reference out/reference.safetensors`;

export function registerCompare(program: Command, run: RunCommand): void {
  const command = program
    .command("compare")
    .description("Compare a model with a reference, token by token: KL, agreement on the top token, routing.")
    .argument("<model>", MODEL_SOURCES)
    .option("--reference <path>", "the model to compare with, or its saved logits (.safetensors)")
    .option(
      "--save-reference <path>",
      "file to save the reference's logits in; without --reference only MODEL's logits are saved",
    );
  addStudyOption(
    addMemoryOption(addTokenOptions(command)),
    "round the inputs of MODEL's linears this way, by token or by group of columns, and compute in f32",
  )
    .addOption(
      new Option("--reference-activations <mode>", "arithmetic of the reference (default: f32)").argParser(
        oneOf("--reference-activations", ["f32", "int16", "int8"]),
      ),
    )
    .option(
      "--window <n>",
      "ids in a window (default: 512, or those of the saved reference)",
      integerIn("--window", 2, 2 ** 24),
    )
    .option("--limit <n>", "only the first N ids of the text", integerIn("--limit", 1, 2 ** 31))
    .addHelpText("after", exampleText(EXAMPLE))
    .action(run(compareCommand));
}

const compareCommand: Action<Options> = async (session, [path], options) => {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const { reference, saveReference } = options;
  const isFile = reference?.endsWith(".safetensors") === true;
  checkOptions(options, isFile);
  checkStudy(session.options, options.studyActivations);
  const { text = [], idsFile } = options;
  await using _claim = await claimOutputs({ outputs: [saveReference], inputs: [path, reference, ...text, idsFile] });
  await using output = saveReference === undefined ? undefined : await nodeOutputFile(saveReference, session.options);
  if (reference === undefined) await save(session, path, output as OutputFile, options);
  else if (isFile) await compareSaved(session, path, reference, options);
  else await compareRunning(session, path, reference, output, options);
};

function checkOptions({ reference, saveReference, studyActivations }: Options, isFile: boolean): void {
  if (reference === undefined && saveReference === undefined)
    throw new UsageError("--reference", "nothing", "a model, a saved reference (.safetensors), or --save-reference");
  if (isFile && saveReference !== undefined)
    throw new UsageError("--save-reference", "a reference that is saved already", "a model as --reference");
  if (saveReference !== undefined && !saveReference.endsWith(".safetensors"))
    throw new UsageError("--save-reference", JSON.stringify(saveReference), "a name that ends in .safetensors");
  if (reference === undefined && studyActivations !== undefined)
    throw new UsageError(
      "--study-activations",
      "no --reference",
      "--reference: a reference is not saved with rounded inputs",
    );
}

async function compareRunning(
  session: CommandSession,
  path: string,
  referencePath: string,
  saveTo: OutputFile | undefined,
  options: Options,
): Promise<void> {
  const { openFiles } = await import("../input/open-model.ts");
  const tokens = await prepareTokens(session, options);
  await using opened = await openFiles(session, path, { memory: options.memory });
  const activations = options.referenceActivations ?? "f32";
  await using reference = await openFiles(session, referencePath, { activations, memory: options.memory });
  const input = checkInput(opened, await tokens(opened), options);
  await show(session, await opened.load(), await reference.load(), input, { ...options, saveTo });
}

async function compareSaved(session: CommandSession, path: string, file: string, options: Options): Promise<void> {
  const { openFiles } = await import("../input/open-model.ts");
  const { nodeFile } = await import("../../adapter/node.ts");
  const { openReference } = await import("../../eval/compare/saved-reference.ts");
  await using reference = await openReference(await nodeFile(file));
  const { activations } = reference.facts;
  if ((options.referenceActivations ?? activations) !== activations)
    throw new UsageError(
      "--reference-activations",
      `${options.referenceActivations}`,
      `${activations}, as ${file} has`,
    );
  // Without token options the windows of the file are used.
  const tokens = givesTokens(options) ? await prepareTokens(session, options) : undefined;
  await using opened = await openFiles(session, path, { memory: options.memory });
  const input = tokens && (await tokens(opened));
  await show(session, await opened.load(), reference, input, options);
}

async function show(
  session: CommandSession,
  opened: Model,
  reference: Model | SavedReference,
  input: IdsInput | undefined,
  options: Options & Pick<CompareOptions, "saveTo">,
): Promise<void> {
  const { activationsName } = await import("../../nn/emit.ts");
  const { compare } = await import("../../eval/compare/compare.ts");
  const { window, limit, saveTo, studyActivations } = options;
  const model = studyActivations === undefined ? opened : opened.withActivations(studyActivations);
  const activations = activationsName(model.activations);
  const on = input?.kind === "windows" ? { windows: input.windows } : { ids: input?.ids, window, limit };
  const run = { saveTo, signal: session.signal, onProgress: session.report };
  const result = await compare(model, reference, { ...on, ...run });
  session.output.result({ ...result, activations }, () => describe(result, activations));
}

/** Checks the input before the weights are loaded. @throws UsageError for windows that are too long for the model, or too few tokens. */
function checkInput({ config }: OpenedFiles, input: IdsInput, { window = DEFAULT_WINDOW, limit }: Options): IdsInput {
  if (input.kind === "windows") longestWindow(input.windows, config.maxPositions);
  else scoredWindows(input.ids, { window, limit }, config.maxPositions);
  return input;
}

/** Runs MODEL as the reference: in f32 unless the options say otherwise. */
async function save(session: CommandSession, path: string, output: OutputFile, options: Options): Promise<void> {
  const { openFiles } = await import("../input/open-model.ts");
  const { saveReference } = await import("../../eval/compare/save-reference.ts");
  const activations = options.referenceActivations ?? session.options.activations ?? "f32";
  const tokens = await prepareTokens(session, options);
  await using opened = await openFiles(session, path, { activations, memory: options.memory });
  const input = checkInput(opened, await tokens(opened), options);
  const { window = DEFAULT_WINDOW, limit } = options;
  const protocol = input.kind === "windows" ? undefined : { window, limit };
  const windows =
    input.kind === "windows" ? input.windows : scoredWindows(input.ids, { window, limit }, opened.config.maxPositions);
  const model = await opened.load();
  const run = { output, protocol, signal: session.signal, onProgress: session.report };
  const { name, hash, bytes, scoredTokens, ...saved } = await saveReference(model, windows, run);
  session.output.result(
    {
      output: output.name,
      ...{ bytes, scoredTokens, windows: saved.windows, activations },
      reference: { name, saved: false, hash },
    },
    () => `${output.name}: ${scoredTokens} tokens of ${name}, ${(bytes / 1e6).toFixed(1)} MB`,
  );
}

function describe(result: ReferenceComparison, activations: string): string {
  const { kl, sameTop, perplexityRatio, perplexity, deltaP, routing, scoredTokens, reference } = result;
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  const tail = (["p50", "p90", "p95", "p99", "p999", "max"] as const).map((key) => `${key} ${kl[key].toFixed(5)}`);
  const changes = routing.map(({ layer, changed }) => `${layer}: ${percent(changed)}`);
  return [
    `KL ${kl.mean.toFixed(6)} +- ${kl.stdErr.toFixed(6)} nats a token (${tail.join(", ")})`,
    `same top token ${percent(sameTop.value)} +- ${percent(sameTop.stdErr)}`,
    `perplexity ${perplexity.model.toFixed(4)} against ${perplexity.reference.toFixed(4)}, ratio ${perplexityRatio.toFixed(5)}`,
    `delta p: rms ${percent(deltaP.rms)}, mean ${percent(deltaP.mean)}`,
    ...(routing.length === 0 ? [] : [`routing changed: ${changes.join(", ")}`]),
    `${scoredTokens} tokens scored against ${reference.name}${reference.saved ? " (saved)" : ""}, ${activations} activations`,
  ].join("\n");
}
