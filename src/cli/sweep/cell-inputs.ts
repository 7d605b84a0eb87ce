/** Files that cells share and that are made once: statistics of a model on a calibration draw, the float model's logits on a text. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { nodeOutputFile } from "../../adapter/node-output.ts";
import { UsageError } from "../../base/errors.ts";
import { measureDamageAs } from "../../compress/plan/refine/measure-damage-as.ts";
import { gridOver } from "../../compress/recipe/choose-grid.ts";
import { LOW_BIT_GRID } from "../../compress/recipe/settings.ts";
import { calibrate } from "../../compress/statistics/calibrate.ts";
import { DAMAGE_SAMPLE_TOKENS } from "../../compress/statistics/damage-table.ts";
import { writeStatistics } from "../../compress/statistics/statistics-file.ts";
import { cutWindows, selfSample } from "../../compress/windows/calibration-text.ts";
import type { Windows } from "../../compress/windows/window-batch.ts";
import { saveReference } from "../../eval/compare/save-reference.ts";
import { scoredWindows } from "../../eval/scoring/scored-windows.ts";
import type { Model } from "../../model/model.ts";
import { openModel } from "../input/open-model.ts";
import { readStatisticsFile } from "../input/statistics-input.ts";
import { readTokens } from "../input/token-input.ts";
import type { CommandSession } from "../session/command-session.ts";
import { ownTextName, referenceName, statisticsName, sweepDamages } from "./cache/shared-names.ts";
import type { SweepFolder } from "./cache/sweep-cache.ts";
import { groupSizeOf, wishOf } from "./cell-grid.ts";
import type { SweepCell } from "./cell-list.ts";
import type { SweepConfig, SweepMetric } from "./config/sweep-config.ts";

/** The windows of a cell's calibration draw. */
export async function windowsOf(
  session: CommandSession,
  model: Model,
  cell: SweepCell,
  folder: SweepFolder,
): Promise<Windows> {
  const { self, ...draw } = cell.calibration;
  const { samples = 64, length = 256, seed = 0 } = draw;
  const idsFile = self === true ? await ownText(session, model, cell, folder) : draw.idsFile;
  const input = await readTokens(session, model, { idsFile, text: draw.text });
  if (input.kind === "stream") return cutWindows(input.ids, { samples, length, seed });
  const [first, number] = draw.windows ?? [0, input.windows.length];
  const windows = input.windows.slice(first, first + number);
  if (windows.length < number)
    throw new UsageError(
      `calibration ${draw.name}`,
      `${input.windows.length} windows in its file`,
      `at least ${first + number}`,
    );
  return windows;
}

/** Text that the model writes itself, of which a large model writes little in a minute. @returns the file. */
async function ownText(
  { signal, report }: CommandSession,
  model: Model,
  cell: SweepCell,
  { cache }: SweepFolder,
): Promise<string> {
  const path = join(cache, await ownTextName(cell));
  if (existsSync(path)) return path;
  const { samples = 64, length = 256, seed = 0, temperature = 1 } = cell.calibration;
  const windows = await selfSample(model, { samples, length, seed, temperature, signal, onProgress: report });
  await using output = await nodeOutputFile(path, { force: true });
  await output.write(new TextEncoder().encode(JSON.stringify({ windows })));
  await output.commit();
  return path;
}

/** Statistics for every policy, with damages if a plan of the sweep is a knapsack: refined ones if the cell's plan says so. @returns the file. */
export async function prepareStatistics(
  session: CommandSession,
  config: SweepConfig,
  cell: SweepCell,
  folder: SweepFolder,
): Promise<string> {
  const path = join(folder.cache, await statisticsName(config, cell));
  if (existsSync(path)) return path;
  const measured = sweepDamages(config, cell);
  const grid = gridOver(LOW_BIT_GRID, wishOf(cell.grid));
  const { sampleTokens = DAMAGE_SAMPLE_TOKENS } = config;
  const groupSize = groupSizeOf(cell.grid);
  const { refine = false } = cell.plan;
  // Refined damages are made from those that are not, which other cells need as well.
  const { refine: _, ...unrefined } = cell.plan;
  const plain = refine ? await prepareStatistics(session, config, { ...cell, plan: unrefined }, folder) : undefined;
  await using model = await openModel(session, cell.model.path, { activations: "f32" });
  const windows = await windowsOf(session, model, cell, folder);
  const run = { signal: session.signal, onProgress: session.report };
  const statistics = plain === undefined ? await calibrate(model, windows, run) : await readStatisticsFile(plain);
  const wish = { grid, groupSize, sampleTokens, refine, known: statistics.damage, ...run };
  const damages = measured === undefined ? undefined : await measureDamageAs(model, windows, wish);
  await using output = await nodeOutputFile(path, { force: true });
  await writeStatistics(output, {
    ...statistics,
    ...(measured !== undefined && damages !== undefined && { damage: { measuredAs: measured, damages } }),
  });
  return path;
}

export type ScoredText = Exclude<SweepMetric, { readonly type: "tasks" }>;

/** The float model's logits on the metric's text. @returns the file. */
export async function prepareReference(
  session: CommandSession,
  cell: SweepCell,
  metric: ScoredText,
  { cache }: SweepFolder,
): Promise<string> {
  const path = join(cache, await referenceName(cell, metric.name));
  if (existsSync(path)) return path;
  await using model = await openModel(session, cell.model.path, { activations: "f32" });
  const windows = await metricWindows(session, model, metric);
  await using output = await nodeOutputFile(path, { force: true });
  await saveReference(model, windows, { output, signal: session.signal, onProgress: session.report });
  return path;
}

export async function metricWindows(
  session: CommandSession,
  model: Model,
  { name, text, idsFile, window, skip, limit }: ScoredText,
): Promise<Windows> {
  const input = await readTokens(session, model, { text: text === undefined ? undefined : [text], idsFile });
  if (input.kind === "stream")
    return scoredWindows(input.ids.slice(skip ?? 0), { window, limit }, model.config.maxPositions);
  if (skip !== undefined)
    throw new UsageError(`metric ${name}`, `skip ${skip} and a file of windows`, "skip with a text or a list of ids");
  return input.windows;
}
