/** `quern quantize`: quantises a model and writes it as a GPTQ checkpoint folder. */
import type { Command } from "commander";
import { UnsupportedError, UsageError } from "../../base/errors.ts";
import type { QuantizeSettings } from "../../compress/recipe/settings.ts";
import type { Quantized } from "../../compress/result/quantized.ts";
import type { CheckpointRun, FolderCheckpoint } from "../../compress/resume/block-checkpoint.ts";
import type { Windows } from "../../compress/windows/window-batch.ts";
import type { Written } from "../../compress/write/write-quantized.ts";
import type { WorkFolder } from "../../files/work-folder.ts";
import type { Model } from "../../model/model.ts";
import type { ReadPlan } from "../../policy/plan-document.ts";
import type { Policy } from "../../policy/policy.ts";
import { bundleOutput, writeBundle } from "../bundle/write-bundle-file.ts";
import { addCalibrationOptions, givesCalibration, prepareCalibration } from "../input/calibration-input.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import type { OpenedFiles } from "../input/open-model.ts";
import { addPolicyOptions, decidedPlan, type PlannedOptions, planContext, readPolicy } from "../input/policy-input.ts";
import { exampleText, MODEL_SOURCES, oneOf } from "../options/common-options.ts";
import { addBitsOption, addGridOptions, checkModelGrid, gridWish } from "../options/gptq-options.ts";
import { addBlockMemoryOption, blockPaging } from "../options/memory-option.ts";
import { addOuterOptions, outerBits } from "../options/outer-options.ts";
import { type Action, type CommandSession, type RunCommand, WITH_RESUME } from "../session/command-session.ts";

interface Options extends PlannedOptions {
  readonly output: string;
  readonly bundle?: string;
  readonly plan?: string;
  readonly policy?: string;
  readonly profile: "native" | "portable";
  readonly format?: "gptq" | "gptq_v2";
  readonly resume?: boolean;
}

const EXAMPLE = `quern quantize models/fable-mixtral --bits 3 --self --output out/fable-3bit
  quern quantize models/fable-mixtral --policy attention:4,base:2 --method rtn --output out/fable-rounded
  quern generate out/fable-3bit --prompt "Once upon a time"`;

export function registerQuantize(program: Command, run: RunCommand): void {
  const command = program
    .command("quantize")
    .description("Quantise a model and write it as a GPTQ checkpoint folder.")
    .argument("<model>", `float model: ${MODEL_SOURCES}`)
    .requiredOption("--output <dir>", "folder to write");
  command.option("--bundle <path>", "write the result as a bundle too, a .quern file that loads fast");
  addGridOptions(addBitsOption(command))
    .option("--plan <path>", "bit plan (JSON), instead of --bits")
    .option("--policy <text>", "bit plan in one line, such as attention:4,base:2, instead of --bits");
  addPolicyOptions(command);
  addBlockMemoryOption(addOuterOptions(addCalibrationOptions(command, "--calibration")))
    .option(
      "--profile <native|portable>",
      "portable: use names and settings that GPTQModel can load",
      oneOf("--profile", ["native", "portable"]),
      "native",
    )
    .option(
      "--format <gptq|gptq_v2>",
      "zero points stored minus one (gptq) or as they are (gptq_v2) (default: gptq if symmetric)",
      oneOf("--format", ["gptq", "gptq_v2"]),
    )
    .option("--resume", "resume the interrupted run of the same --output, if there is one")
    .addHelpText("after", exampleText(EXAMPLE))
    .action(run(quantize));
}

