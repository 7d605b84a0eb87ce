/** Collects the results of quantising a model, and reports progress. */
import type { Model, Progress } from "../../model/model.ts";
import type { Linear } from "../../model/weights/linears.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { QuantizeSettings } from "../recipe/settings.ts";
import { HeldMatrices } from "../result/held-matrices.ts";
import type { ModuleReport } from "../result/module-report.ts";
import { heldMatrices, type Quantized, type QuantizedBlock, type StarvedExpert } from "../result/quantized.ts";
import type { Checkpoint } from "../resume/block-checkpoint.ts";
import { weightReader } from "../windows/place-quantized.ts";

/** Where finished blocks are kept, and who is told of progress. */
export interface CollectorRun {
  readonly checkpoint?: Checkpoint;
  readonly onProgress?: (progress: Progress) => void;
}

/** The place in the reports where a block begins. */
export interface BlockStart {
  readonly modules: number;
  readonly starved: number;
}

/** Matrices of finished blocks stay in memory only without a checkpoint. */
export class Collector {
  readonly #run: CollectorRun;
  readonly readWeights: (linear: Linear) => Promise<Float32Array>;
  readonly #total: number;
  #matrices: HeldMatrices = new HeldMatrices();
  readonly #modules: ModuleReport[] = [];
  readonly starved: StarvedExpert[] = [];

  constructor(model: Model, settings: QuantizeSettings, run: CollectorRun) {
    this.#run = run;
    this.readWeights = weightReader(model);
    this.#total = [...settings.modules.values()].filter((setting) => setting.bits !== 16).length;
  }

  add(matrix: QuantizedMatrix, report: ModuleReport): void {
    this.#matrices.set(report.name, matrix);
    this.#note(report);
  }

  #note(report: ModuleReport): void {
    this.#modules.push(report);
    const done = this.#modules.length;
    this.#run.onProgress?.({ phase: "quantize", done, total: this.#total, unit: "matrices", detail: report.name });
  }

  /** The place where a block begins, for `finish`. */
  mark(): BlockStart {
    return { modules: this.#modules.length, starved: this.starved.length };
  }

  /** Saves the block that began at `mark`. After that its matrices are read from its file. */
  async finish(layer: number, mark: BlockStart): Promise<void> {
    const { checkpoint } = this.#run;
    if (checkpoint === undefined) return;
    const modules = this.#modules.slice(mark.modules);
    await checkpoint.save(layer, { matrices: this.#matrices, modules, starved: this.starved.slice(mark.starved) });
    this.#matrices = new HeldMatrices();
  }

  /** Adds the reports of a block that an earlier run finished. Its matrices stay in its file. */
  restore({ modules, starved }: QuantizedBlock): void {
    for (const module of modules) this.#note(module);
    this.starved.push(...starved);
  }

  result(): Quantized {
    const matrices = this.#run.checkpoint?.matrices ?? heldMatrices(this.#matrices);
    return { matrices, modules: this.#modules, starved: this.starved };
  }
}
