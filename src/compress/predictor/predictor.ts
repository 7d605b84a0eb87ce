/**
 * The study's block importance predictor (arXiv 2406.08155). For every block a small network learns, token by token, the cosine between
 * the residual stream before and after the block's MLP (or MoE). A block's score is the mean of the network's predictions.
 *
 * The pass that collects the training data also gives the exact cosine (`calibrate`). The network is here to repeat the study.
 */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { createRandom, type Random } from "../../base/random.ts";
import type { Turns } from "../../base/turns.ts";
import type { Model, Progress } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import { readRows } from "../../nn/emit.ts";
import { WindowBatch, type Windows } from "../windows/window-batch.ts";
import { checkHidden, PredictorNetwork } from "./predictor-network.ts";
import { checkTraining, type Example, type Fit, shuffle, type TrainingOptions, train } from "./predictor-training.ts";

const STUDY_HIDDEN = 1024;

/** Width, training and windows of the predictor. The defaults are the study's, except `minImprovement`. */
export interface PredictorOptions extends TrainingOptions {
  /** Hidden units, a multiple of 16. Default 1024. */
  readonly hidden?: number;
  /** Share of the windows that is held out, at least one window. Default 0.1. */
  readonly validation?: number;
  /** Also learns the cosine between the module's normed input and its output, without the residual. Default false. */
  readonly module?: boolean;
  /** Windows on which the blocks are scored. Default: the training windows. */
  readonly score?: Windows;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** Result for one block: epochs, validation error, and the mean predicted cosine. */
export interface PredictedBlock extends Fit {
  readonly layer: number;
  /** Mean predicted cosine of the residual stream before and after the module. The lower it is, the more the block matters. */
  readonly predicted: number;
  /** The same between the module's normed input and its output. */
  readonly predictedModule?: number;
  readonly module?: Fit;
}

/** The predicted importance of every block, in the order of the layers. */
export interface Prediction {
  readonly blocks: readonly PredictedBlock[];
}

/**
 * Trains on `windows`, one per step, and scores the blocks.
 * @throws UsageError for fewer than two windows or invalid options; the signal's reason, within one step.
 */
export async function trainPredictor(
  model: Model,
  windows: Windows,
  options: PredictorOptions = {},
): Promise<Prediction> {
  const heldOut = checkOptions(windows, options);
  return model.job(options.signal, (turns) => trainBlocks(model, windows, options, heldOut, turns));
}

/** @param heldOut number of windows that are not used for training. */
async function trainBlocks(
  model: Model,
  windows: Windows,
  options: PredictorOptions,
  heldOut: number,
  turns: Turns,
): Promise<Prediction> {
  const { config } = model;
  using batch = new WindowBatch(model, windows);
  using other = options.score === undefined ? undefined : new WindowBatch(model, options.score);
  await batch.embed(turns);
  await other?.embed(turns);
  const blocks: PredictedBlock[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const learned = await collect(model, batch, layer, windows, turns);
    const scored = other && (await collect(model, other, layer, options.score as Windows, turns));
    const learn = (variant: "stream" | "module") =>
      trainBlock(model, { learned: learned[variant], scored: (scored ?? learned)[variant], heldOut }, options, turns);
    const { predicted, ...found } = await learn("stream");
    const block = { layer, predicted, ...found };
    if (options.module) {
      const { predicted: predictedModule, ...module } = await learn("module");
      blocks.push({ ...block, predictedModule, module });
    } else blocks.push(block);
    options.onProgress?.({ phase: "predict", done: layer + 1, total: config.layers, unit: "blocks" });
  }
  return { blocks };
}

const OPTIONS: KnownOptions<PredictorOptions> = {
  ...{ learningRate: true, weightDecay: true, epochs: true, patience: true, minImprovement: true },
  ...{ hidden: true, validation: true, module: true, score: true, seed: true, signal: true, onProgress: true },
};

/** The number of held-out windows. */
function checkOptions(windows: Windows, options: PredictorOptions): number {
  checkKnownOptions<PredictorOptions>("trainPredictor", options, OPTIONS);
  const { validation = 0.1, hidden = STUDY_HIDDEN } = options;
  checkTraining(options);
  checkHidden(hidden);
  if (windows.length < 2) throw new UsageError("predictor: windows", String(windows.length), "at least two");
  if (!(validation > 0 && validation < 1))
    throw new UsageError("predictor: validation", String(validation), "a number above 0 and below 1");
  return Math.min(windows.length - 1, Math.max(1, Math.round(validation * windows.length)));
}

interface BlockData {
  readonly stream: readonly Example[];
  readonly module: readonly Example[];
}

/** Runs a block and collects its tokens' inputs and true cosines, window by window. */
async function collect(
  model: Model,
  batch: WindowBatch,
  layer: number,
  windows: Windows,
  turns: Turns,
): Promise<BlockData> {
  const { machine, config } = model;
  const width = config.hiddenSize;
  let [before, normed, after] = [new Float32Array(), new Float32Array(), new Float32Array()];
  await batch.block(layer, turns, ({ site, input }: Tap) => {
    const stream = { ...input, ptr: batch.state.hidden };
    if (site === "mlp") [before, normed] = [readRows(machine, stream), readRows(machine, input)];
    else if (site === "hidden") after = readRows(machine, input);
  });
  const change = after.map((value, at) => value - before[at]);
  return {
    stream: examples(before, rowCosines(before, after, width), windows, width),
    module: examples(normed, rowCosines(normed, change, width), windows, width),
  };
}

function examples(x: Float32Array, targets: Float32Array, windows: Windows, width: number): readonly Example[] {
  let end = 0;
  return windows.map(({ length }) => {
    const start = end;
    end += length;
    return { x: x.subarray(start * width, end * width), targets: targets.subarray(start, end) };
  });
}

/** Cosine of each row of a with the same row of b; 0 if either row is zero. */
function rowCosines(a: Float32Array, b: Float32Array, width: number): Float32Array {
  return Float32Array.from({ length: a.length / width }, (_, row) => {
    let [aa, ab, bb] = [0, 0, 0];
    for (let at = row * width; at < (row + 1) * width; at++) {
      aa += a[at] * a[at];
      ab += a[at] * b[at];
      bb += b[at] * b[at];
    }
    return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
  });
}

/** Windows for training, windows to score, and the number of training windows that are held out. */
interface BlockExamples {
  readonly learned: readonly Example[];
  readonly scored: readonly Example[];
  readonly heldOut: number;
}

/** Trains the network of one block. Every block starts with the same random numbers, so its result does not depend on earlier blocks. */
async function trainBlock(
  model: Model,
  { learned, scored, heldOut: held }: BlockExamples,
  options: PredictorOptions,
  turns: Turns,
): Promise<Fit & { readonly predicted: number }> {
  const random: Random = createRandom(options.seed ?? 0);
  const rows = [...learned, ...scored].reduce((most, { targets }) => Math.max(most, targets.length), 0);
  const shape = { width: model.config.hiddenSize, hidden: options.hidden ?? STUDY_HIDDEN, rows };
  using network = new PredictorNetwork(model.machine, shape, random);
  const order = [...learned];
  shuffle(order, random);
  const set = { examples: order.slice(held), held: order.slice(0, held) };
  const found = await train(network, set, options, random, turns);
  let sum = 0;
  let count = 0;
  for (const { x } of scored) {
    const scores = await network.predict(x, turns);
    sum += scores.reduce((total, score) => total + score, 0);
    count += scores.length;
  }
  return { predicted: sum / count, ...found };
}
