/** Runs one cell: makes the plan, quantises, writes, loads and measures. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { withFileErrors } from "../../adapter/file-errors.ts";
import { nodeFile } from "../../adapter/node.ts";
import { nodeOutput } from "../../adapter/node-output.ts";
import { nodeWorkFolder } from "../../adapter/node-work.ts";
import { UsageError } from "../../base/errors.ts";
import type { PlanContext, SizedPlan } from "../../compress/plan/plan-context.ts";
import { planFor, planSettings } from "../../compress/plan/plan-model.ts";
import { quantizeModel } from "../../compress/quantize/quantize-model.ts";
import { chooseGrid } from "../../compress/recipe/choose-grid.ts";
import { shapesOfFiles } from "../../compress/recipe/model-shapes.ts";
import { scratchCheckpoint } from "../../compress/resume/block-checkpoint.ts";
import { calibrate } from "../../compress/statistics/calibrate.ts";
import { writeQuantized } from "../../compress/write/write-quantized.ts";
import { compare } from "../../eval/compare/compare.ts";
import { openReference } from "../../eval/compare/saved-reference.ts";
import { expertUsage } from "../../eval/perplexity/expert-usage.ts";
import { perplexityOfWindows } from "../../eval/perplexity/perplexity.ts";
import { inspectModel } from "../../model/inspect.ts";
import type { Model } from "../../model/model.ts";
import { activationsName } from "../../nn/emit.ts";
import { type Budget, parseBudget, spendingOf } from "../../policy/budget.ts";
import { parsePolicy } from "../../policy/policy.ts";
import {
  type CellLine,
  type CellMetric,
  FLOAT_PLAN,
  type FloatMeasures,
  type PlanMeasures,
} from "../../report/results/cell-line.ts";
import { engineInfo } from "../../runtime/language-model.ts";
import { openModel } from "../input/open-model.ts";
import { readStatisticsFile } from "../input/statistics-input.ts";
import type { CommandSession } from "../session/command-session.ts";
import { keptFloatBlocks } from "./cache/kept-float-blocks.ts";
import { cellFolder, type SweepFolder } from "./cache/sweep-cache.ts";
import { engineActivations, underStudy } from "./cell-activations.ts";
import { groupSizeOf, wishOf } from "./cell-grid.ts";
import { metricWindows, prepareReference, prepareStatistics, windowsOf } from "./cell-inputs.ts";
import { labelsOf } from "./cell-labels.ts";
import type { SweepCell } from "./cell-list.ts";
import type { SweepConfig, SweepMetric, SweepPlan } from "./config/sweep-config.ts";
import { structureOf } from "./measured/float-structure.ts";
import { lossesOf } from "./measured/plan-losses.ts";
import { outcomesOf } from "./measured/task-outcomes.ts";

export async function runCell(
  session: CommandSession,
  config: SweepConfig,
  cell: SweepCell,
  folder: SweepFolder,
): Promise<CellLine> {
  const started = performance.now();
  const isFloat = cell.plan.name === FLOAT_PLAN;
  const found = isFloat
    ? await measureFloat(session, config, cell, folder)
    : await measurePlan(session, config, cell, folder);
  return {
    ...labelsOf(cell),
    ...found,
    hashes: cell.hashes,
    timing: { seconds: (performance.now() - started) / 1000 },
  };
}

async function measureFloat(
  session: CommandSession,
  config: SweepConfig,
  cell: SweepCell,
  folder: SweepFolder,
): Promise<FloatMeasures> {
  await using model = await openModel(session, cell.model.path, { activations: config.activations });
  const { averageBits, trueBytes } = inspectModel(model.files);
  const windows = await windowsOf(session, model, cell, folder);
  const metrics = await measureAll(session, config, cell, model, folder);
  return {
    averageBits,
    trueBytes,
    metrics,
    experts: await expertUsage(model, windows, session),
    ...structureOf(model, await calibrate(model, windows, watch(session))),
    versions: versionsOf(model),
  };
}

async function measurePlan(
  session: CommandSession,
  config: SweepConfig,
  cell: SweepCell,
  folder: SweepFolder,
): Promise<PlanMeasures> {
  const temporary = await cellFolder(folder.cache);
  try {
    const written = join(temporary, "model");
    const quantized = await quantize(session, config, cell, folder, written);
    const { activations = config.activations } = cell.plan;
    await using opened = await openModel(session, written, { activations: engineActivations(activations) });
    const model = underStudy(opened, activations);
    return {
      ...quantized,
      metrics: await measureAll(session, config, cell, model, folder),
      versions: versionsOf(model),
    };
  } finally {
    await withFileErrors(temporary, () => rm(temporary, { recursive: true, force: true }));
  }
}

async function quantize(
  session: CommandSession,
  config: SweepConfig,
  cell: SweepCell,
  folder: SweepFolder,
  output: string,
) {
  await using model = await openModel(session, cell.model.path, { activations: "f32" });
  const plan = await planOf(session, config, cell, folder, model);
  const groupSize = groupSizeOf(cell.grid);
  const modules = planSettings(model.files, plan, { groupSize, name: `plan ${cell.plan.name}` });
  const settings = { ...chooseGrid(modules, wishOf(cell.grid)), modules };
  const windows = settings.method === "rtn" ? undefined : await windowsOf(session, model, cell, folder);
  const checkpoint = scratchCheckpoint(nodeWorkFolder(`${output}.blocks`), model, settings);
  const floatBlocks = windows && keptFloatBlocks(cell, folder, model.config.layers);
  const run = { windows, checkpoint, rtnLoss: true, floatBlocks, ...watch(session) };
  const quantized = await quantizeModel(model, settings, run);
  await using written = await nodeOutput(output);
  const { averageBits, trueBytes } = await writeQuantized(model.files, quantized, { settings, output: written });
  await checkpoint.remove();
  const { predictedKl } = plan;
  const losses = lossesOf(model, quantized.modules);
  return {
    averageBits,
    trueBytes,
    losses,
    starved: quantized.starved.length,
    ...(predictedKl !== undefined && { predictedKl }),
  };
}

async function planOf(
  session: CommandSession,
  config: SweepConfig,
  cell: SweepCell,
  folder: SweepFolder,
  model: Model,
): Promise<SizedPlan> {
  const statistics = await readStatisticsFile(await prepareStatistics(session, config, cell, folder));
  const { files } = model;
  const context: PlanContext = {
    ...{ shapes: shapesOfFiles(files), files, statistics, seed: cell.seed, groupSize: groupSizeOf(cell.grid) },
  };
  const { policy, budget, budgetOf } = cell.plan;
  if (budget !== undefined) return planWithin(cell.plan, parseBudget(budget), context);
  if (budgetOf === undefined) return planFor(parsePolicy(policy), context);
  const other = config.plans.find(({ name }) => name === budgetOf);
  if (other === undefined) throw new UsageError(`plan ${cell.plan.name}`, `budgetOf ${budgetOf}`, "the name of a plan");
  const { trueBytes } = await planFor(parsePolicy(other.policy), context);
  return planFor(parsePolicy(policy), { ...context, budget: { kind: "bytes", trueBytes } });
}

/** The plan of a policy with a budget. Rules that are written out do not use theirs, so it is checked. @throws UsageError for rules that exceed it. */
async function planWithin({ name, policy }: SweepPlan, budget: Budget, context: PlanContext): Promise<SizedPlan> {
  const parsed = parsePolicy(policy);
  if (parsed.kind !== "rules") return planFor(parsed, { ...context, budget });
  const plan = await planFor(parsed, context);
  const { exceeds, spent, most } = spendingOf(plan, budget);
  if (exceeds) throw new UsageError(`plan ${name}`, spent, `at most its budget of ${most}`);
  return plan;
}

