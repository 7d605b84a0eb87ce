/** `quern sweep`: measures models x plans x grids x calibration draws x seeds, cell by cell. */
import type { Command } from "commander";
import type { Journal } from "../../adapter/node-journal.ts";
import { UsageError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import { exampleText, integerIn } from "../options/common-options.ts";
import { ToldError } from "../session/command-failure.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";
import type { SweepCell } from "../sweep/cell-list.ts";
import type { SweepConfig } from "../sweep/config/sweep-config.ts";
import type { FailedCell } from "../sweep/run-sweep.ts";
import { type MetricsAddress, metricsAddress } from "../sweep/spread/sweep-metrics.ts";

interface Options {
  readonly output?: string;
  readonly jobs?: number;
  readonly only?: string;
  readonly dryRun?: boolean;
  /** For the processes that this command starts. */
  readonly cell?: string;
  readonly prepare?: boolean;
  readonly cache?: string;
  readonly queue?: string;
  readonly store?: string;
  readonly status?: boolean;
  readonly metrics?: MetricsAddress;
}

const EXAMPLE = `quern sweep bench/quantmoe/fable-mixtral.json --dry-run
  quern sweep bench/quantmoe/fable-mixtral.json --only "uniform 4" --output out/fable.jsonl

Without --only the second measures every cell, which takes long; stopped with Ctrl-C, the same command goes on.`;

export function registerSweep(program: Command, run: RunCommand): void {
  program
    .command("sweep")
    .description(
      "Quantise and measure every combination that a configuration names. A sweep that was stopped or killed is resumed.",
    )
    .argument("<config>", "configuration (JSON, docs/sweep.md)")
    .option(
      "--output <path>",
      "results, one JSON line for each cell (default: CONFIG with .results.jsonl); cells in this file are not run again",
    )
    .option(
      "--jobs <n>",
      "number of cells that run at a time, each in a process of its own (default: --threads)",
      integerIn("--jobs", 1, 256),
    )
    .option("--only <text>", "run only cells whose model, plan, grid, draw and seed contain this text")
    .option("--dry-run", "list the cells without running them, with bits and bytes if these follow from shapes alone")
    .option("--cell <key>", "run one cell and print its line on stdout only; - reads the whole cell from stdin")
    .option("--prepare", "with --cell: make only what the cell shares with others")
    .option("--queue <url>", "hand cells to workers (quern work): redis://HOST:PORT or postgres://USER@HOST/DATABASE")
    .option(
      "--store <dir>",
      "with --queue: folder that all machines see, or s3://BUCKET/PREFIX, for inputs and results",
    )
    .option("--status", "with --queue: print how many cells are done, running and waiting, and do nothing")
    .option(
      "--metrics <[host:]port>",
      "with --queue: answer GET /metrics in the text format of Prometheus",
      metricsAddress,
    )
    .option("--cache <dir>", "folder for files that cells share (default: OUTPUT with .cache, removed at the end)")
    .addHelpText("after", exampleText(EXAMPLE))
    .action(run(sweep));
}

const sweep: Action<Options> = async (session, [path], options) => {
  if (options.cell !== undefined) endWithParent();
  const { readSweepConfig } = await import("../sweep/config/read-sweep-config.ts");
  const { cellName, cellsOf } = await import("../sweep/cell-list.ts");
  const config = await readSweepConfig(path);
  const cache = options.cache ?? `${path}.cache`;
  if (options.cell === "-") return runOne(session, config, await readCell(session.signal), cache, options);
  checkSpread(options);
  const cells = await cellsOf(config, session);
  if (options.cell !== undefined) {
    const cell = cells.find(({ key }) => key === options.cell);
    if (cell === undefined) throw new UsageError("--cell", options.cell, `a key of ${path}`);
    return runOne(session, config, cell, cache, options);
  }
  const wanted = cells.filter((cell) => cellName(cell).includes(options.only ?? ""));
  if (wanted.length === 0)
    throw new UsageError("--only", JSON.stringify(options.only), "text that some cell's name holds");
  if (options.dryRun === true) {
    const { listCells } = await import("../sweep/dry-run-list.ts");
    return listCells(session, wanted);
  }
  if (options.status === true) {
    const { tellStatus } = await import("../sweep/spread/tell-status.ts");
    return tellStatus(session, wanted, options as Required<Options>);
  }
  await runAll(session, path, config, wanted, options);
};

/** @throws UsageError for an option of a sweep over many machines without the others. */
function checkSpread({ queue, store, status, metrics, jobs }: Options): void {
  if (queue !== undefined && store === undefined)
    throw new UsageError("--queue", "no --store", "--store with a folder that all machines see");
  if (queue === undefined && store !== undefined)
    throw new UsageError("--store", "no --queue", "--queue with its address");
  if (queue === undefined && status === true) throw new UsageError("--status", "no --queue", "--queue and --store");
  if (queue === undefined && metrics !== undefined)
    throw new UsageError("--metrics", "no --queue", "--queue and --store");
  if (queue !== undefined && jobs !== undefined)
    throw new UsageError("--jobs", "it with --queue", "--jobs of quern work, which runs the cells");
}

/** Reads the cell that a sweep hands to its process. It comes with its hashes, for which a large model's weights are read only once. */
async function readCell(signal: AbortSignal): Promise<SweepCell> {
  const { readTextInput } = await import("../input/text-input.ts");
  const { parseSweepCell } = await import("../sweep/cell-list.ts");
  return parseSweepCell(await readTextInput("-", signal), "stdin");
}

async function runOne(
  own: CommandSession,
  config: SweepConfig,
  cell: SweepCell,
  cache: string,
  { prepare: onlyPrepare, cell: from }: Options,
): Promise<void> {
  const { openCache } = await import("../sweep/cache/sweep-cache.ts");
  const { runCell } = await import("../sweep/run-cell.ts");
  const { prepareReference, prepareStatistics } = await import("../sweep/cell-inputs.ts");
  const { tellParent } = await import("../sweep/cell-process.ts");
  const session = process.send === undefined ? own : { ...own, report: tellParent() };
  await using _claim = await claimOutputs({ outputs: [], work: [cache], inputs: inputsOf(config) });
  await openCache(cache);
  const folder = { cache, isInOrder: from === "-" };
  if (onlyPrepare !== true) return session.output.line({ ...(await runCell(session, config, cell, folder)) });
  await prepareStatistics(session, config, cell, folder);
  for (const metric of config.metrics) if (metric.type === "kl") await prepareReference(session, cell, metric, folder);
  session.output.line({ prepared: cell.key });
}

/** Every file and folder that cells read. */
function inputsOf({ models, calibration, metrics }: SweepConfig): readonly (string | undefined)[] {
  return [
    ...models.map(({ path }) => path),
    ...calibration.flatMap(({ idsFile, text = [] }) => [idsFile, ...text]),
    ...metrics.flatMap((metric) => (metric.type === "tasks" ? [metric.data] : [metric.text, metric.idsFile])),
  ];
}

/** Ends this process when its parent is gone: a parent that was killed cannot stop its cells. */
function endWithParent(): void {
  if (process.send === undefined) return; // begun by hand
  if (!process.connected) process.exit(1);
  process.on("disconnect", () => process.exit(1));
  process.channel?.unref();
}

async function runAll(
  session: CommandSession,
  path: string,
  config: SweepConfig,
  cells: readonly SweepCell[],
  options: Options,
): Promise<void> {
  const { nodeJournal } = await import("../../adapter/node-journal.ts");
  const { cellName } = await import("../sweep/cell-list.ts");
  const { knownResults, recognise } = await import("../sweep/run-sweep.ts");
  const output = options.output ?? path.replace(/(\.json)?$/, ".results.jsonl");
  const cache = options.cache ?? `${output}.cache`;
  const { force } = session.options;
  // Two sweeps at once would run every cell twice and clear each other's cache.
  await using _claim = await claimOutputs({ outputs: [output, cache], inputs: [path, ...inputsOf(config)] });
  await using journal = await nodeJournal(output, { resume: !force, force, recognise });
  const known = knownResults(journal);
  const left = cells.filter(({ key }) => !known.has(key));
  if (left.length < cells.length)
    session.note(`${output}: going on after ${cells.length - left.length} of ${cells.length} cells`);
  const results = cells.map(({ key }) => known.get(key)).filter((result) => result !== undefined);
  for (const result of results) if (session.output.isJson) session.output.line(result);
  session.goesOn(`the same command${force ? " without --force" : ""} goes on after the cells that are done`);
  const onResult = (result: JsonObject) => void (session.output.isJson && session.output.line(result));
  const failed = await runLeft(session, left, { config, cache, journal, onResult, options });
  for (const { cell, message } of failed) session.note(`${cellName(cell)}: ${message}`);
  if (failed.length > 0)
    throw new ToldError(`${output}: ${failed.length} of ${cells.length} cells failed, the others are there`);
  session.output.piece(`${output}: ${cells.length} cells\n`);
}

interface LeftRun {
  readonly config: SweepConfig;
  readonly cache: string;
  readonly journal: Journal;
  readonly onResult: (result: JsonObject) => void;
  readonly options: Options;
}

/** Runs cells here, or hands them to workers. @returns those that failed. */
async function runLeft(
  session: CommandSession,
  cells: readonly SweepCell[],
  { config, cache, journal, onResult, options }: LeftRun,
): Promise<readonly FailedCell[]> {
  if (options.queue !== undefined) {
    const { runSpread } = await import("../sweep/spread/run-spread.ts");
    const { queue: url, store, metrics: address } = options;
    return runSpread(session, cells, { url, store, address, config, journal, onResult });
  }
  const { keepConfig, openCache, removeCache } = await import("../sweep/cache/sweep-cache.ts");
  const { runCells } = await import("../sweep/run-sweep.ts");
  await openCache(cache);
  const copy = await keepConfig(cache, config);
  const { threads } = session.options;
  const jobs = options.jobs ?? threads;
  const perCell = Math.max(1, Math.floor(threads / jobs));
  const failed = await runCells(session, cells, { config: copy, cache, jobs, journal, threads: perCell, onResult });
  if (failed.length === 0) await removeCache(cache);
  return failed;
}
