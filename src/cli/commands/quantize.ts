/** `quern quantize`: a model to few bits, written as a GPTQ checkpoint folder. */
import { type Command, Option } from "commander";
import type { Windows } from "../../compress/batch.ts";
import type { CheckpointRun, FolderCheckpoint } from "../../compress/checkpoint.ts";
import type { Quantized } from "../../compress/quantized.ts";
import type { QuantizeSettings } from "../../compress/settings.ts";
import type { Written } from "../../compress/write.ts";
import { UnsupportedError, UsageError } from "../../errors.ts";
import type { WorkFolder } from "../../format/work-folder.ts";
import type { Model } from "../../model/model.ts";
import { addCalibrationOptions, type CalibrationOptions, givesCalibration } from "../calibration.ts";
import { claimOutputs } from "../claim.ts";
import {
  addBitsOption,
  addGridOptions,
  checkGridOptions,
  DEFAULT_BITS,
  type GridCommandOptions,
  gridSettings,
} from "../gptq-options.ts";
import { commandKnapsack } from "../knapsack.ts";
import { exampleText, oneOf } from "../options.ts";
import { addPolicyOptions, type PolicyOptions, planContext } from "../policy-options.ts";
import { type Action, type RunCommand, type Session, WITH_RESUME } from "../session.ts";

interface Options extends GridCommandOptions, CalibrationOptions, PolicyOptions {
  readonly output: string;
  readonly plan?: string;
  readonly policy?: string;
  readonly profile: "native" | "portable";
  readonly format?: "gptq" | "gptq_v2";
  readonly embedding: "16" | "8";
  readonly resume?: boolean;
}

export function registerQuantize(program: Command, run: RunCommand): void {
  const command = program
    .command("quantize")
    .description("Quantise a model and write it as a GPTQ checkpoint folder.")
    .argument("<model>", "float model folder")
    .requiredOption("--output <dir>", "folder to write");
  addGridOptions(addBitsOption(command))
    .option("--plan <path>", "bit plan (JSON) instead of --bits")
    .option("--policy <text>", "bit plan in one line, such as attention:4,base:2, instead of --bits");
  addPolicyOptions(command);
  addCalibrationOptions(command, "--calibration")
    .option(
      "--profile <native|portable>",
      "portable: names and settings that GPTQModel loads",
      oneOf("--profile", ["native", "portable"]),
      "native",
    )
    .option(
      "--format <gptq|gptq_v2>",
      "zero points minus one or as they are (default: gptq where symmetric)",
      oneOf("--format", ["gptq", "gptq_v2"]),
    )
    .addOption(
      new Option("--embedding <16|8>", "bits of the embedding")
        .argParser(oneOf("--embedding", ["16", "8"]))
        .default("16"),
    )
    .option("--resume", "go on with the interrupted run of the same --output, if there is one")
    .addHelpText("after", exampleText("quern quantize models/fable-mixtral --bits 3 --self --output out/fable-3bit"))
    .action(run(quantize));
}

const quantize: Action<Options> = async (session, [path], options) => {
  const { openModel } = await import("../open.ts");
  const { readCalibration } = await import("../calibration.ts");
  const { checkSettings } = await import("../../compress/check-settings.ts");
  const { quantizeModel } = await import("../../compress/quantize.ts");
  const { writeQuantized } = await import("../../compress/write.ts");
  const { nodeResumable, workFolderOf } = await import("../../adapter/node-work.ts");
  const { originMeta } = await import("../../compress/meta.ts");
  const { portableNames, readersOf } = await import("../../compress/readers.ts");
  checkChoices(options);
  const { resume, plan, stats, calibration: texts = [], idsFile } = options;
  await using _claim = await claimOutputs({
    outputs: [options.output],
    work: [await workFolderOf(options.output)],
    inputs: [path, plan, stats, ...texts, idsFile],
  });
  const { output: folder, work } = await nodeResumable(options.output, { resume, force: session.options.force });
  await using output = folder;
  const started = performance.now();
  await using model = await openModel(session, path, { activations: "f32" });
  let given: Promise<Windows> | undefined;
  const calibration = () => (given ??= readCalibration(session, model, options));
  const portable = options.profile === "portable";
  const names = portable ? portableNames(model.files.family, options.names) : options.names;
  const settings = await settingsOf(session, model, { ...options, names }, calibration);
  checkSettings(model.files, settings);
  const windows = settings.method === "rtn" ? undefined : await calibration();
  const checkpoint = await openBlocks(session, work, model, settings, { windows, resume, signal: session.signal });
  session.goesOn(WITH_RESUME);
  const run = { windows, checkpoint, signal: session.signal, onProgress: session.report };
  const quantized = await quantizeModel(model, settings, run);
  const { format: version } = options;
  const meta = originMeta(checkpoint.identity);
  const written = await writeQuantized(model.files, quantized, settings, output, { names, version, meta });
  await checkpoint.remove();
  if (portable) for (const reader of readersOf(model.files.family, "transformers")) session.note(reader);
  report(session, model, options, quantized, written, (performance.now() - started) / 1000);
};

