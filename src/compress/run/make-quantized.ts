/** Quantises a model, and writes it if an output is given, as `quern quantize` does, with the same defaults. */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { OutputFolder } from "../../files/output.ts";
import type { WorkFolder } from "../../files/work-folder.ts";
import type { GptqVersion } from "../../format/gptq/gptq-packing.ts";
import type { Spelling } from "../../model/config/module-names.ts";
import type { Model } from "../../model/model.ts";
import type { ReadPlan } from "../../policy/plan-document.ts";
import { needsStatistics, parsePolicy } from "../../policy/policy.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { type OuterWish, toldBits } from "../plan/outer-choice.ts";
import { planSettings } from "../plan/plan-model.ts";
import { type QuantizeRun, quantizeModel } from "../quantize/quantize-model.ts";
import { checkSettings, GRID_SETTINGS } from "../recipe/check-settings.ts";
import { chooseGrid, DEFAULTS, type GridWish } from "../recipe/choose-grid.ts";
import { shapesOfFiles } from "../recipe/model-shapes.ts";
import { outerSettings, withOuter } from "../recipe/outer-bits.ts";
import { type QuantizeSettings, uniformModules } from "../recipe/settings.ts";
import type { Quantized } from "../result/quantized.ts";
import { type FolderCheckpoint, openCheckpoint } from "../resume/block-checkpoint.ts";
import { type SelfSampleOptions, selfSample } from "../windows/calibration-text.ts";
import type { Windows } from "../windows/window-batch.ts";
import { originMeta } from "../write/folder-meta.ts";
import { type Written, writeQuantized } from "../write/write-quantized.ts";
import { POLICY_OPTIONS, type PolicyOptions, plan } from "./make-plan.ts";

/** Bits (one width, a policy or a plan), grid, calibration tokens, and output. Defaults are those of the command line. */
export interface QuantizeOptions
  extends GridWish,
    PolicyOptions,
    OuterWish,
    Pick<QuantizeRun, "rtnLoss" | "signal" | "onProgress"> {
  /** Bits of every quantised linear. Default 4. */
  readonly bits?: Bits;
  /** A policy in one line, instead of `bits`. The options of policies may be given with it. */
  readonly policy?: string;
  /** A bit plan from `plan` or `plans.parsePlan`, instead of `bits`. */
  readonly plan?: ReadPlan;
  /** Columns that share a scale, -1 for the whole row. Default 64. */
  readonly groupSize?: number;
  /** Calibration windows. Method `rtn` needs none. */
  readonly windows?: Windows;
  /** Uses text that the model writes itself, instead of `windows`. */
  readonly self?: boolean | Pick<SelfSampleOptions, "samples" | "length" | "seed" | "temperature">;
  /** Folder to write (`nodeOutput`, `nodeResumable`, `memoryOutput`). It is committed, or aborted on any failure. */
  readonly output?: OutputFolder;
  /** Keeps finished blocks out of memory, and available if the run is killed (`nodeResumable`, `memoryWorkFolder`). */
  readonly work?: WorkFolder;
  /** Resumes from the blocks in `work` if they have the same model, tokens and settings. Default false. */
  readonly resume?: boolean;
  /** Spelling of the names to write. Default: the source's. */
  readonly names?: Spelling;
  /** Version of the GPTQ format. Default: `gptq` if symmetric, else `gptq_v2`. */
  readonly version?: GptqVersion;
}

const OPTIONS: KnownOptions<QuantizeOptions> = {
  ...{ bits: true, policy: true, plan: true, groupSize: true, windows: true, self: true, output: true, work: true },
  ...{ resume: true, names: true, version: true, rtnLoss: true, signal: true, onProgress: true, preset: true },
  ...{ head: true, embedding: true },
  ...GRID_SETTINGS,
  ...POLICY_OPTIONS,
};

/** Result of quantising, with the settings used, and what was written if an output was given. */
export interface QuantizeResult extends Quantized {
  readonly settings: QuantizeSettings;
  readonly written: Written | undefined;
}

/**
 * Quantises a float model by GPTQ or plain rounding. The model stays unchanged. With `output` and `work`, only one block's matrices are
 * in memory at a time, and `matrices` of the result can no longer be read once they are written. With `output` alone, all matrices are
 * in memory.
 * @throws UsageError for options that do not fit each other or the model, before any work; the signal's reason.
 */
