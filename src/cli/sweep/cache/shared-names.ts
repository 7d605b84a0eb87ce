/** Names of the files that cells share. They follow from hashes alone, so that it is known before such a file is made whether another machine has it. */
import { gridOver } from "../../../compress/recipe/choose-grid.ts";
import { LOW_BIT_GRID } from "../../../compress/recipe/settings.ts";
import { DAMAGE_SAMPLE_TOKENS, measuredAs } from "../../../compress/statistics/damage-table.ts";
import { parsePolicy } from "../../../policy/policy.ts";
import { groupSizeOf, wishOf } from "../cell-grid.ts";
import { hashOf, type SweepCell } from "../cell-list.ts";
import type { SweepConfig } from "../config/sweep-config.ts";

/** Names of the files in a sweep's cache: those that cells share, text of the model's own, float blocks, and answers of one cell. */
export const SHARED_FILE: RegExp = /^(?:statistics|reference)-[0-9a-f]{24}\.safetensors$/;
export const OWN_TEXT: RegExp = /^text-[0-9a-f]{24}\.json$/;
export const KEPT_ANSWERS: RegExp = /^answers-[0-9a-f]{24}\.jsonl$/;
export const FLOAT_BLOCK: RegExp = /^float-[0-9a-f]{24}-\d+$/;

/** How the damages of a cell's statistics are measured; undefined if no plan of the sweep is a knapsack. */
export function sweepDamages(
  config: SweepConfig,
  { plan, grid }: Pick<SweepCell, "plan" | "grid">,
): string | undefined {
  if (!config.plans.some(({ policy }) => parsePolicy(policy).kind === "knapsack")) return undefined;
  const { sampleTokens = DAMAGE_SAMPLE_TOKENS } = config;
  const { refine = false } = plan;
  return measuredAs(gridOver(LOW_BIT_GRID, wishOf(grid)), { groupSize: groupSizeOf(grid), sampleTokens, refine });
}

/** The statistics of the cell's model on its calibration draw. */
export async function statisticsName(config: SweepConfig, cell: SweepCell): Promise<string> {
  const { hashes } = cell;
  const name = await hashOf([hashes["model"], hashes["calibration"], sweepDamages(config, cell) ?? ""]);
  return `statistics-${name.slice(0, 24)}.safetensors`;
}

/** The calibration windows of a draw that the cell's model writes itself. */
export async function ownTextName({ hashes }: SweepCell): Promise<string> {
  return `text-${(await hashOf([hashes["model"], hashes["calibration"]])).slice(0, 24)}.json`;
}

/** What the float model computes in a block for the cell's calibration draw. */
export async function floatBlockName({ hashes }: SweepCell, layer: number): Promise<string> {
  return `float-${(await hashOf([hashes["model"], hashes["calibration"]])).slice(0, 24)}-${layer}`;
}

/** The float model's logits on the text of a metric. */
export async function referenceName({ hashes }: SweepCell, metric: string): Promise<string> {
  const name = await hashOf([hashes["model"], hashes["metrics"], metric]);
  return `reference-${name.slice(0, 24)}.safetensors`;
}

/** The answers of a cell to a metric's tasks. */
export async function answersName({ key }: SweepCell, metric: string): Promise<string> {
  return `answers-${(await hashOf([key, metric])).slice(0, 24)}.jsonl`;
}

/** All that a cell shares with others. */
export function sharedNames(config: SweepConfig, cell: SweepCell): Promise<readonly string[]> {
  const references = config.metrics.filter(({ type }) => type === "kl").map(({ name }) => referenceName(cell, name));
  return Promise.all([statisticsName(config, cell), ...references]);
}
