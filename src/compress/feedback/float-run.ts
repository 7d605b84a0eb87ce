/** Runs the float model one block ahead of the model that is being quantised, through the same buffers. */

import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import type { WindowBatch } from "../windows/window-batch.ts";

/** Results of a float block: rows of stride(hiddenSize), one per token. Those that are needed once are not kept longer than that. */
export class FloatBlock {
  /** The residual stream that leaves the block. */
  readonly end: Float32Array;
  #middle: Float32Array | undefined;
  #shared: Float32Array | undefined;

  constructor(middle: Float32Array, end: Float32Array, shared: Float32Array | undefined) {
    this.#middle = middle;
    this.end = end;
    this.#shared = shared;
  }

  /** The residual stream after attention. It may be taken once, and is the caller's from then on. */
  takeMiddle(): Float32Array {
    const middle = this.#middle;
    if (middle === undefined) throw new Error("the stream after attention was taken before");
    this.#middle = undefined;
    return middle;
  }

  /** What the shared experts add to the residual stream; undefined if there are none. It may be taken once. */
  takeShared(): Float32Array | undefined {
    const shared = this.#shared;
    this.#shared = undefined;
    return shared;
  }
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
    const kept = await this.#kept?.load(layer, size);
    const parts = kept === undefined ? await this.#compute(layer, hasShared, turns) : partsOf(kept, length);
    if (kept === undefined) await this.#kept?.save(layer, joined(parts));
    const [middle, end, shared] = parts;
    this.#stream = end;
    return new FloatBlock(middle, end, shared);
  }

  /** The parts of a block's results: middle, end and shared. */
  async #compute(layer: number, hasShared: boolean, turns: Turns): Promise<readonly Float32Array[]> {
    const { state } = this.#batch;
    const hidden = () => this.#batch.rows(state.hidden);
    let middle: Float32Array | undefined;
    let shared: Float32Array | undefined;
    // The stream of the model that is being quantised waits in the memory of the float model's.
    const waiting = this.#stream ?? hidden().slice();
    this.#stream = undefined;
    exchange(hidden(), waiting);
    await this.#batch.block(layer, turns, ({ site }) => {
      if (site === "mlp") middle = hidden().slice();
      if (site === "hidden" && hasShared) shared = this.#batch.rows(state.branch).slice();
    });
    exchange(hidden(), waiting);
    const parts = [middle as Float32Array | undefined, waiting, shared as Float32Array | undefined];
    return parts.filter((part) => part !== undefined);
  }
}

/** Copies of a block's kept results, since the run writes to its parts. */
function partsOf(kept: Float32Array, length: number): readonly Float32Array[] {
  return Array.from({ length: kept.length / length }, (_, part) => kept.slice(part * length, (part + 1) * length));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Exchanges the contents of two arrays of one length. */
function exchange(a: Float32Array, b: Float32Array): void {
  const part = new Float32Array(Math.min(a.length, EXCHANGED));
  for (let at = 0; at < a.length; at += part.length) {
    const end = Math.min(at + part.length, a.length);
    part.set(a.subarray(at, end));
    a.set(b.subarray(at, end), at);
    b.set(part.subarray(0, end - at), at);
  }
}

/** Numbers that are exchanged at a time. */
const EXCHANGED = 1 << 16;
