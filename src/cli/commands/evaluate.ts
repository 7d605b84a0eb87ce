/** `quern evaluate`: scores tasks as lm-evaluation-harness does. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { BaselineRow } from "../../eval/evaluation/baseline.ts";
import type { Evaluation } from "../../eval/evaluation/evaluate.ts";
import type { OutputFile } from "../../files/output.ts";
import type { RunIdentity } from "../../files/run-identity.ts";
import type { FolderSource } from "../../files/source.ts";
import type { Model } from "../../model/model.ts";
import { answersIdentity, answersPath, openAnswers } from "../input/answers-journal.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import {
  type AskedTasks,
  type CompareWithBaseline,
  openBaseline,
  readAskedTasks,
  requireTaskData,
} from "../input/task-input.ts";
import { exampleText, integerIn, MODEL_SOURCES } from "../options/common-options.ts";
import { addMemoryOption, type MemoryOption } from "../options/memory-option.ts";
import { ToldError } from "../session/command-failure.ts";
import { type Action, type CommandSession, type RunCommand, WITH_RESUME } from "../session/command-session.ts";

interface Options extends MemoryOption {
  readonly tasks?: string;
  readonly task?: readonly string[];
  readonly data: string;
  readonly limit?: number;
  readonly shots?: number;
  readonly batchSize: number;
  readonly logSamples?: boolean;
  readonly baseline?: string;
  readonly output?: string;
  readonly resume?: boolean;
  readonly markdown?: boolean;
}

const EXAMPLE = `quern evaluate models/fable-mixtral --tasks copa,piqa --data test/fixtures/eval/data --log-samples --output out/float.json
  quern quantize models/fable-mixtral --bits 2 --method rtn --output out/fable-2bit
  quern evaluate out/fable-2bit --tasks copa,piqa --data test/fixtures/eval/data --baseline out/float.json

That folder of a checkout holds a few rows of each task; docs/tasks.md lists the whole data sets' files.`;

export function registerEvaluate(program: Command, run: RunCommand): void {
  const command = program
    .command("evaluate")
    .description(
      "Score tasks (winogrande, copa, openbookqa, hellaswag, piqa, mmlu, ...) by log-likelihood, with standard errors.",
    )
    .argument("<model>", MODEL_SOURCES)
    .option("--tasks <names>", "tasks and groups, such as copa,piqa,mmlu,mmlu_astronomy,arc_easy,lambada_openai")
    .option("--task <path...>", "JSON files with tasks of your own (docs/tasks.md)")
    .requiredOption(
      "--data <dir>",
      "folder with the data sets' own files in copa/, piqa/, mmlu/ ... (docs/tasks.md), plain or .gz; nothing is downloaded",
    )
    .option(
      "--limit <n>",
      "only the first N rows of each task, and of each subject of MMLU",
      integerIn("--limit", 1, 2 ** 31),
    )
    .option(
      "--shots <n>",
      "examples before each question (default: the task's own number)",
      integerIn("--shots", 0, 1000),
    )
    .option(
      "--batch-size <n>",
      "items that are scored together; results do not depend on it",
      integerIn("--batch-size", 1, 65536),
      32,
    )
    .option("--log-samples", "put every item's answers into the JSON document")
    .option("--baseline <path>", "JSON document of an earlier run with --log-samples, to compare with, item by item")
    .option("--output <path>", "JSON document to write; an interrupted run keeps its answers beside this file")
    .option("--resume", "resume the interrupted run of the same --output")
    .option("--markdown", "print the table in markdown");
  addMemoryOption(command).addHelpText("after", exampleText(EXAMPLE)).action(run(evaluateCommand));
}

const evaluateCommand: Action<Options> = async (session, [path], options) => {
  const { nodeTree } = await import("../../adapter/node.ts");
  if (options.resume === true && options.output === undefined)
    throw new UsageError("--resume", "no --output", "the --output of the interrupted run");
  const { output, task = [] } = options;
  await using _claim = await claimOutputs({
    outputs: [output],
    work: [answersPath(options)],
    inputs: [path, options.data, options.baseline, ...task],
  });
  // Misspelt names and missing files are reported before a model is loaded.
  const asked = await readAskedTasks(options);
  const baseline = options.baseline === undefined ? undefined : await openBaseline(options.baseline);
  const data = await nodeTree(options.data);
  try {
    await requireTaskData(data, asked.tasks);
    await evaluateOn(session, path, options, { ...asked, data, baseline });
  } finally {
    await data.close();
  }
};

interface Materials extends Pick<AskedTasks, "names" | "own"> {
  readonly data: FolderSource;
  readonly baseline: CompareWithBaseline | undefined;
}

async function evaluateOn(
  session: CommandSession,
  path: string,
  options: Options,
  { names, own, data, baseline }: Materials,
): Promise<void> {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const { evaluate } = await import("../../eval/evaluation/evaluate.ts");
  const { openFiles } = await import("../input/open-model.ts");
  await using output = options.output === undefined ? undefined : await nodeOutputFile(options.output, session.options);
  await using opened = await openFiles(session, path, { memory: options.memory });
  await opened.tokenizer();
  const model = await opened.load();
  const identity = await answersIdentity(session, model, options);
  const kept = answersPath(options);
  const { resume } = options;
  await using answers =
    kept === undefined ? undefined : await openAnswers(kept, identity, { ...session.options, resume });
  if (answers !== undefined) session.goesOn(WITH_RESUME);
  const evaluation = await evaluate(model, names, {
    data,
    ...{ limit: options.limit, shots: options.shots, batchSize: options.batchSize, own },
    context: session.options.context,
    ...{ signal: session.signal, onProgress: session.report, known: answers?.known, onSamples: answers?.onSamples },
  });
  const compared = await baseline?.(evaluation.tasks, { seed: session.options.seed, signal: session.signal });
  const problems = [...evaluation.problems, ...(compared?.problems ?? [])];
  const told = { ...evaluation, problems };
  const tables = { evaluation: told, compared: compared?.rows, config: configOf(path, model, options, identity) };
  await tell(session, tables, options, output);
  await answers?.remove();
  if (problems.length > 0)
    throw new ToldError(
      `${options.data}: ${problems.length} rows or tasks could not be scored or compared, the others were`,
    );
}

function configOf(path: string, model: Model, options: Options, identity: RunIdentity): Record<string, unknown> {
  const { build, threads } = model.machine;
  const { limit = null, batchSize } = options;
  return {
    model: path,
    model_type: model.config.modelType,
    limit,
    batch_size: batchSize,
    ...identity,
    kernels: build,
    threads,
  };
}

/** An evaluation, what a baseline says of it, and how it was run. */
interface Told {
  readonly evaluation: Evaluation;
  readonly compared: readonly BaselineRow[] | undefined;
  readonly config: Record<string, unknown>;
}

async function tell(
  session: CommandSession,
  { evaluation, compared, config }: Told,
  options: Options,
  output: OutputFile | undefined,
): Promise<void> {
  const { harnessDocument } = await import("../../eval/evaluation/harness-document.ts");
  const { evaluationTable } = await import("../show/evaluation-table.ts");
  const { toJson } = await import("../show/command-output.ts");
  const errors = evaluation.problems.map(({ code, message, details }) => ({ ...details, code, message }));
  for (const { code, message } of errors) session.note(`${code}: ${message}`);
  const document = {
    ...harnessDocument(evaluation, config, { samples: options.logSamples }),
    ...(compared !== undefined && { baseline: compared.map(finite) }),
    ...(errors.length > 0 && { error: errors[0], errors }),
  };
  await output?.write(new TextEncoder().encode(`${toJson(document)}\n`));
  await output?.commit();
  session.output.result(document, () => evaluationTable(evaluation, compared, { markdown: options.markdown === true }));
}

/** The interval of a single item is infinite, which JSON cannot express. */
function finite(row: BaselineRow): Record<string, unknown> {
  const { interval, ...rest } = row;
  return { ...rest, interval: interval.map((end) => (Number.isFinite(end) ? end : null)) };
}
