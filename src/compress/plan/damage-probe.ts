/** Measures how far a model's outputs move from the float model's when some linears are replaced: KL over a sample of windows. */

import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import { stride } from "../../tensor/matrix.ts";
import type { Region } from "../../wasm/memory/region.ts";
import { type BatchNeeds, type BatchSize, batchBytes, furtherStreams } from "../windows/batch-room.ts";
import { checkWindows, WindowBatch, type Windows } from "../windows/window-batch.ts";

/** Rows of logits computed at a time. */
const ROWS = 64;

/** What a probe takes while a job has a batch of its own. */
export function probeNeeds(model: Model, windows: Windows): Required<Pick<BatchNeeds, "inside" | "outside">> {
  const size = checkWindows(windows, model);
  const { inside, outside } = batchBytes(model, size, ROWS);
  return {
    inside: inside + 4 * size.tokens * stride(model.config.vocabSize) + 32 * ROWS,
    outside: outside + ofStreams(model, size),
  };
}

/** Bytes of the residual streams that a probe keeps, one more than blocks, beyond those that every job has. */
function ofStreams(model: Model, size: BatchSize): number {
  return furtherStreams(model, size, model.config.layers + 1);
}

/**
 * Keeps the float model's logits, and the residual stream that enters each block, so that a change only costs the blocks from there on.
 * The streams are the float model's until `follow` takes those of a changed model.
 */
export class DamageProbe implements Disposable {
  readonly #model: Model;
  readonly #batch: WindowBatch;
  readonly #memory: Region;
  readonly #ld: number;
  /** Residual streams that enter each block, and the one after the last block, f32 [T, D padded]. */
  readonly #streams: Float32Array[] = [];
  /** Address of the float logits, f32 [T, V padded]. */
  readonly #reference: number;
  readonly #sums: number;

  /** Runs the model as it is. Its weights must be the float ones. */
  static async create(model: Model, windows: Windows, turns: Turns): Promise<DamageProbe> {
    const probe = new DamageProbe(model, windows);
    try {
      await probe.#remember(turns);
      return probe;
    } catch (error) {
      probe[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(model: Model, windows: Windows) {
    const { arena } = model.machine;
    this.#model = model;
    this.#ld = stride(model.config.vocabSize);
    this.#memory = arena.region();
    const outside = ofStreams(model, checkWindows(windows, model));
    this.#batch = new WindowBatch(model, windows, { logitRows: ROWS, outside });
    try {
      this.#reference = this.#memory.alloc(this.#batch.tokens * this.#ld * 4);
      this.#sums = this.#memory.alloc(ROWS * 32);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Takes the current weights as the point that later changes start from. The reference stays the float model. */
  async follow(turns: Turns): Promise<void> {
    const batch = this.#batch;
    this.#streams.length = 0;
    await batch.embed(turns);
    for (let layer = 0; layer < this.#model.config.layers; layer++) {
      this.#streams.push(batch.rows(batch.state.hidden).slice());
      await batch.block(layer, turns, () => {});
    }
    this.#streams.push(batch.rows(batch.state.hidden).slice());
  }

  /** Blocks of the model. */
  get layers(): number {
    return this.#model.config.layers;
  }

  /**
   * Mean KL(float || current model) in nats per token. Embedding and blocks before `from` must be those of the streams; -1 begins with the embedding,
   * the number of layers with the head.
   */
  async kl(from: number, turns: Turns): Promise<number> {
    const { machine, config } = this.#model;
    const batch = this.#batch;
    if (from < 0) await batch.embed(turns);
    else batch.rows(batch.state.hidden).set(this.#streams[from]);
    for (let layer = Math.max(0, from); layer < config.layers; layer++) await batch.block(layer, turns, () => {});
    let total = 0;
    for (let first = 0; first < batch.tokens; first += ROWS) {
      const rows = Math.min(ROWS, batch.tokens - first);
      await batch.head(first, rows, turns);
      const reference = this.#reference + first * this.#ld * 4;
      // biome-ignore format: one line a call
      machine.call("divergence", rows, this.#sums, reference, this.#ld, batch.state.logits, this.#ld, config.vocabSize);
      const sums = machine.arena.f64(this.#sums, 4 * rows);
      for (let row = 0; row < rows; row++) total += sums[4 * row];
    }
    return total / batch.tokens;
  }

  [Symbol.dispose](): void {
    this.#batch[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }

  async #remember(turns: Turns): Promise<void> {
    const { machine } = this.#model;
    const batch = this.#batch;
    await this.follow(turns);
    for (let first = 0; first < batch.tokens; first += ROWS) {
      const rows = Math.min(ROWS, batch.tokens - first);
      await batch.head(first, rows, turns);
      const to = machine.arena.f32(this.#reference + first * this.#ld * 4, rows * this.#ld);
      to.set(machine.arena.f32(batch.state.logits, rows * this.#ld));
    }
  }
}
