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

export class FloatRun {
  readonly #model: Model;
  readonly #batch: WindowBatch;
  #stream: Float32Array | undefined;

  constructor(model: Model, batch: WindowBatch) {
    this.#model = model;
    this.#batch = batch;
  }

  /** Runs a block whose weights are still the float ones. Blocks must come in order. The batch's residual stream is restored. */
  async block(layer: number, turns: Turns): Promise<FloatBlock> {
    const { state } = this.#batch;
    const hidden = this.#batch.rows(state.hidden);
    const kept = hidden.slice();
    if (this.#stream !== undefined) hidden.set(this.#stream);
    let [middle, end]: Float32Array[] = [kept, kept];
    let shared: Float32Array | undefined;
    await this.#batch.block(layer, turns, ({ site }) => {
      if (site === "mlp") middle = this.#batch.rows(state.hidden).slice();
      if (site !== "hidden") return;
      end = this.#batch.rows(state.hidden).slice();
      if (this.#model.weights.layers[layer].shared !== undefined) shared = this.#batch.rows(state.branch).slice();
    });
    this.#batch.rows(state.hidden).set(kept);
    this.#stream = end;
    return { middle, end, shared };
  }
}
