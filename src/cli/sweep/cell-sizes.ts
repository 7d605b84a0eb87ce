/** Sizes of plans before anything is quantised, if they follow from a model's headers alone. */

import { QuernError } from "../../base/errors.ts";
import { planFor } from "../../compress/plan/plan-model.ts";
import { shapesOfFiles } from "../../compress/recipe/model-shapes.ts";
import { inspectModel } from "../../model/inspect.ts";
import { type ModelFiles, readModelFiles } from "../../model/model.ts";
import type { PlanSize } from "../../policy/budget.ts";
import { needsShapesOnly, parsePolicy } from "../../policy/policy.ts";
import { FLOAT_PLAN } from "../../report/results/cell-line.ts";
import { openFolder } from "../input/open-model.ts";
import type { CommandSession } from "../session/command-session.ts";
import { groupSizeOf } from "./cell-grid.ts";
import { cellName, type SweepCell } from "./cell-list.ts";

/** Sizes in the order of the cells; undefined for plans that depend on statistics, weights or damages. Plans that cannot be made are noted. */
export async function plannedSizes(
  session: CommandSession,
  cells: readonly SweepCell[],
): Promise<readonly (PlanSize | undefined)[]> {
  await using models = new OpenedModels();
  // The size of a plan does not depend on the calibration draw.
  const known = new Map<string, PlanSize | undefined>();
  const sizes: (PlanSize | undefined)[] = [];
  for (const cell of cells) {
    const same = JSON.stringify([cell.model.path, cell.plan, groupSizeOf(cell.grid), cell.seed]);
    if (!known.has(same)) known.set(same, await sizeOrNote(session, cell, await models.open(cell.model.path)));
    sizes.push(known.get(same));
  }
  return sizes;
}

async function sizeOrNote(session: CommandSession, cell: SweepCell, files: ModelFiles): Promise<PlanSize | undefined> {
  try {
    return await sizeOf(cell, files);
  } catch (error) {
    if (!(error instanceof QuernError)) throw error;
    session.note(`${cellName(cell)}: ${error.message}`);
    return undefined;
  }
}

async function sizeOf({ plan, grid, seed }: SweepCell, files: ModelFiles): Promise<PlanSize | undefined> {
  if (plan.name === FLOAT_PLAN) return inspectModel(files);
  const policy = parsePolicy(plan.policy);
  if (!needsShapesOnly(policy)) return undefined;
  return planFor(policy, { shapes: shapesOfFiles(files), seed, groupSize: groupSizeOf(grid) });
}

/** Headers of each model, read once. */
class OpenedModels implements AsyncDisposable {
  readonly #files: Map<string, ModelFiles> = new Map();

  async open(path: string): Promise<ModelFiles> {
    const files = this.#files.get(path) ?? (await readModelFiles(await openFolder(path)));
    this.#files.set(path, files);
    return files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { index } of this.#files.values()) await index.close();
  }
}