/** Where finished blocks are kept; tells where a run goes on. */
async function openBlocks(
  session: Session,
  work: WorkFolder,
  model: Model,
  settings: QuantizeSettings,
  run: CheckpointRun,
): Promise<FolderCheckpoint> {
  const { openCheckpoint } = await import("../../compress/checkpoint.ts");
  const checkpoint = await openCheckpoint(work, model, settings, run);
  const { layers } = model.config;
  if (checkpoint.found > 0) session.note(`${work.name}: going on after ${checkpoint.found} of ${layers} blocks`);
  return checkpoint;
}

/** What can be refused before any file is opened. */
function checkChoices(options: Options): void {
  const chosen = [options.bits, options.plan, options.policy].filter((value) => value !== undefined).length;
  if (chosen > 1) throw new UsageError("bits", `${chosen} sources`, "one of --bits, --plan and --policy");
  if (options.policy === undefined && (options.stats !== undefined || options.budget !== undefined))
    throw new UsageError("--stats and --budget", "no --policy beside them", "a --policy that uses them");
  if (options.embedding === "8") throw new UnsupportedError("--embedding", "8", ["16"]);
  if ((options.method ?? "gptq") === "gptq" && !givesCalibration(options))
    throw new UsageError("calibration", "none", "--calibration, --ids-file or --self (or --method rtn)");
}

async function settingsOf(
  session: Session,
  model: Model,
  options: Options,
  calibration: () => Promise<Windows>,
): Promise<QuantizeSettings> {
  const { files } = model;
  const { defaultGrid, LOW_BIT_GRID, uniformModules } = await import("../../compress/settings.ts");
  const { planFor, planSettings } = await import("../../compress/plan.ts");
  const { shapesOfFiles } = await import("../../compress/shapes.ts");
  const { parsePlan } = await import("../../quant/plan-document.ts");
  const { parsePolicy } = await import("../../quant/policy.ts");
  const { readTextInput } = await import("../inputs.ts");
  const { parseJson } = await import("../../format/json.ts");
  checkGridOptions(options);
  const { groupSize, plan, policy } = options;
  const withGrid = (modules: QuantizeSettings["modules"]) => {
    const symmetric = options.symmetric ? true : options.asymmetric ? false : undefined;
    const grid = gridSettings(options, defaultGrid(modules, { method: options.method, symmetric }));
    return { ...grid, modules };
  };
  if (plan !== undefined) {
    const document = parsePlan(parseJson(await readTextInput(plan, session.signal), plan), plan);
    return withGrid(planSettings(files, document, groupSize, plan));
  }
  if (policy !== undefined) {
    const context = await planContext(session, { shapes: shapesOfFiles(files), files }, options);
    const knapsack = commandKnapsack(session, options, {
      statistics: context.statistics,
      path: options.stats,
      grid: gridSettings(options, LOW_BIT_GRID),
      measureOn: givesCalibration(options) ? async () => ({ model, windows: await calibration() }) : undefined,
    });
    const document = await planFor(parsePolicy(policy), { ...context, knapsack });
    return withGrid(planSettings(files, document, groupSize, `policy ${policy}`));
  }
  return withGrid(uniformModules(files, options.bits ?? DEFAULT_BITS, groupSize));
}

function report(
  session: Session,
  model: Model,
  options: Options,
  quantized: Quantized,
  written: Written,
  seconds: number,
): void {
  const { modules, starved } = quantized;
  const warnings = [
    ...starved.map((e) => `layer ${e.layer} expert ${e.expert}: ${e.tokens} calibration tokens, ${e.remedy}`),
    ...modules
      .filter(({ note }) => note !== undefined)
      .map(({ name, method, damp, note }) => `${name}: ${method === "rtn" ? "rounded" : `damped by ${damp}`}, ${note}`),
  ];
  for (const warning of warnings) session.note(`warning: ${warning}`);
  session.output.result({ ...written, seconds, output: options.output, modules, warnings }, () =>
    [
      `${model.files.name} -> ${options.output}`,
      `${modules.length} matrices, ${written.averageBits.toFixed(4)} average bits, ${(written.trueBytes / 1e6).toFixed(2)} MB on disk, ${seconds.toFixed(1)} s`,
    ].join("\n"),
  );
}
