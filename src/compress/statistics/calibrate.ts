/**
 * Statistics of a model over calibration windows, with float activations, in one pass. Windows run in chunks: memory stays
 * bounded, and what earlier chunks told can be kept, so that a run that was stopped goes on.
 */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Turns } from "../../base/turns.ts";
import { VERSION } from "../../base/version.ts";
import { mostIds } from "../../eval/scoring/scored-windows.ts";
import type { Model, Progress } from "../../model/model.ts";
import { modelHash } from "../../model/model-identity.ts";
import type { Windows } from "../windows/window-batch.ts";
import { windowsHash } from "../windows/window-batch.ts";
import { DistanceMeter } from "./expert-distances.ts";
import { gatherWindows } from "./gather-statistics.ts";
import { outlierScores } from "./outlier-scores.ts";
import type { Statistics } from "./statistics.ts";
import { addStatistics } from "./statistics-sum.ts";

/** Everything that decides the result of a run. */
export interface CalibrationIdentity {
  readonly engine: string;
  readonly model: string;
  readonly tokens: string;
  readonly chunk: number;
  readonly hessians: boolean;
  readonly distances: boolean;
}

/** What the first chunks of a run told. */
export interface PartialStatistics {
  readonly identity: CalibrationIdentity;
  readonly statistics: Statistics;
}

/** What a calibration measures beside the statistics, tokens of a chunk, and where a stopped run goes on. */
export interface CalibrateRun {
  /** Keeps the whole Hessian of every input: cols^2 / 2 numbers each. */
  readonly hessians?: boolean;
  /** Measures how far rounding moves each expert's output (expert-distances.ts): rounds all experts at three widths first. */
  readonly distances?: boolean;
  /** Windows that run at once. Default: about 8192 tokens. Part of the result's identity: sums round in its order. */
  readonly chunk?: number;
  /** What an earlier run of the same model, tokens and options has done. */
  readonly resume?: PartialStatistics;
  /** Called, and waited for, after every chunk but the last; must not wait for other calls on the model. */
  readonly onChunk?: (partial: PartialStatistics) => Promise<void>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const CHUNK_TOKENS = 8192;

const RUN_OPTIONS: KnownOptions<CalibrateRun> = {
  ...{ hessians: true, distances: true, chunk: true, resume: true, onChunk: true, signal: true, onProgress: true },
};

/** Has the model to itself. @throws UsageError for windows that do not fit the model, or a run to resume that was another one. */
export async function calibrate(model: Model, windows: Windows, run: CalibrateRun = {}): Promise<Statistics> {
  checkKnownOptions<CalibrateRun>("calibrate", run, RUN_OPTIONS);
  return model.alone("calibrate", run.signal, (held, turns) => calibrateHeld(held, windows, run, turns));
}

async function calibrateHeld(model: Model, windows: Windows, run: CalibrateRun, turns: Turns): Promise<Statistics> {
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
    const gathered = await gatherWindows(model, part, turns, { hessians, distances: meter, onBlock });
    const found = { modelHash: identity.model, tokenHashes: [identity.tokens], linears, ...gathered };
    sum = sum === undefined ? found : addStatistics(sum, found);
    if (done + chunk < windows.length) await run.onChunk?.({ identity, statistics: sum });
  }
  if (sum === undefined) throw new UsageError("calibration", "no tokens", "at least one window");
  return sum;
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
  const hash = await modelHash(model.files, turns, run.onProgress);
  return { engine: VERSION, model: hash, tokens: await windowsHash(windows), chunk, hessians, distances };
}

/** What a run that does not go on with another was: the first difference, in words. */
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
