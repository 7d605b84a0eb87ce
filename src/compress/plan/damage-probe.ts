/** Measures how far a model's outputs move from the float model's when some linears are replaced: KL over a sample of windows. */

import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import { stride } from "../../tensor/matrix.ts";
import type { Region } from "../../wasm/memory/region.ts";
import { type BatchNeeds, batchBytes, PLAIN_NEEDS } from "../windows/batch-room.ts";
import { checkWindows, WindowBatch, type Windows } from "../windows/window-batch.ts";

/** Rows of logits computed at a time. */
const ROWS = 64;

/** What a probe takes while a job has a batch of its own. */
export function probeNeeds(model: Model, windows: Windows): Required<Pick<BatchNeeds, "inside" | "outside">> {
  const size = checkWindows(windows, model);
  const { inside, outside } = batchBytes(model, size, BATCH_NEEDS);
  return { inside: inside + 4 * size.tokens * stride(model.config.vocabSize) + 32 * ROWS, outside };
}

/** What the probe's own batch takes. The changes that it measures may have any order of columns. */
const BATCH_NEEDS: BatchNeeds = { ...PLAIN_NEEDS, logitRows: ROWS, reorders: true };

/**
 * Keeps the float model's logits, and the residual stream that enters the block at which the last change began, so that changes that go
 * forward through the model only cost the blocks from there on.
 */
export class DamageProbe implements Disposable {
  readonly #model: Model;
  readonly #batch: WindowBatch;
  readonly #memory: Region;
  readonly #ld: number;
  /** The residual stream that enters a block, f32 [T, D padded]: that at which the last change began. */
  #entered: { readonly block: number; readonly stream: Float32Array } | undefined;
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
    this.#batch = new WindowBatch(model, windows, BATCH_NEEDS);
    try {
      this.#reference = this.#memory.alloc(this.#batch.tokens * this.#ld * 4);
      this.#sums = this.#memory.alloc(ROWS * 32);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Blocks of the model. */
  get layers(): number {
    return this.#model.config.layers;
  }

  /**
   * Mean KL(float || current model) in nats per token. Nothing before block `from` may be changed; -1 begins with the embedding, the number of layers
   * with the head. A block before that of the last call costs all blocks before it again.
   */
  async kl(from: number, turns: Turns): Promise<number> {
    const { machine, config } = this.#model;
    const batch = this.#batch;
    if (from < 0) await batch.embed(turns);
    else await this.#enter(from, turns);
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

  /** Has the batch's residual stream enter a block. */
  async #enter(block: number, turns: Turns): Promise<void> {
    const batch = this.#batch;
    const known = this.#entered;
    let at = 0;
    if (known !== undefined && known.block <= block) {
      batch.rows(batch.state.hidden).set(known.stream);
      at = known.block;
    } else await batch.embed(turns);
    for (; at < block; at++) await batch.block(at, turns, () => {});
    const rows = batch.rows(batch.state.hidden);
    const stream = known?.stream ?? new Float32Array(rows.length);
    stream.set(rows);
    this.#entered = { block, stream };
  }

  async #remember(turns: Turns): Promise<void> {
    const { machine, config } = this.#model;
    const batch = this.#batch;
    await batch.embed(turns);
    for (let layer = 0; layer < config.layers; layer++) await batch.block(layer, turns, () => {});
    for (let first = 0; first < batch.tokens; first += ROWS) {
      const rows = Math.min(ROWS, batch.tokens - first);
      await batch.head(first, rows, turns);
      const to = machine.arena.f32(this.#reference + first * this.#ld * 4, rows * this.#ld);
      to.set(machine.arena.f32(batch.state.logits, rows * this.#ld));
    }
  }
}