async function measureAll(
  session: CommandSession,
  config: SweepConfig,
  cell: SweepCell,
  model: Model,
  folder: SweepFolder,
) {
  const metrics: Record<string, CellMetric> = {};
  for (const metric of config.metrics) metrics[metric.name] = await measure(session, cell, metric, model, folder);
  return metrics;
}

async function measure(
  session: CommandSession,
  cell: SweepCell,
  metric: SweepMetric,
  model: Model,
  folder: SweepFolder,
): Promise<CellMetric> {
  const run = watch(session);
  if (metric.type === "tasks") return outcomesOf(session, cell, metric, model, folder);
  if (metric.type === "perplexity") {
    const found = await perplexityOfWindows(model, await metricWindows(session, model, metric), run);
    const { perplexity, nll, nllStdErr, scoredTokens, nllWindows } = found;
    return { type: "perplexity", perplexity, nll, nllStdErr, scoredTokens, windows: nllWindows };
  }
  await using reference = await openReference(await nodeFile(await prepareReference(session, cell, metric, folder)));
  const { kl, klWindows, sameTop, perplexityRatio, scoredTokens } = await compare(model, reference, run);
  return {
    type: "kl",
    mean: kl.mean,
    stdErr: kl.stdErr,
    tokens: scoredTokens,
    windows: klWindows,
    sameTop: sameTop.value,
    perplexityRatio,
    ...(metric.forPrediction === true && { forPrediction: true }),
  };
}

function watch({ signal, report }: CommandSession) {
  return { signal, onProgress: report };
}

function versionsOf(model: Model) {
  const { version, kernels, runtime } = engineInfo(model);
  return { quern: version, kernels, activations: activationsName(model.activations), runtime };
}
