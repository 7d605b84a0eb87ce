/**
 * The long trip of quantising: block by block over all calibration windows, each group of linears seeing the quantised ones
 * before it ([q k v], [o], [gate up of all experts and shared], [down]; GPTQ, arXiv:2210.17323, true-sequential).
 *
 * The model is as it was afterwards; the result is codes, to be written by write.ts.
 */
import { UsageError } from "../errors.ts";
import { exactF16 } from "../format/float16.ts";
import { sortByGroup } from "../model/act-order.ts";
import type { Tap } from "../model/forward.ts";
import { packMatrix, readFloats } from "../model/load.ts";
import type { Placement } from "../model/locate.ts";
import type { Model, Progress } from "../model/model.ts";
import { type Linear, layerLinears } from "../model/weights.ts";
import type { GptqResult } from "../quant/gptq.ts";
import type { QuantizedMatrix } from "../quant/grid.ts";
import { rtn } from "../quant/rtn.ts";
import { Turns } from "../wasm/turns.ts";
import { WindowBatch, type Windows } from "./batch.ts";
import type { ModuleReport } from "./report.ts";
import { checkSettings, type QuantizeSettings, settingOf } from "./settings.ts";
import { quantizeSite, type SiteContext } from "./site.ts";
import type { StarvedExpert } from "./starved.ts";

export interface Quantized {
  readonly matrices: ReadonlyMap<string, QuantizedMatrix>;
  readonly modules: readonly ModuleReport[];
  readonly starved: readonly StarvedExpert[];
}

export interface QuantizeRun {
  /** Needed by method `gptq`. */
  readonly windows?: Windows;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** @throws UsageError for settings that do not fit the model, before any work; the signal's reason within one matrix. */
export async function quantizeModel(
  model: Model,
  settings: QuantizeSettings,
  run: QuantizeRun = {},
): Promise<Quantized> {
  checkSettings(model.files, settings);
  const turns = new Turns(run.signal);
  const collector = new Collector(model, settings, run);
  if (settings.method === "rtn") await roundAll(model, settings, turns, collector);
  else await runBlocks(model, settings, turns, collector, run.windows);
  return collector.result();
}

async function roundAll(model: Model, settings: QuantizeSettings, turns: Turns, collector: Collector): Promise<void> {
  if (settings.clip === "hessian")
    throw new UsageError("clip", "hessian with method rtn", "none or mse: rounding has no Hessian");
  for (const layer of model.weights.layers)
    for (const linear of layerLinears(layer)) {
      const { bits, groupSize } = settingOf(settings, linear.slot);
      if (bits === 16) continue;
      const { rows, cols, name } = linear.slot;
      const weights = await collector.readWeights(linear);
      const grid = {
        bits,
        groupSize,
        symmetric: settings.symmetric,
        clip: settings.clip,
        scaleRounding: "f16",
      } as const;
      const matrix = await rtn(model.machine, weights, rows, cols, grid, turns);
      collector.add(matrix, { name, bits, groupSize, loss: null, rtnLoss: null, tokens: 0, method: "rtn", damp: null });
    }
}

async function runBlocks(
  model: Model,
  settings: QuantizeSettings,
  turns: Turns,
  collector: Collector,
  windows: Windows | undefined,
): Promise<void> {
  if (windows === undefined) throw new UsageError("calibration", "no tokens", "windows for method gptq");
  const linears = model.weights.layers.flatMap(layerLinears);
  const originals = linears.map((linear) => linear.matrix);
  using batch = new WindowBatch(model, windows);
  const context: SiteContext = { model, settings, turns, state: batch.state, sink: collector };
  try {
    await batch.run(turns, (tap: Tap) => quantizeSite(context, tap));
  } finally {
    linears.forEach((linear, index) => {
      linear.matrix = originals[index];
    });
  }
}

/** Keeps results, swaps weights, tells progress. */
class Collector {
  readonly #model: Model;
  readonly #run: QuantizeRun;
  readonly #placements: ReadonlyMap<string, Placement>;
  readonly #total: number;
  readonly #matrices: Map<string, QuantizedMatrix> = new Map();
  readonly #modules: ModuleReport[] = [];
  readonly starved: StarvedExpert[] = [];

  constructor(model: Model, settings: QuantizeSettings, run: QuantizeRun) {
    this.#model = model;
    this.#run = run;
    this.#placements = new Map(model.files.placements.map((placement) => [placement.slot.name, placement]));
    this.#total = [...settings.modules.values()].filter((setting) => setting.bits !== 16).length;
  }

  /** The float weights [N,K] as the checkpoint has them. */
  async readWeights(linear: Linear): Promise<Float32Array> {
    const placement = this.#placements.get(linear.slot.name) as Placement & { kind: "float" };
    const { rows, cols } = linear.slot;
    return readFloats(this.#model.files.index, placement.entry, placement.rowOffset * cols, rows * cols);
  }

  add(matrix: QuantizedMatrix, report: ModuleReport): void {
    this.#matrices.set(report.name, matrix);
    this.#modules.push(report);
    const done = this.#modules.length;
    this.#run.onProgress?.({ phase: "quantize", done, total: this.#total, unit: "matrices", detail: report.name });
  }

  /** From here on the model computes with the quantised weights (exact dequantisation). */
  swap(linear: Linear, { matrix }: GptqResult): void {
    const { machine } = this.#model;
    const plain = plainCodes(matrix);
    const groupSize = matrix.groupSize === -1 ? matrix.cols : matrix.groupSize;
    const { codes, perm } = sortByGroup({ ...plain, gIdx: matrix.gIdx }, groupSize, linear.slot.name);
    const packed = packMatrix(machine, { ...plain, codes }, groupSize);
    const permPtr = perm === undefined ? 0 : machine.arena.alloc(perm.length * 4);
    if (perm !== undefined) machine.arena.i32(permPtr, perm.length).set(perm);
    linear.matrix = { ...packed, permPtr };
  }

  result(): Quantized {
    return { matrices: this.#matrices, modules: this.#modules, starved: this.starved };
  }
}

/** A quantised matrix as files and panels take it: scales as f16 bits. */
export function plainCodes(matrix: QuantizedMatrix): {
  N: number;
  K: number;
  G: number;
  bits: 2 | 3 | 4 | 8;
  codes: Uint8Array;
  scales: Uint16Array;
  zeros: Uint8Array;
} {
  const { rows, cols, groups, bits, codes, scales, zeros } = matrix;
  // Exact by construction: the grid rounded every scale to f16 before using it.
  const f16 = Uint16Array.from(scales, (scale) => exactF16(scale) as number);
  return { N: rows, K: cols, G: groups, bits: bits as 2 | 3 | 4 | 8, codes, scales: f16, zeros };
}