export async function quantize(model: Model, options: QuantizeOptions = {}): Promise<QuantizeResult> {
  checkKnownOptions<QuantizeOptions>("quantize", options, OPTIONS);
  const { bits, policy, plan, windows: given, self, output, rtnLoss, signal, onProgress } = options;
  try {
    requireOne("bits", { bits, policy, plan });
    requireOne("calibration", { windows: given, self: self === false ? undefined : self });
    if (options.work === undefined && options.resume === true)
      throw new UsageError("resume", "no work folder", "work, a folder to resume from");
    let known = given && Promise.resolve(given);
    const calibration = async () => (known ??= self ? ownText(model, options) : undefined);
    const settings = await settingsOf(model, options, calibration);
    checkSettings(model.files, settings);
    const windows = settings.method === "rtn" ? undefined : await calibration();
    const checkpoint = await blocksOf(model, settings, { ...options, windows });
    const quantized = await quantizeModel(model, settings, { windows, checkpoint, rtnLoss, signal, onProgress });
    const written = await write(model, quantized, settings, options, checkpoint);
    if (written !== undefined) await checkpoint?.remove();
    return { ...quantized, settings, written };
  } catch (error) {
    await output?.abort();
    throw error;
  }
}

function ownText(model: Model, { self, seed, method, signal, onProgress }: QuantizeOptions): Promise<Windows> {
  const wish = { seed, ...(typeof self === "object" ? self : {}), signal, onProgress };
  return selfSample(model, wish, method === "rtn" ? undefined : {});
}

/** @param calibration the calibration windows: text of the model's own is written only if they are needed. */
async function settingsOf(
  model: Model,
  options: QuantizeOptions,
  calibration: () => Promise<Windows | undefined>,
): Promise<QuantizeSettings> {
  const { files } = model;
  const { bits = DEFAULTS.bits, groupSize = DEFAULTS.groupSize, policy } = options;
  const outer = outerSettings(toldBits(options), groupSize);
  const withGrid = (linears: QuantizeSettings["modules"]) => {
    const modules = withOuter(shapesOfFiles(files), linears, outer);
    return { ...chooseGrid(modules, options), modules };
  };
  if (options.plan !== undefined) return withGrid(planSettings(files, options.plan, { groupSize }));
  if (policy === undefined) {
    refusePolicyOptions(options);
    return withGrid(uniformModules(files, bits, groupSize));
  }
  const { statistics, budget, seed, minBits, freeze, sampleTokens, names, signal, onProgress } = options;
  const { head, embedding, refine } = options;
  const parsed = parsePolicy(policy);
  const reads = parsed.kind === "knapsack" || (statistics === undefined && needsStatistics(parsed));
  const windows = reads ? await calibration() : undefined;
  const choice = { statistics, budget, seed, minBits, freeze, sampleTokens, windows, names, signal, onProgress };
  const document = await plan(model, { ...choice, refine, policy, head, embedding, groupSize, grid: options });
  return withGrid(planSettings(files, document, { groupSize, name: `policy ${policy}` }));
}

function refusePolicyOptions(options: QuantizeOptions): void {
  const { statistics, budget, minBits, freeze, sampleTokens, refine } = options;
  for (const [option, value] of Object.entries({ statistics, budget, minBits, freeze, sampleTokens, refine }))
    if (value !== undefined) throw new UsageError(option, "no policy beside it", "a policy that uses it");
}

/** @throws UsageError if more than one of them is given. */
function requireOne(where: string, given: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(given);
  const found = names.filter((name) => given[name] !== undefined);
  if (found.length > 1) throw new UsageError(where, found.join(" and "), `one of ${names.join(", ")}`);
}

async function blocksOf(
  model: Model,
  settings: QuantizeSettings,
  { work, resume, windows, signal, onProgress }: QuantizeOptions,
): Promise<FolderCheckpoint | undefined> {
  return work && openCheckpoint(work, model, { settings, windows, resume, signal, onProgress });
}

async function write(
  { files }: Model,
  quantized: Quantized,
  settings: QuantizeSettings,
  { output, names, version }: QuantizeOptions,
  checkpoint: FolderCheckpoint | undefined,
): Promise<Written | undefined> {
  if (output === undefined) return undefined;
  const meta = checkpoint === undefined ? undefined : originMeta(checkpoint.identity);
  return writeQuantized(files, quantized, { settings, output, names, version, meta });
}
