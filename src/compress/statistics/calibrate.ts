/**
 * Gathers statistics of a model over calibration windows in one pass, with float activations. Windows run in chunks, which bounds the
 * memory. The results of finished chunks can be kept, so that a stopped run can be resumed.
 */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Turns } from "../../base/turns.ts";
import { VERSION } from "../../base/version.ts";
import { mostIds } from "../../eval/scoring/scored-windows.ts";
import type { WorkFolder } from "../../files/work-folder.ts";
import type { Model, Progress } from "../../model/model.ts";
import { modelHash } from "../../model/model-identity.ts";
import { PLAIN_NEEDS, requireRoom } from "../windows/batch-room.ts";
import { checkWindows, type Windows, windowsHash } from "../windows/window-batch.ts";
import { DistanceMeter } from "./expert-distances.ts";
import { gatherWindows } from "./gather-statistics.ts";
import { outlierScores } from "./outlier-scores.ts";
import type { InputStatistics, Statistics } from "./statistics.ts";
import { addStatistics } from "./statistics-sum.ts";
import { holdTriangles, removeTriangles, storeTriangles } from "./triangles.ts";

/** Everything that decides the result of a run. */
export interface CalibrationIdentity {
  readonly engine: string;
  readonly model: string;
  readonly tokens: string;
  readonly chunk: number;
  readonly hessians: boolean;
  readonly distances: boolean;
}

/** The results of the first chunks of a run. */
export interface PartialStatistics {
  readonly identity: CalibrationIdentity;
  readonly statistics: Statistics;
}

/** Optional measurements, the chunk size, and how to keep and resume a run. */
export interface CalibrateRun {
  /** Keeps the whole Hessian of every input: cols^2 / 2 numbers each. Default false. */
  readonly hessians?: boolean;
  /**
   * Folder for whole Hessians until the statistics are written, so that they need not fit in memory. The caller removes them afterwards
   * (`removeTriangles`). Default: in memory.
   */
  readonly work?: WorkFolder;
  /** Also measures how far rounding moves each expert's output (expert-distances.ts). Rounds all experts at three widths first. Default false. */
  readonly distances?: boolean;
  /** Windows that run at once. Default: about 8192 tokens. It is part of the result's identity, because sums are rounded in chunk order. */
  readonly chunk?: number;
  /** Results of an earlier run with the same model, tokens and options. */
  readonly resume?: PartialStatistics;
  /**
   * Called and awaited after every chunk but the last. It may write the statistics to a file, read them back and return them. The run
   * then continues with those, and the Hessians in `work` are removed.
   */
  readonly onChunk?: (partial: PartialStatistics) => Promise<Statistics | undefined> | Promise<void>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const CHUNK_TOKENS = 8192;

const RUN_OPTIONS: KnownOptions<CalibrateRun> = {
  ...{ hessians: true, work: true, distances: true, chunk: true, resume: true, onChunk: true },
  ...{ signal: true, onProgress: true },
};

/** Gathers statistics. @throws UsageError for windows that do not fit the model, or if the run to resume was a different one. */
export async function calibrate(model: Model, windows: Windows, run: CalibrateRun = {}): Promise<Statistics> {
  checkKnownOptions<CalibrateRun>("calibrate", run, RUN_OPTIONS);
  return model.job(run.signal, (turns) => calibrateChunks(model, windows, run, turns));
}

async function calibrateChunks(model: Model, windows: Windows, run: CalibrateRun, turns: Turns): Promise<Statistics> {
  const identity = await identityOf(model, windows, run, turns);
  if (run.resume !== undefined) checkResume(run.resume.identity, identity);
  const linears = await outlierScores(model.files, run);
  using meter = identity.distances ? await DistanceMeter.create(model, turns, run.onProgress) : undefined;
  const { layers } = model.config;
  const { chunk, hessians } = identity;
  const total = Math.ceil(windows.length / chunk) * layers;
  let sum = run.resume?.statistics;
  const before = Math.ceil((sum?.windows ?? 0) / chunk) * layers;
  run.onProgress?.({ phase: "calibrate", done: before, total, unit: "blocks" });
  for (let done = sum?.windows ?? 0; done < windows.length; done += chunk) {
    const blocks = Math.ceil(done / chunk) * layers;
    const onBlock = (layer: number) =>
      run.onProgress?.({ phase: "calibrate", done: blocks + layer + 1, total, unit: "blocks" });
    const part = windows.slice(done, done + chunk);
    const keepHessians = hessians
      ? run.work === undefined
        ? holdTriangles
        : storeTriangles(run.work, done)
      : undefined;
    const gathered = await gatherWindows(model, part, turns, { keepHessians, distances: meter, onBlock });
    const found = { modelHash: identity.model, tokenHashes: [identity.tokens], linears, ...gathered };
    sum = await settled(sum === undefined ? found : addStatistics(sum, found), run.work);
    if (done + chunk >= windows.length) break;
    const read = await run.onChunk?.({ identity, statistics: sum });
    if (!read) continue;
    sum = read;
    if (run.work !== undefined) await removeTriangles(run.work);
  }
  if (sum === undefined) throw new UsageError("calibration", "no tokens", "at least one window");
  return sum;
}

/** Adds up Hessians right away if they are in memory, because the separate parts would take more of it. */
async function settled(statistics: Statistics, work: WorkFolder | undefined): Promise<Statistics> {
  if (work !== undefined) return statistics;
  const inputs: InputStatistics[] = [];
  for (const input of statistics.inputs)
    inputs.push(input.hessian ? { ...input, hessian: await holdTriangles(input, input.hessian.of) } : input);
  return { ...statistics, inputs };
}

async function identityOf(
  model: Model,
  windows: Windows,
  run: CalibrateRun,
  turns: Turns,
): Promise<CalibrationIdentity> {
  const longest = Math.max(1, mostIds(windows));
  const { hessians = false, distances = false, chunk = Math.max(1, Math.floor(CHUNK_TOKENS / longest)) } = run;
  if (!(Number.isInteger(chunk) && chunk >= 1))
    throw new UsageError("chunk", String(chunk), "a number of windows from 1");
  for (let done = 0; done < windows.length; done += chunk)
    requireRoom(model, checkWindows(windows.slice(done, done + chunk), model), PLAIN_NEEDS);
  const hash = await modelHash(model.files, turns, run.onProgress);
  return { engine: VERSION, model: hash, tokens: await windowsHash(windows), chunk, hessians, distances };
}

/** Refuses to resume a different run; the error names the first difference. */
function checkResume(found: CalibrationIdentity, wanted: CalibrationIdentity): void {
  const reasons: readonly (readonly [keyof CalibrationIdentity, string])[] = [
    ["model", "a run of another model"],
    ["tokens", "a run over other tokens"],
    ["engine", `a run of version ${found.engine}`],
    ["chunk", `a run in chunks of ${found.chunk} windows`],
    ["hessians", `a run with${found.hessians ? "" : "out"} whole Hessians`],
    ["distances", `a run with${found.distances ? "" : "out"} distances`],
  ];
  const changed = reasons.find(([field]) => found[field] !== wanted[field]);
  if (changed !== undefined)
    throw new UsageError("resume", changed[1], "the model, tokens and options that it was begun with, or a new run");
}
