/** The cells of a configuration, each with a key: the hash of everything that decides its result. */
import { readFile } from "node:fs/promises";
import { withFileErrors } from "../../adapter/file-errors.ts";
import { nodeFolder } from "../../adapter/node.ts";
import { FormatError } from "../../base/errors.ts";
import { asObject, parseJson } from "../../base/json.ts";
import { Turns } from "../../base/turns.ts";
import { VERSION } from "../../base/version.ts";
import { DAMAGE_SAMPLE_TOKENS } from "../../compress/statistics/damage-table.ts";
import { findTasks } from "../../eval/tasks/registry.ts";
import { sha256 } from "../../files/sha256.ts";
import { readModelFiles } from "../../model/model.ts";
import { modelHash, tokenizerHash } from "../../model/model-identity.ts";
import { FLOAT_PLAN } from "../../report/results/cell-line.ts";
import type { CommandSession } from "../session/command-session.ts";
import { wholeGrids } from "./cell-grid.ts";
import type {
  SweepCalibration,
  SweepConfig,
  SweepGrid,
  SweepMetric,
  SweepModel,
  SweepPlan,
} from "./config/sweep-config.ts";

export interface SweepCell {
  readonly key: string;
  readonly model: SweepModel;
  /** The plan `float` stands for the model as it is. */
  readonly plan: SweepPlan;
  readonly grid: SweepGrid;
  readonly calibration: SweepCalibration;
  readonly seed: number;
  /** Hashes of model, calibration and metrics: parts of the key, which are written with the result. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** The cells in the order in which they are run: all cells of a model together, plans innermost. */
export async function cellsOf(
  config: SweepConfig,
  { signal, report }: Pick<CommandSession, "signal" | "report">,
): Promise<readonly SweepCell[]> {
  const hash = new InputHashes(signal, report);
  const metrics = await Promise.all(config.metrics.map((metric) => hash.metric(metric)));
  const cells: SweepCell[] = [];
  for (const model of config.models) {
    const ofModel = await hash.model(model);
    const add = async (plan: SweepPlan, grid: SweepGrid, calibration: SweepCalibration, seed: number) => {
      const hashes = { model: ofModel, calibration: await hash.calibration(calibration), metrics: metrics.join(" ") };
      const { activations = null } = config;
      const float = { version: VERSION, model: ofModel, metrics, activations };
      const decides = plan.name === FLOAT_PLAN ? float : decidingOf(config, { plan, grid, seed, hashes });
      const key = await hashOf(decides);
      cells.push({ key, model, plan, grid, calibration, seed, hashes });
    };
    await add({ name: FLOAT_PLAN, policy: FLOAT_PLAN }, config.grids[0], config.calibration[0], 0);
    for (const calibration of config.calibration)
      for (const grid of config.grids)
        for (const plan of config.plans) for (const seed of plan.seeds ?? [0]) await add(plan, grid, calibration, seed);
  }
  return cells;
}

/** The name of a cell in messages, which `--only` searches. */
export function cellName({ model, plan, grid, calibration, seed }: SweepCell): string {
  return `${model.name} ${plan.name} ${grid.name} ${calibration.name} seed ${seed}`;
}

/** Reads a cell from JSON. The sweep that wrote it has checked its fields; here they only must be there. @param where names the text in errors. */
export function parseSweepCell(text: string, where: string): SweepCell {
  const cell = asObject(parseJson(text, where), where);
  const missing = CELL_FIELDS.find((field) => cell[field] === undefined);
  if (missing !== undefined) throw new FormatError(where, `found no ${missing}, expected a cell of a sweep`);
  return cell as unknown as SweepCell;
}

const CELL_FIELDS: readonly (keyof SweepCell)[] = ["key", "model", "plan", "grid", "calibration", "seed", "hashes"];

/** What decides the result of a plan's cell. Names and paths do not count; a plan that is referred to counts by its policy. */
function decidingOf(
  config: SweepConfig,
  { plan, grid, seed, hashes }: Pick<SweepCell, "plan" | "grid" | "seed" | "hashes">,
): unknown {
  const { sampleTokens = DAMAGE_SAMPLE_TOKENS } = config;
  const { policy, budget = null, activations, refine = false } = plan;
  // Results exist whose keys were made of these fields in this order: a new field may be added only where it is used. The grid is
  // included with its defaults, so that a result made with other defaults has another key.
  return {
    ...{ version: VERSION, hashes, seed, activations: activations === undefined ? (config.activations ?? null) : null },
    ...{ sampleTokens, grid: wholeGrids(grid) },
    plan: { policy, budget, ...(activations !== undefined && { activations }), ...(refine && { refine }) },
    budgetOf: config.plans.find(({ name }) => name === plan.budgetOf)?.policy ?? null,
  };
}

/** Hashes of the files that cells read. Each file is read once. */
class InputHashes {
  readonly #signal: AbortSignal;
  readonly #report: CommandSession["report"];
  readonly #files: Map<string, Promise<string>> = new Map();

  constructor(signal: AbortSignal, report: CommandSession["report"]) {
    this.#signal = signal;
    this.#report = report;
  }

  async model({ path }: SweepModel): Promise<string> {
    const files = await readModelFiles(await nodeFolder(path));
    try {
      const turns = new Turns(this.#signal);
      return await hashOf([await modelHash(files, turns, this.#report), (await tokenizerHash(files, turns)) ?? ""]);
    } finally {
      await files.index.close();
    }
  }

  async calibration(draw: SweepCalibration): Promise<string> {
    const files = await Promise.all([draw.idsFile, ...(draw.text ?? [])].map((path) => this.#file(path)));
    return hashOf({ ...draw, name: "", idsFile: "", text: "", files });
  }

  async metric(metric: SweepMetric): Promise<string> {
    if (metric.type !== "tasks") {
      const files = [await this.#file(metric.text), await this.#file(metric.idsFile)];
      return hashOf({ ...metric, text: "", idsFile: "", files });
    }
    const paths = findTasks(metric.tasks).flatMap(({ task }) =>
      Object.values(task.files).flatMap((list) =>
        list.flatMap(({ path, labels }) => [path, ...(labels === undefined ? [] : [labels])]),
      ),
    );
    const files = await Promise.all(paths.map((path) => this.#eitherFile(`${metric.data}/${path}`)));
    return hashOf({ ...metric, data: "", files });
  }

  /** The hash of a data file, plain or packed; "" for one that is missing, which the task itself reports. */
  async #eitherFile(path: string): Promise<string> {
    return this.#file(path).catch(() => this.#file(`${path}.gz`).catch(() => ""));
  }

  #file(path: string | undefined): Promise<string> {
    if (path === undefined) return Promise.resolve("");
    const known =
      this.#files.get(path) ??
      withFileErrors(path, () => readFile(path)).then((bytes) => sha256(new Uint8Array(bytes)));
    this.#files.set(path, known);
    return known;
  }
}

/** SHA-256 of a value as JSON. */
export function hashOf(value: unknown): Promise<string> {
  return sha256(new TextEncoder().encode(JSON.stringify(value)));
}
