/** `quern evaluate`: tasks, scored as lm-evaluation-harness scores them. */
import type { Command } from "commander";
import type { Journal } from "../../adapter/node-journal.ts";
import { FileError, UsageError } from "../../base/errors.ts";
import type { BaselineComparison, BaselineRow } from "../../eval/evaluation/baseline.ts";
import type { EvaluateOptions, Evaluation, TaskResult } from "../../eval/evaluation/evaluate.ts";
import type { BootstrapOptions } from "../../eval/stats/bootstrap.ts";
import type { Task } from "../../eval/tasks/task.ts";
import type { OutputFile } from "../../files/output.ts";
import type { RunIdentity } from "../../files/run-identity.ts";
import type { FolderSource } from "../../files/source.ts";
import type { Model } from "../../model/model.ts";
import { beside, claimOutputs } from "../input/claim-outputs.ts";
import { withFile } from "../input/input-file.ts";
import { exampleText, integerIn } from "../options/common-options.ts";
import { type Action, type RunCommand, type Session, WITH_RESUME } from "../session/command-session.ts";
import { ToldError } from "../session/failure.ts";

interface Options {
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
  program
    .command("evaluate")
    .description(
      "Score tasks (winogrande, copa, openbookqa, hellaswag, piqa, mmlu, ...) by log-likelihood, with standard errors.",
    )
    .argument("<model>", "model folder")
    .option("--tasks <names>", "tasks and groups, such as copa,piqa,mmlu,mmlu_astronomy,arc_easy,lambada_openai")
    .option("--task <path...>", "tasks of your own: JSON files (docs/tasks.md)")
    .requiredOption(
      "--data <dir>",
      "folder that holds copa/, piqa/, mmlu/ ...: the data sets' own files (docs/tasks.md), plain or .gz; nothing is downloaded",
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
      "items asked together; results do not depend on it",
      integerIn("--batch-size", 1, 65536),
      32,
    )
    .option("--log-samples", "every item's answers in the JSON document")
    .option("--baseline <path>", "JSON document of an earlier run with --log-samples, to compare with item by item")
    .option("--output <path>", "JSON document to write; an interrupted run keeps its answers beside it")
    .option("--resume", "go on with the interrupted run of the same --output")
    .option("--markdown", "the table in markdown")
    .addHelpText("after", exampleText(EXAMPLE))
    .action(run(evaluateCommand));
}

const evaluateCommand: Action<Options> = async (session, [path], options) => {
  const { nodeTree } = await import("../../adapter/node.ts");
  if (options.resume === true && options.output === undefined)
    throw new UsageError("--resume", "no --output", "the --output of the interrupted run");
  const { output, task = [] } = options;
  await using _claim = await claimOutputs({
    outputs: [output],
    work: [samplesOf(options)],
    inputs: [path, options.data, options.baseline, ...task],
  });
  // What is misspelt or missing is told before a model is loaded.
  const asked = await askedTasks(options);
  const baseline = options.baseline === undefined ? undefined : await openBaseline(options.baseline);
  const data = await nodeTree(options.data);
  try {
    await checkData(data, asked.tasks);
    await evaluateOn(session, path, options, { ...asked, data, baseline });
  } finally {
    await data.close();
  }
};

interface Asked {
  readonly names: readonly string[];
  readonly own: readonly Task[];
  /** All of them, groups as their members. */
  readonly tasks: readonly Task[];
}

async function askedTasks(options: Options): Promise<Asked> {
  const { findTasks } = await import("../../eval/tasks/registry.ts");
  const own = await readTasks(options.task ?? []);
  const words = (options.tasks ?? "").split(",").map((name) => name.trim());
  const names = [...words.filter((name) => name !== ""), ...own.map(({ task }) => task)];
  if (names.length === 0) throw new UsageError("--tasks", "no tasks", "names of tasks, or files with --task");
  return { names, own, tasks: findTasks(names, own).map(({ task }) => task) };
}

/** @throws FileError for a folder without a file of any task; a split that is missing among others is told with the result. */
async function checkData(data: FolderSource, tasks: readonly Task[]): Promise<void> {
  const { BUILTIN_TASKS } = await import("../../eval/tasks/registry.ts");
  const paths = new Set(
    [...tasks, ...BUILTIN_TASKS].flatMap(({ files }) => Object.values(files).flat()).map(({ path }) => path),
  );
  for (const path of [...paths].flatMap((plain) => [plain, `${plain}.gz`])) {
    const source = await data.open(path);
    await source?.close?.();
    if (source !== undefined) return;
  }
  const [first] = paths;
  throw new FileError(
    data.name,
    `found no ${first} nor any other file of a task, expected the folder that holds the data sets' files; docs/tasks.md lists them`,
  );
}

