/** `quern calibrate`: statistics for planning and quantising. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { PartialStatistics } from "../../compress/statistics/calibrate.ts";
import type { Statistics } from "../../compress/statistics/statistics.ts";
import type { Windows } from "../../compress/windows/window-batch.ts";
import type { ByteSource } from "../../files/source.ts";
import type { Model } from "../../model/model.ts";
import { addCalibrationOptions, type CalibrationOptions, givesCalibration } from "../input/calibration-input.ts";
import { beside, claimOutputs } from "../input/claim-outputs.ts";
import type { PartialFile } from "../input/statistics-input.ts";
import { exampleText, integerIn, MODEL_SOURCES } from "../options/common-options.ts";
import { addBlockMemoryOption, blockPaging, type MemoryOption } from "../options/memory-option.ts";
import { type Action, type CommandSession, type RunCommand, WITH_RESUME } from "../session/command-session.ts";
import { heatMap } from "../show/heat-map.ts";

interface Options extends CalibrationOptions, MemoryOption {
  readonly output?: string;
  readonly statsJson?: string;
  readonly hessians?: boolean;
  readonly distances?: boolean;
  readonly predictor?: boolean;
  readonly chunk?: number;
  readonly merge?: readonly string[];
  readonly resume?: boolean;
}

const EXAMPLE = `quern calibrate models/fable-mixtral --self --output out/stats.safetensors
  quern plan models/fable-mixtral --policy attention:4,base:2+frequency:2@4 --stats out/stats.safetensors`;

export function registerCalibrate(program: Command, run: RunCommand): void {
  const command = program
    .command("calibrate")
    .description(
      "Gather statistics over calibration tokens: use of experts, importance of blocks, inputs, starved experts.",
    )
    .argument("[model]", `${MODEL_SOURCES}; may be left out with --merge`);
  addBlockMemoryOption(addCalibrationOptions(command, "--text"))
    .option("--output <path>", "statistics file to write (.safetensors)")
    .option("--stats-json <path>", "write counts, cosines and the outlier score of every float linear as JSON")
    .option("--hessians", "keep the whole Hessian of every input (large)")
    .option("--distances", "measure how far rounding to 2, 3 and 4 bits moves each expert's output")
    .option("--predictor", "train the study's block importance predictor, for policy predictor")
    .option("--chunk <n>", "windows that run at once (default: about 8192 tokens)", integerIn("--chunk", 1, 1e6))
    .option("--merge <path...>", "instead of a run, add up statistics files of one model over different tokens")
    .option("--resume", "resume a run that was stopped (it left OUTPUT.partial)")
    .addHelpText("after", exampleText(EXAMPLE))
    .action(run(calibrateCommand));
}

const calibrateCommand: Action<Options> = async (session, [path], options) => {
  const { writeStatistics } = await import("../../compress/statistics/statistics-file.ts");
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  checkChoices(path, options);
  const { output: file, statsJson, text = [], idsFile, merge = [] } = options;
  await using _claim = await claimOutputs({
    outputs: [file, statsJson],
    work: [beside(file, ".partial"), beside(file, ".hessians")],
    inputs: [path, ...text, idsFile, ...merge],
  });
  await using output = options.output === undefined ? undefined : await nodeOutputFile(options.output, session.options);
  await using json =
    options.statsJson === undefined ? undefined : await nodeOutputFile(options.statsJson, session.options);
  await using partial = file === undefined || options.merge !== undefined ? undefined : await partialOf(file);
  await using merging = new OpenStatistics();
  const statistics =
    options.merge === undefined
      ? await gather(session, path, options, partial)
      : await merged(session, path, options.merge, merging);
  if (output !== undefined) await writeStatistics(output, statistics);
  await partial?.remove();
  const { linears, pairs, distances, inputs: _, ...summary } = statistics;
  if (json !== undefined) {
    const matrices = pairs.map(({ layer, counts }) => ({ layer, counts: Array.from(counts) }));
    const document = { ...summary, linears, pairs: matrices, ...(distances === undefined ? {} : { distances }) };
    await json.write(new TextEncoder().encode(`${JSON.stringify(document)}\n`));
    await json.commit();
  }
  noteStarved(session.note, statistics);
  session.output.result({ output: options.output ?? null, ...summary }, () => describe(statistics));
};

function checkChoices(path: string | undefined, options: Options): void {
  if (options.merge === undefined && path === undefined)
    throw new UsageError("quern calibrate", "no model", "a model folder, or files for --merge");
  if (options.merge !== undefined && (givesCalibration(options) || options.resume === true))
    throw new UsageError(
      "--merge",
      "calibration tokens or --resume too",
      "only files to add up: --merge runs no model",
    );
  if (options.resume === true && options.output === undefined)
    throw new UsageError("--resume", "no --output", "the --output of the run that was stopped");
}

/** The file in which an unfinished run keeps its results. */
async function partialOf(output: string): Promise<PartialFile> {
  const { PartialFile } = await import("../input/statistics-input.ts");
  return new PartialFile(output);
}

