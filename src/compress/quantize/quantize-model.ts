/**
 * Quantises a model block by block over all calibration windows. Each group of linears sees the quantised linears before it ([q k v],
 * [o], [gate up of all experts and shared], [down]; true-sequential GPTQ, arXiv:2210.17323).
 *
 * The model stays unchanged. The result is codes, which write-quantized.ts writes. A checkpoint keeps each finished block. Blocks that
 * it already holds are reused, and the hidden states after them are recomputed to the same bits.
 */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Turns } from "../../base/turns.ts";
import type { Model, Progress } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { layerLinears, overlayOf } from "../../model/weights/weight-tree.ts";
import { rtn } from "../../quant/rtn.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { ErrorFeedback } from "../feedback/error-feedback.ts";
import { checkSettings } from "../recipe/check-settings.ts";
import { type QuantizeSettings, settingOf } from "../recipe/settings.ts";
import type { ModuleReport } from "../result/module-report.ts";
import { heldMatrices, type Quantized, type QuantizedBlock, type StarvedExpert } from "../result/quantized.ts";
import type { Checkpoint } from "../resume/block-checkpoint.ts";
import { placeQuantized, weightReader } from "../windows/place-quantized.ts";
import { WindowBatch, type Windows } from "../windows/window-batch.ts";
import { quantizeSite, type SiteContext } from "./quantize-site.ts";

/** Calibration windows (only plain rounding works without), and where finished blocks are kept. */
export interface QuantizeRun {
  /** Required by method `gptq`. */
  readonly windows?: Windows;
  /** Keeps finished blocks; made by `openCheckpoint` for this model, these settings and these windows. */
  readonly checkpoint?: Checkpoint;
  /** Also rounds every linear plainly, to report `rtnLoss` beside GPTQ's loss. Takes time and changes no code. Default false. */
  readonly rtnLoss?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const RUN_OPTIONS: KnownOptions<QuantizeRun> = {
  ...{ windows: true, checkpoint: true, rtnLoss: true, signal: true, onProgress: true },
};

/**
 * Quantises every linear that the settings name. The model itself is not changed, so others may use it meanwhile.
 * @throws UsageError for settings that do not fit the model, before any work; the signal's reason, within one matrix.
 */
export async function quantizeModel(
  model: Model,
  settings: QuantizeSettings,
  run: QuantizeRun = {},
): Promise<Quantized> {
  checkSettings(model.files, settings);
  checkKnownOptions<QuantizeRun>("quantizeModel", run, RUN_OPTIONS);
  return model.job(run.signal, async (turns) => {
    const collector = new Collector(model, settings, run);
    if (settings.method === "rtn") await roundBlocks(model, settings, turns, collector, run.checkpoint);
    else await runBlocks(model, settings, turns, collector, run);
    return collector.result();
  });
}

async function roundBlocks(
  model: Model,
  settings: QuantizeSettings,
  turns: Turns,
  collector: Collector,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  for (const [layer, weights] of model.weights.layers.entries()) {
    const kept = await checkpoint?.load(layer);
    if (kept !== undefined) {
      collector.restore(kept);
      continue;
    }
    const mark = collector.mark();
    for (const linear of layerLinears(weights))
      if (settingOf(settings, linear).bits !== 16) await roundOne(model, settings, turns, collector, linear);
    await collector.finish(layer, mark);
  }
}

async function roundOne(
  model: Model,
  settings: QuantizeSettings,
  turns: Turns,
  collector: Collector,
  linear: Linear,
): Promise<void> {
  const { rows, cols, name } = linear;
  const { bits, groupSize } = settingOf(settings, linear);
  const { symmetric, clip } = settings;
  const weights = await collector.readWeights(linear);
  const grid = { bits: bits as Bits, groupSize, symmetric, clip, scaleRounding: "f16" } as const;
  const named = { ...grid, name: `${model.files.name}: ${name}` };
  const matrix = await rtn(model.machine, { weights, rows, cols }, { ...named, turns });
  collector.add(matrix, { name, bits, groupSize, loss: null, rtnLoss: null, tokens: 0, method: "rtn", damp: null });
}

async function runBlocks(
  model: Model,
  settings: QuantizeSettings,
  turns: Turns,
  collector: Collector,
  { windows, checkpoint, rtnLoss = false }: QuantizeRun,
): Promise<void> {
  if (windows === undefined) throw new UsageError("calibration", "no tokens", "windows for method gptq");
  const changing = model.withWeights(overlayOf(model.weights));
  using batch = new WindowBatch(changing, windows);
  const { errorFeedback: share = 0, shrinkage = 0 } = settings;
  const feedback = share > 0 ? new ErrorFeedback(changing, batch, { share, shrinkage }, turns) : undefined;
  const { state } = batch;
  const context = { model: changing, settings, rtnLoss, turns, state, sink: collector, feedback };
  await batch.embed(turns);
  for (let layer = 0; layer < model.config.layers; layer++)
    await runBlock(batch, layer, context, collector, checkpoint);
}

async function runBlock(
  batch: WindowBatch,
  layer: number,
  context: Omit<SiteContext, "swap">,
  collector: Collector,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  const { model, turns, feedback } = context;
  const kept = await checkpoint?.load(layer);
  await feedback?.begin(layer);
  // Finished blocks are not computed again, so their weights can be freed.
  using packed = model.machine.arena.region();
  const swap: SiteContext["swap"] = (linear, matrix) => {
    linear.matrix = placeQuantized(model.machine, packed, linear.name, matrix);
  };
  if (kept !== undefined) {
    collector.restore(kept);
    await batch.block(layer, turns, (tap: Tap) => swapKept(tap, kept, swap));
    return;
  }
  const mark = collector.mark();
  await batch.block(layer, turns, (tap: Tap) => quantizeSite({ ...context, swap }, tap));
  await collector.finish(layer, mark);
}

/** Swaps weights at the same places as quantising does, so that the hidden states get the same bits. */
function swapKept(tap: Tap, { matrices }: QuantizedBlock, swap: SiteContext["swap"]): void {
  for (const linear of tap.linears) {
    const matrix = matrices.get(linear.name);
    if (matrix !== undefined) swap(linear, matrix);
  }
}

interface Mark {
  readonly modules: number;
  readonly starved: number;
}

/** Collects results and reports progress. Matrices of finished blocks stay in memory only without a checkpoint. */
class Collector {
  readonly #run: QuantizeRun;
  readonly readWeights: (linear: Linear) => Promise<Float32Array>;
  readonly #total: number;
  readonly #matrices: Map<string, QuantizedMatrix> = new Map();
  readonly #modules: ModuleReport[] = [];
  readonly starved: StarvedExpert[] = [];