const quantize: Action<Options> = async (session, [path], options) => {
  const { openFiles } = await import("../input/open-model.ts");
  const { checkSettings } = await import("../../compress/recipe/check-settings.ts");
  const { quantizeModel } = await import("../../compress/quantize/quantize-model.ts");
  const { writeQuantized } = await import("../../compress/write/write-quantized.ts");
  const { nodeResumable, workFolderOf } = await import("../../adapter/node-work.ts");
  const { originMeta } = await import("../../compress/write/folder-meta.ts");
  const { checkPortable, portableNames, readersOf } = await import("../../compress/write/readers.ts");
  const { shapesOfFiles } = await import("../../compress/recipe/model-shapes.ts");
  checkChoices(options);
  const { resume, plan, stats, calibration: texts = [], idsFile, bundle } = options;
  await using _claim = await claimOutputs({
    outputs: [options.output, bundle],
    work: [await workFolderOf(options.output)],
    inputs: [path, plan, stats, ...texts, idsFile],
  });
  const chosen = await readBits(session, options);
  const source = givesCalibration(options)
    ? await prepareCalibration(session, options, options.method === "rtn" ? undefined : {})
    : undefined;
  await using packed = bundle === undefined ? undefined : await bundleOutput(session, bundle);
  const { output: folder, work } = await nodeResumable(options.output, { resume, force: session.options.force });
  await using output = folder;
  const started = performance.now();
  const { memory = options.method === "rtn" ? "4GB" : undefined } = options; // rounding computes nothing with the weights: none is kept
  await using opened = await openFiles(session, path, { activations: "f32", ...blockPaging({ memory }) });
  let given: Promise<Windows> | undefined;
  const calibration = source && (() => (given ??= source(opened)));
  const portable = options.profile === "portable";
  const names = portable ? portableNames(opened.files.family, options.names) : options.names;
  const settings = await settingsOf(session, opened, { ...options, names }, chosen, calibration);
  checkSettings(opened.files, settings);
  if (portable) checkPortable(shapesOfFiles(opened.files), settings.modules);
  const windows = settings.method === "rtn" ? undefined : await calibration?.();
  const model = await opened.load();
  const checkpoint = await openBlocks(session, work, model, {
    settings,
    windows,
    resume,
    signal: session.signal,
    onProgress: session.report,
  });
  session.goesOn(WITH_RESUME);
  const run = {
    windows,
    checkpoint,
    rtnLoss: session.options.json,
    signal: session.signal,
    onProgress: session.report,
  };
  const quantized = await quantizeModel(model, settings, run);
  const { format: version } = options;
  const meta = originMeta(checkpoint.identity);
  const written = await writeQuantized(model.files, quantized, { settings, output, names, version, meta });
  if (portable) for (const reader of readersOf(model.files.family, "transformers")) session.note(reader);
  if (packed !== undefined) await writeBundle(session, options.output, packed);
  await checkpoint.remove(); // Last, so that a run that is interrupted before its bundle is there goes on too.
  const seconds = (performance.now() - started) / 1000;
  report(session, model.files.name, options, { ...quantized, ...written, seconds });
};

/** Opens the folder of finished blocks; a note says after which block a run is resumed. */
async function openBlocks(
  session: CommandSession,
  work: WorkFolder,
  model: Model,
  run: CheckpointRun,
): Promise<FolderCheckpoint> {
  const { openCheckpoint } = await import("../../compress/resume/block-checkpoint.ts");
  const checkpoint = await openCheckpoint(work, model, run);
  const { found, blocks } = checkpoint;
  if (found > 0) session.note(`${work.name}: going on after ${found} of ${blocks} blocks`);
  return checkpoint;
}

/** Checks options before any file is opened. */
function checkChoices(options: Options): void {
  const chosen = [options.bits, options.plan, options.policy].filter((value) => value !== undefined).length;
  if (chosen > 1) throw new UsageError("bits", `${chosen} sources`, "one of --bits, --plan and --policy");
  const { stats, budget, minBits, freeze, refine } = options;
  const ofKnapsack = { "--budget": budget, "--min-bits": minBits, "--freeze": freeze, "--refine": refine };
  const ofPolicies = { "--stats": stats, ...ofKnapsack };
  for (const [option, value] of Object.entries(ofPolicies))
    if (options.policy === undefined && value !== undefined)
      throw new UsageError(option, "no --policy beside it", "a --policy that uses it");
  checkModelGrid(options);
  if (options.embedding === "8" && options.profile === "portable")
    throw new UnsupportedError("--embedding", "8 in the portable profile", ["16", "--profile native"]);
  if ((options.method ?? "gptq") === "gptq" && !givesCalibration(options))
    throw new UsageError("calibration", "none", "--calibration, --ids-file or --self (or --method rtn)");
}

