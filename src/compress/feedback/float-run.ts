/** Runs the float model one block ahead of the model that is being quantised, through the same buffers. */

import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import type { WindowBatch } from "../windows/window-batch.ts";

/** Results of a float block: rows of stride(hiddenSize), one per token. */
export interface FloatBlock {
  /** The residual stream after attention. */
  readonly middle: Float32Array;
  /** The residual stream that leaves the block. */
  readonly end: Float32Array;
  /** What the shared experts add to the residual stream. */
  readonly shared: Float32Array | undefined;
}

/** Keeps the results of float blocks for other runs on the same windows, which then need not compute them. */
export interface FloatBlocks {
  /** What `save` was given for the layer, if it is kept and has this length. */
  load(layer: number, length: number): Promise<Float32Array | undefined>;
  save(layer: number, results: Float32Array): Promise<void>;
}

export class FloatRun {
  readonly #model: Model;
  readonly #batch: WindowBatch;
  readonly #kept: FloatBlocks | undefined;
  #stream: Float32Array | undefined;

  constructor(model: Model, batch: WindowBatch, kept?: FloatBlocks) {
    this.#model = model;
    this.#batch = batch;
    this.#kept = kept;
  }

  /** Runs a block whose weights are still the float ones. Blocks must come in order. The batch's residual stream is restored. */
  async block(layer: number, turns: Turns): Promise<FloatBlock> {
    const hasShared = this.#model.weights.layers[layer].shared !== undefined;
    const { length } = this.#batch.rows(this.#batch.state.hidden);
    const size = (hasShared ? 3 : 2) * length;
    let results = await this.#kept?.load(layer, size);
    if (results === undefined) {
      results = new Float32Array(size);
      await this.#compute(layer, results, turns);
      await this.#kept?.save(layer, results);
    }
    const [middle, end, shared] = [0, length, 2 * length].map((at) => results.subarray(at, at + length));
    this.#stream = end;
    return { middle, end, shared: hasShared ? shared : undefined };
  }

  /** Writes the parts of a block's results one after the other. */
  async #compute(layer: number, results: Float32Array, turns: Turns): Promise<void> {
    const { state } = this.#batch;
    const hidden = this.#batch.rows(state.hidden);
    const kept = hidden.slice();
    if (this.#stream !== undefined) hidden.set(this.#stream);
    const put = (ptr: number, part: number) => results.set(this.#batch.rows(ptr), part * kept.length);
    await this.#batch.block(layer, turns, ({ site }) => {
      if (site === "mlp") put(state.hidden, 0);
      if (site !== "hidden") return;
      put(state.hidden, 1);
      if (results.length > 2 * kept.length) put(state.branch, 2);
    });
    this.#batch.rows(state.hidden).set(kept);
  }
}