async function gather(
  session: CommandSession,
  path: string,
  options: Options,
  partial: PartialFile | undefined,
): Promise<Statistics> {
  const { openFiles } = await import("../input/open-model.ts");
  const { prepareCalibration } = await import("../input/calibration-input.ts");
  const { calibrate } = await import("../../compress/statistics/calibrate.ts");
  const { force } = session.options;
  const resume = await partial?.resume({ resume: options.resume === true, force });
  const calibration = await prepareCalibration(session, options);
  await using opened = await openFiles(session, path, { activations: "f32", ...blockPaging(options) });
  const windows = await calibration(opened);
  const model = await opened.load();
  const onChunk = partial && ((found: PartialStatistics) => partial.keep(found));
  if (partial !== undefined) session.goesOn(WITH_RESUME);
  const { hessians, distances, chunk } = options;
  const { signal, report: onProgress } = session;
  const run = { hessians, work: partial?.work, distances, chunk, resume, onChunk, signal, onProgress };
  const statistics = await calibrate(model, windows, run);
  return options.predictor === true ? await withPredictions(session, model, windows, statistics) : statistics;
}

/** Adds to each block the cosine that a trained network predicts for it (section 2.5 of the paper). */
async function withPredictions(
  session: CommandSession,
  model: Model,
  windows: Windows,
  statistics: Statistics,
): Promise<Statistics> {
  const { trainPredictor } = await import("../../compress/predictor/predictor.ts");
  const { signal, report: onProgress } = session;
  const { blocks } = await trainPredictor(model, windows, { seed: session.options.seed, signal, onProgress });
  const predicted = new Map(blocks.map((block) => [block.layer, block.predicted]));
  return {
    ...statistics,
    blocks: statistics.blocks.map((block) => ({ ...block, predicted: predicted.get(block.layer) })),
  };
}

/** Statistics files that are added up. They stay open because their Hessians are read while the sum is written. */
class OpenStatistics implements AsyncDisposable {
  readonly #sources: ByteSource[] = [];

  async read(path: string): Promise<Statistics> {
    const { nodeFile } = await import("../../adapter/node.ts");
    const { readStatistics } = await import("../../compress/statistics/statistics-file.ts");
    const source = await nodeFile(path);
    this.#sources.push(source);
    return readStatistics(source);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const source of this.#sources.splice(0)) await source.close?.();
  }
}

async function merged(
  session: CommandSession,
  path: string | undefined,
  files: readonly string[],
  open: OpenStatistics,
): Promise<Statistics> {
  const { mergeStatistics } = await import("../../compress/statistics/statistics-sum.ts");
  const { requireModel } = await import("../input/statistics-input.ts");
  const all: Statistics[] = [];
  for (const file of files) all.push(await open.read(file));
  if (path !== undefined) {
    const { openFolder } = await import("../input/open-model.ts");
    const { readModelFiles } = await import("../../model/model.ts");
    const model = await readModelFiles(await openFolder(path, session));
    try {
      await requireModel(session, all[0], files[0], model);
    } finally {
      await model.index.close();
    }
  }
  return all.reduce(mergeStatistics);
}

function noteStarved(note: (sentence: string) => void, { starved }: Statistics): void {
  if (starved.length === 0) return;
  const named = starved.map(({ layer, expert, tokens }) => `layer ${layer} expert ${expert} (${tokens})`).join(", ");
  note(`warning: ${starved.length} experts saw few calibration tokens: ${named}`);
}

function describe({ tokens, experts, blocks }: Statistics): string {
  const cosines = blocks.map(
    ({ layer, cosine, cosineModule }) => `${layer}: ${cosine.toFixed(4)} / ${cosineModule.toFixed(4)}`,
  );
  return [
    `${tokens} calibration tokens`,
    "",
    ...(experts.length === 0 ? [] : [heatMap(experts), ""]),
    `cosine of each block, stream / module: ${cosines.join("  ")}`,
  ].join("\n");
}