/** The source of the bits of every linear; undefined if all have the same bits. */
type ChosenBits = { readonly document: ReadPlan } | { readonly policy: Policy } | undefined;

async function readBits(session: CommandSession, options: Options): Promise<ChosenBits> {
  const { plan, policy } = options;
  if (policy !== undefined) return { policy: readPolicy(policy, options) };
  if (plan === undefined) return undefined;
  const { parseJson } = await import("../../base/json.ts");
  const { parsePlan } = await import("../../policy/plan-document.ts");
  const { readTextInput } = await import("../input/text-input.ts");
  return { document: parsePlan(parseJson(await readTextInput(plan, session.signal), plan), plan) };
}

async function settingsOf(
  session: CommandSession,
  opened: OpenedFiles,
  options: Options,
  chosen: ChosenBits,
  calibration: (() => Promise<Windows>) | undefined,
): Promise<QuantizeSettings> {
  const { files } = opened;
  const { uniformModules } = await import("../../compress/recipe/settings.ts");
  const { chooseGrid, DEFAULTS } = await import("../../compress/recipe/choose-grid.ts");
  const { planSettings } = await import("../../compress/plan/plan-model.ts");
  const { shapesOfFiles } = await import("../../compress/recipe/model-shapes.ts");
  const { outerSettings, withOuter } = await import("../../compress/recipe/outer-bits.ts");
  const { toldBits } = await import("../../compress/plan/outer-choice.ts");
  const { groupSize } = options;
  const shapes = shapesOfFiles(files);
  const wish = gridWish(options);
  const outer = outerBits(options);
  const withGrid = (linears: QuantizeSettings["modules"]) => {
    const modules = withOuter(shapes, linears, outerSettings(toldBits(outer), groupSize));
    return { ...chooseGrid(modules, wish), modules };
  };
  if (chosen === undefined) return withGrid(uniformModules(files, options.bits ?? DEFAULTS.bits, groupSize));
  if ("document" in chosen)
    return withGrid(planSettings(files, chosen.document, { groupSize, name: options.plan as string }));
  const context = await planContext(session, { shapes, files }, options);
  const measureOn = calibration && (async () => ({ windows: await calibration(), model: await opened.load() }));
  const document = await decidedPlan(session, options, { policy: chosen.policy, context, measureOn });
  return withGrid(planSettings(files, document, { groupSize, name: `policy ${chosen.policy.text}` }));
}

function report(
  session: CommandSession,
  model: string,
  options: Options,
  result: Quantized & Written & { readonly seconds: number },
): void {
  const { modules, starved, seconds, averageBits, trueBytes } = result;
  const warnings = [
    ...starved.map((e) => `layer ${e.layer} expert ${e.expert}: ${e.tokens} calibration tokens, ${e.remedy}`),
    ...modules
      .filter(({ note }) => note !== undefined)
      .map(({ name, method, damp, note }) => `${name}: ${method === "rtn" ? "rounded" : `damped by ${damp}`}, ${note}`),
  ];
  for (const warning of warnings) session.note(`warning: ${warning}`);
  session.output.result({ averageBits, trueBytes, seconds, output: options.output, modules, warnings }, () =>
    [
      `${model} -> ${options.output}`,
      `${modules.length} matrices, ${averageBits.toFixed(4)} average bits, ${(trueBytes / 1e6).toFixed(2)} MB on disk, ${seconds.toFixed(1)} s`,
    ].join("\n"),
  );
}
