/** Runs many windows through a model at once, block by block, with float activations, as calibration needs it. */

import { UsageError } from "../../base/errors.ts";
import type { Turns } from "../../base/turns.ts";
import { mostIds } from "../../eval/scoring/scored-windows.ts";
import { sha256 } from "../../files/sha256.ts";
import type { Model } from "../../model/model.ts";
import { checkIds } from "../../model/pass/check-session.ts";
import { createPass, recordBlock, recordHeadInput } from "../../model/pass/forward.ts";
import { HeldSteps } from "../../model/pass/held-steps.ts";
import { playEmbedding, playHead, playRecorded } from "../../model/pass/play-in-pieces.ts";
import type { Pass, Tap } from "../../model/pass/record/pass.ts";
import { createState, type State } from "../../model/pass/state/pass-state.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { project, type Target } from "../../nn/linear.ts";
import { stride } from "../../tensor/matrix.ts";
import { Calls } from "../../wasm/calls.ts";
import { type BatchNeeds, type BatchSize, batchState, requireRoom } from "./batch-room.ts";

/** Token windows. Each is a separate sequence that starts at position 0. */
export type Windows = readonly (readonly number[])[];

/** Linears of one step, and where the output of each goes. */
export interface WantedOutputs {
  readonly linears: readonly Linear[];
  readonly targetOf: (linear: Linear) => Target;
}

/** Activations stay float whatever the model's own mode is: the rounding of weights must not depend on how the model will be run. */
const EXACT = { mode: "f32", group: 32 } as const;

/** Concurrent calls and disposal work as in `Session`. A callback must not wait for another call of the same batch. */
export class WindowBatch implements Disposable {
  readonly tokens: number;
  readonly state: State;
  readonly #model: Model;
  readonly #pass: Pass;
  readonly #calls: Calls;
  readonly #job: Disposable;

  /** @throws UsageError for no tokens, a window longer than the context, an id out of range, or more tokens than fit in memory at once. */
  constructor(model: Model, windows: Windows, needs: BatchNeeds = {}) {
    const { machine, weights } = model;
    const size = checkWindows(windows, model);
    const { tokens, longest } = size;
    this.tokens = tokens;
    this.#model = model;
    this.#calls = new Calls("batch of windows", machine.jobs);
    const outside = requireRoom(model, size, needs);
    this.state = createState(model, batchState(model, size, needs));
    placeWindows(this.state, windows);
    this.#job = weights.store.beginJob(outside);
    this.#pass = createPass(model, this.state, tokens, longest / 2, EXACT);
  }

  /** Computes the embedding of all tokens, which is the first block's input. */
  embed(turns: Turns): Promise<void> {
    return this.#calls.run("embed", turns, (own) => this.#embed(own));
  }

  /**
   * Runs one block. `onTap` is called and awaited at each group of linears, after everything before it is computed. Weights that it
   * replaces are used from then on.
   */
  block(layer: number, turns: Turns, onTap: (tap: Tap) => Promise<void> | void): Promise<void> {
    return this.#calls.run("block", turns, (own) => this.#block(layer, own, onTap));
  }

  /** All blocks in order. */
  run(turns: Turns, onTap: (tap: Tap) => Promise<void> | void): Promise<void> {
    return this.#calls.run("run", turns, async (own) => {
      await this.#embed(own);
      for (let layer = 0; layer < this.#model.config.layers; layer++) await this.#block(layer, own, onTap);
    });
  }

  /** A view of rows as wide as the residual stream (`state.hidden`, `state.branch`, `state.down`): f32, rows of stride(hiddenSize). */
  rows(ptr: number, count: number = this.tokens): Float32Array {
    const { machine, config } = this.#model;
    return machine.arena.f32(ptr, count * stride(config.hiddenSize));
  }

  /**
   * Computes outputs for a tap's input with any weights, before the pass itself does. Only allowed inside that tap's `onTap`.
   * Linears whose weights are not in memory are loaded for it, one part after the other.
   */
  async outputs({ input }: Tap, { linears, targetOf }: WantedOutputs, turns: Turns): Promise<void> {
    using steps = new HeldSteps(this.#pass);
    for (const part of this.#pass.weights.store.partsOf(linears)) {
      await steps.hold(part, turns);
      project(this.#pass.emit, { input, index: 0, targets: part.map(targetOf), rows: input.rows * part.length });
      await this.#play(turns);
    }
  }

  /** Computes the logits of tokens [first, first + rows), at `state.logits`. */
  head(first: number, rows: number, turns: Turns): Promise<void> {
    return this.#calls.run("head", turns, async (own) => {
      this.#pass.emit.pool.clear();
      await playHead(this.#pass, own, rows, first);
    });
  }

  /** Computes the head's input for all tokens, and calls and awaits `onTap` with it. */
  headInput(turns: Turns, onTap: (tap: Tap) => Promise<void> | void): Promise<void> {
    return this.#calls.run("head input", turns, async (own) => {
      const tap = recordHeadInput(this.#pass, this.tokens, 0);
      await this.#play(own);
      await onTap(tap);
    });
  }

  /** Frees the batch's memory once nothing runs on it. */
  [Symbol.dispose](): void {
    this.#calls.close(() => {
      this.state[Symbol.dispose]();
      this.#job[Symbol.dispose]();
    });
  }

  async #embed(turns: Turns): Promise<void> {
    await playEmbedding(this.#pass, turns);
    await this.#play(turns);
  }

  async #block(layer: number, turns: Turns, onTap: (tap: Tap) => Promise<void> | void): Promise<void> {
    this.#pass.emit.pool.clear();
    using steps = new HeldSteps(this.#pass);
    for (const tap of recordBlock(this.#pass, layer)) {
      await this.#play(turns);
      steps.release();
      if (tap.site !== "part") await onTap(tap);
      // Weights that were replaced are not read.
      await steps.at(tap, turns);
    }
    await this.#play(turns);
  }

  #play(turns: Turns): Promise<void> {
    return playRecorded(this.#pass, turns);
  }
}

function placeWindows({ tokens }: State, windows: Windows): void {
  tokens.begin();
  let start = 0;
  for (const window of windows) {
    for (const [position, id] of window.entries()) {
      tokens.token(id, position, start + position);
      tokens.segment(start, position + 1);
    }
    start += window.length;
  }
  tokens.end();
}

/** How much the windows are. @throws UsageError for no tokens, a window longer than the context, or an id out of range. */
export function checkWindows(windows: Windows, { config }: Pick<Model, "config">): BatchSize {
  const { maxPositions, vocabSize } = config;
  let tokens = 0;
  windows.forEach((window, index) => {
    if (window.length === 0 || window.length > maxPositions)
      throw new UsageError(`calibration window ${index}`, `${window.length} tokens`, `1 to ${maxPositions}`);
    checkIds(window, vocabSize);
    tokens += window.length;
  });
  if (tokens === 0) throw new UsageError("calibration", "no tokens", "at least one window");
  return { tokens, longest: mostIds(windows) };
}

/** SHA-256 of each window's length and ids, as little-endian int32. The same ids cut differently give a different hash. */
export function windowsHash(windows: Windows): Promise<string> {
  return sha256(Int32Array.from(windows.flatMap((window) => [window.length, ...window])));
}
