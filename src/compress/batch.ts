/** Many windows through a model at once, block by block, with float activations: how calibration sees a model. */
import { UsageError } from "../errors.ts";
import { createPass, type Pass, recordBlock, recordEmbedding, recordHead, type Tap } from "../model/forward.ts";
import type { Model } from "../model/model.ts";
import { checkIds } from "../model/session.ts";
import { createState, placeTokens, type State } from "../model/state.ts";
import { project, type Target } from "../nn/linear.ts";
import { stride } from "../tensor/matrix.ts";
import type { Turns } from "../wasm/turns.ts";

/** Token windows; each is a sequence of its own from position 0. */
export type Windows = readonly (readonly number[])[];

/** Float activations whatever the model's own mode: what is rounded must not depend on how it will be run. */
const EXACT = { mode: "f32", group: 32 } as const;

export class WindowBatch {
  readonly tokens: number;
  readonly state: State;
  readonly #model: Model;
  readonly #pass: Pass;
  readonly #memory: Disposable;

  /**
   * @param logitRows rows of logits that `head` computes at a time.
   * @throws UsageError for no tokens, a window longer than the context, or an id out of range; MemoryError where it does not fit.
   */
  constructor(model: Model, windows: Windows, logitRows = 0) {
    const { config, machine } = model;
    this.tokens = checkWindows(windows, model);
    this.#model = model;
    this.#memory = machine.arena.claim();
    const longest = Math.max(...windows.map((window) => window.length));
    const options = { capacity: this.tokens, cacheRows: this.tokens, logitRows, positions: longest };
    this.state = createState(machine, config, { ...options, oneCache: true, exact: true });
    const tokens = windows.flatMap((window) => window.map((id, position) => ({ id, position })));
    placeTokens(machine, config, this.state, this.tokens, (row) => {
      const { position } = tokens[row];
      return { ...tokens[row], row, path: [{ first: row - position, count: position + 1 }] };
    });
    this.#pass = createPass(model, this.state, this.tokens, longest / 2, EXACT);
  }

  /** Computes the embedding of all tokens: the first block's input. */
  async embed(turns: Turns): Promise<void> {
    recordEmbedding(this.#pass);
    await this.#play(turns);
  }

  /**
   * Runs one block. `onTap` is called, and waited for, at each group of linears, with everything before it computed; weights that
   * it replaces are used from there on.
   */
  async block(layer: number, turns: Turns, onTap: (tap: Tap) => Promise<void> | void): Promise<void> {
    this.#pass.emit.pool.clear();
    for (const tap of recordBlock(this.#pass, layer)) {
      await this.#play(turns);
      await onTap(tap);
    }
    await this.#play(turns);
  }

  /** All blocks in order. */
  async run(turns: Turns, onTap: (tap: Tap) => Promise<void> | void): Promise<void> {
    await this.embed(turns);
    for (let layer = 0; layer < this.#model.config.layers; layer++) await this.block(layer, turns, onTap);
  }

  /** A view of rows as wide as the residual stream (`state.hidden`, `state.branch`, `state.down`): f32, rows of stride(hiddenSize). */
  rows(ptr: number, count: number = this.tokens): Float32Array {
    const { machine, config } = this.#model;
    return machine.arena.f32(ptr, count * stride(config.hiddenSize));
  }

  /** Computes outputs at a tap's input before the pass itself does, with whatever weights. */
  async outputs({ input }: Tap, targets: readonly Target[], turns: Turns): Promise<void> {
    project(this.#pass.emit, { input, index: 0, targets, rows: input.rows * targets.length });
    await this.#play(turns);
  }

  /** Logits of the tokens [first, first + rows), at `state.logits`. */
  async head(first: number, rows: number, turns: Turns): Promise<void> {
    this.#pass.emit.pool.clear();
    recordHead(this.#pass, rows, first);
    await this.#play(turns);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  async #play(turns: Turns): Promise<void> {
    const { tape } = this.#pass.emit;
    await tape.runInTurns(turns);
    tape.clear();
  }
}

function checkWindows(windows: Windows, model: Model): number {
  const { maxPositions, vocabSize } = model.config;
  let tokens = 0;
  windows.forEach((window, index) => {
    if (window.length === 0 || window.length > maxPositions)
      throw new UsageError(`calibration window ${index}`, `${window.length} tokens`, `1 to ${maxPositions}`);
    checkIds(window, vocabSize);
    tokens += window.length;
  });
  if (tokens === 0) throw new UsageError("calibration", "no tokens", "at least one window");
  return tokens;
}