  constructor(model: Model, settings: QuantizeSettings, run: QuantizeRun) {
    this.#run = run;
    this.readWeights = weightReader(model);
    this.#total = [...settings.modules.values()].filter((setting) => setting.bits !== 16).length;
  }

  add(matrix: QuantizedMatrix, report: ModuleReport): void {
    this.#matrices.set(report.name, matrix);
    this.#modules.push(report);
    const done = this.#modules.length;
    this.#run.onProgress?.({ phase: "quantize", done, total: this.#total, unit: "matrices", detail: report.name });
  }

  /** The place where a block begins, for `finish`. */
  mark(): Mark {
    return { modules: this.#modules.length, starved: this.starved.length };
  }

  /** Saves the block that began at `mark`. After that its matrices are read from its file. */
  async finish(layer: number, mark: Mark): Promise<void> {
    const { checkpoint } = this.#run;
    if (checkpoint === undefined) return;
    const modules = this.#modules.slice(mark.modules);
    const matrices = new Map(modules.map(({ name }) => [name, this.#matrices.get(name) as QuantizedMatrix]));
    await checkpoint.save(layer, { matrices, modules, starved: this.starved.slice(mark.starved) });
    this.#matrices.clear();
  }

  /** Adds the reports of a block that an earlier run finished. Its matrices stay in its file. */
  restore({ matrices, modules, starved }: QuantizedBlock): void {
    for (const module of modules) this.add(matrices.get(module.name) as QuantizedMatrix, module);
    this.starved.push(...starved);
    this.#matrices.clear();
  }

  result(): Quantized {
    const matrices = this.#run.checkpoint?.matrices ?? heldMatrices(this.#matrices);
    return { matrices, modules: this.#modules, starved: this.starved };
  }
}