interface Materials extends Pick<Asked, "names" | "own"> {
  readonly data: FolderSource;
  readonly baseline: Compare | undefined;
}

async function evaluateOn(
  session: Session,
  path: string,
  options: Options,
  { names, own, data, baseline }: Materials,
): Promise<void> {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const { evaluate } = await import("../../eval/evaluation/evaluate.ts");
  const { sampleLine } = await import("../../eval/evaluation/sample-log.ts");
  const { openFiles } = await import("../input/open-model.ts");
  await using output = options.output === undefined ? undefined : await nodeOutputFile(options.output, session.options);
  await using opened = await openFiles(session, path);
  await opened.tokenizer();
  const model = await opened.load();
  const identity = await identityOf(session, model, options);
  await using journal = await openJournal(session, options, identity);
  if (journal !== undefined) session.goesOn(WITH_RESUME);
  const evaluation = await evaluate(model, names, data, {
    ...{ limit: options.limit, shots: options.shots, batchSize: options.batchSize, own },
    context: session.options.context,
    ...{ signal: session.signal, onProgress: session.report, known: await knownSamples(journal, identity) },
    onSamples: (task, samples) => journal?.append(...samples.map((sample) => sampleLine(task, sample))),
  });
  const compared = await baseline?.(evaluation.tasks, { seed: session.options.seed, signal: session.signal });
  const problems = [...evaluation.problems, ...(compared?.problems ?? [])];
  const told = { ...evaluation, problems };
  await tell(session, told, compared?.rows, configOf(path, model, options, identity), options, output);
  await journal?.remove();
  if (problems.length > 0)
    throw new ToldError(
      `${options.data}: ${problems.length} rows or tasks could not be scored or compared, the others were`,
    );
}

async function readTasks(paths: readonly string[]): Promise<readonly Task[]> {
  const { readTask } = await import("../../eval/tasks/parse-task.ts");
  const tasks: Task[] = [];
  for (const path of paths) tasks.push(await withFile(path, readTask));
  return tasks;
}

/** Documents with samples are large; a string of JavaScript holds no more. */
const BASELINE_LIMITS = { maxBytes: 500_000_000, maxDepth: 64 };

type Compare = (tasks: readonly TaskResult[], options: BootstrapOptions) => Promise<BaselineComparison>;

async function openBaseline(path: string): Promise<Compare> {
  const { compareWithBaseline, readBaseline } = await import("../../eval/evaluation/baseline.ts");
  const { readJson } = await import("../../files/json-file.ts");
  const samples = readBaseline(await withFile(path, (source) => readJson(source, BASELINE_LIMITS)), path);
  return (tasks, options) => compareWithBaseline(tasks, samples, path, options);
}

/** What decides the answers: a resumed run must have the same. */
async function identityOf(session: Session, model: Model, options: Options): Promise<RunIdentity> {
  const { modelHash, tokenizerHash } = await import("../../model/model-identity.ts");
  const { Turns } = await import("../../base/turns.ts");
  const { VERSION } = await import("../../base/version.ts");
  const turns = new Turns(session.signal);
  return {
    version: VERSION,
    modelHash: await modelHash(model.files, turns, session.report),
    tokenizerHash: (await tokenizerHash(model.files, turns)) ?? null,
    activations: model.activations.mode,
    activationGroup: model.activations.group,
    shots: options.shots ?? null,
    context: session.options.context ?? null,
  };
}

/** Answers so far, for `--resume`. */
function samplesOf({ output }: Options): string | undefined {
  return beside(output, ".samples.jsonl");
}

async function openJournal(session: Session, options: Options, identity: RunIdentity): Promise<Journal | undefined> {
  const path = samplesOf(options);
  if (path === undefined) return undefined;
  const { isCutFrom, nodeJournal } = await import("../../adapter/node-journal.ts");
  const { headLine, LINE_BEGINNINGS } = await import("../../eval/evaluation/sample-log.ts");
  const { force } = session.options;
  const recognise = (line: string) => (isCutFrom(line, LINE_BEGINNINGS) ? "cut" : undefined);
  return nodeJournal(path, { resume: options.resume, force, head: headLine(identity), recognise });
}

async function knownSamples(journal: Journal | undefined, identity: RunIdentity): Promise<EvaluateOptions["known"]> {
  const { readSampleLog } = await import("../../eval/evaluation/sample-log.ts");
  return journal === undefined ? undefined : readSampleLog(journal.lines, identity, journal.name);
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

async function tell(
  session: Session,
  evaluation: Evaluation,
  compared: readonly BaselineRow[] | undefined,
  config: Record<string, unknown>,
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

/** The interval of a single item has no ends, which JSON cannot say. */
function finite(row: BaselineRow): Record<string, unknown> {
  const { interval, ...rest } = row;
  return { ...rest, interval: interval.map((end) => (Number.isFinite(end) ? end : null)) };
}
