/**
 * The study's scorer of one block (arXiv 2406.08155): y = tanh(w . relu(W x)), with W [hidden, width], w [hidden] and no biases, and
 * the gradients of its mean squared error. Everything but the tanh runs on the engine's kernels, which give the same bits everywhere. W
 * is stored in the layout of the float matmul, panels of 16 rows (docs/kernels.md).
 */
import { UsageError } from "../../base/errors.ts";
import { exp } from "../../base/exact-math.ts";
import type { Random } from "../../base/random.ts";
import type { Turns } from "../../base/turns.ts";
import { PANEL_ROWS, panelCount } from "../../tensor/panel.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { Tape } from "../../wasm/tape.ts";
import type { Parameters } from "./adamw.ts";

export interface NetworkShape {
  /** Columns of x. */
  readonly width: number;
  /** A multiple of 16. */
  readonly hidden: number;
  /** Largest number of rows of one call. */
  readonly rows: number;
}

export interface NetworkWeights {
  /** Element [n][k] of W at `((n >> 4) * width + k) * 16 + (n & 15)`. */
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** Addresses of the buffers in the engine's memory. */
interface Buffers {
  readonly first: number;
  readonly second: number;
  /** x [rows, width] and its transpose [width, rows]. */
  readonly input: number;
  readonly turned: number;
  /** W x before ReLU, [rows, hidden], and its gradient in panels [hidden / 16][rows][16]. */
  readonly sums: number;
  readonly slopes: number;
  /** Inputs of the tanh, [rows], later their gradient. */
  readonly outer: number;
  /** Gradients of W, transposed, [width, hidden], and of w. */
  readonly firstGradient: number;
  readonly secondGradient: number;
  /** Tables and spans of both products: `{ weights, span, output, 0 }`, `{ 0, rows }`. */
  readonly forward: number;
  readonly backward: number;
}

export class PredictorNetwork implements Disposable {
  readonly shape: NetworkShape;
  readonly machine: Machine;
  readonly #memory: Region;
  readonly #at: Buffers;
  readonly #tape: Tape;

  /** Weights are uniform in +-1 / sqrt(inputs), the default of torch.nn.Linear. */
  constructor(machine: Machine, shape: NetworkShape, random: Random) {
    const { width, hidden } = shape;
    checkHidden(hidden);
    this.shape = shape;
    this.machine = machine;
    using taken = machine.arena.region();
    this.#at = allocate(taken, shape);
    this.#memory = taken.move();
    this.#tape = machine.tape();
    const { first, second } = this.weights;
    for (let at = 0; at < first.length; at++) first[at] = (2 * random.next() - 1) / Math.sqrt(width);
    for (let at = 0; at < second.length; at++) second[at] = (2 * random.next() - 1) / Math.sqrt(hidden);
  }

  /** Views of the engine's memory. Never keep them across an allocation. */
  get weights(): NetworkWeights {
    const { width, hidden } = this.shape;
    const { arena } = this.machine;
    return { first: arena.f32(this.#at.first, hidden * width), second: arena.f32(this.#at.second, hidden) };
  }

  /** Parameters and gradients for the optimizer. */
  get parameters(): readonly Parameters[] {
    const { width, hidden } = this.shape;
    const { first, second, firstGradient, secondGradient } = this.#at;
    const panels = panelCount(hidden);
    return [
      { ptr: first, gradient: firstGradient, panels, rows: width },
      { ptr: second, gradient: secondGradient, panels, rows: 1 },
    ];
  }

  /** Scores of x [rows, width]. */
  async predict(x: Float32Array, turns: Turns): Promise<Float32Array> {
    const { width, hidden } = this.shape;
    const { arena } = this.machine;
    const { first, second, input, sums, outer, forward } = this.#at;
    const rows = x.length / width;
    arena.f32(input, rows * width).set(x);
    this.#tape.clear();
    this.#product(forward, [first, rows, sums], input, width);
    this.#tape.call("relu_dot_f32", rows, hidden, outer, sums, hidden, second, panelCount(hidden));
    await this.#tape.runInTurns(turns);
    return arena.f32(outer, rows).map(tanh);
  }

  /** Mean squared error of x [rows, width] against `targets` [rows]. Leaves the gradients for the optimizer. */
  async backward(x: Float32Array, targets: Float32Array, turns: Turns): Promise<number> {
    const { width, hidden } = this.shape;
    const { second, turned, sums, slopes, outer, firstGradient, secondGradient, backward } = this.#at;
    const rows = targets.length;
    const scores = await this.predict(x, turns);
    const loss = meanSquares(scores, targets);
    this.machine.arena.f32(outer, rows).set(slopesOf(scores, targets));
    this.#turn(x, rows);
    this.#tape.clear();
    const panels = panelCount(hidden);
    this.#tape.call("relu_slopes_f32", panels, 48 * rows, slopes, secondGradient, outer, sums, hidden, second, rows);
    this.#product(backward, [slopes, width, firstGradient], turned, rows);
    await this.#tape.runInTurns(turns);
    return loss;
  }

  /** A copy of the gradients, in the order of the weights. */
  readGradients(): NetworkWeights {
    const { width, hidden } = this.shape;
    const { arena } = this.machine;
    const turned = arena.f32(this.#at.firstGradient, width * hidden);
    const first = new Float32Array(hidden * width);
    for (let panel = 0, to = 0; panel < hidden; panel += PANEL_ROWS)
      for (let from = panel; from < turned.length; from += hidden, to += PANEL_ROWS)
        first.set(turned.subarray(from, from + PANEL_ROWS), to);
    return { first, second: arena.f32(this.#at.secondGradient, hidden).slice() };
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  #turn(x: Float32Array, rows: number): void {
    const { width } = this.shape;
    const turned = this.machine.arena.f32(this.#at.turned, rows * width);
    for (let k = 0; k < width; k++) for (let row = 0; row < rows; row++) turned[k * rows + row] = x[row * width + k];
  }

  /** Records output [rows, hidden] = input [rows, k] * panels^T, with panels [hidden, k]. */
  #product(table: number, [panels, rows, output]: readonly [number, number, number], input: number, k: number): void {
    const { hidden } = this.shape;
    const words = this.machine.arena.i32(table, 6);
    words.set([panels, table + 16, output, 0, 0, rows]);
    this.#tape.call("matmul_f32", panelCount(hidden), 16 * k * rows, table, 1, input, 0, k, 0, hidden, k);
  }
}

/** Gradients of the mean squared error with respect to the tanh's inputs, [rows]. */
function slopesOf(scores: Float32Array, targets: Float32Array): Float32Array {
  return scores.map((score, row) => ((2 * (score - targets[row])) / scores.length) * (1 - score * score));
}

function meanSquares(scores: Float32Array, targets: Float32Array): number {
  const errors = Array.from(scores, (score, row) => score - targets[row]);
  return errors.reduce((sum, error) => sum + error * error, 0) / errors.length;
}

/** @throws UsageError for a width that does not fill whole panels. */
export function checkHidden(hidden: number): void {
  if (!(Number.isInteger(hidden) && hidden > 0 && hidden % PANEL_ROWS === 0))
    throw new UsageError("predictor: hidden", String(hidden), `a positive multiple of ${PANEL_ROWS}`);
}

function allocate(memory: Region, { width, hidden, rows }: NetworkShape): Buffers {
  const f32 = (count: number) => memory.alloc(4 * count);
  return {
    first: f32(hidden * width),
    second: f32(hidden),
    input: f32(rows * width),
    turned: f32(rows * width),
    sums: f32(rows * hidden),
    slopes: f32(rows * hidden),
    outer: f32(rows),
    firstGradient: f32(width * hidden),
    secondGradient: f32(hidden),
    forward: memory.alloc(32),
    backward: memory.alloc(32),
  };
}

function tanh(x: number): number {
  return 1 - 2 / (exp(2 * x) + 1);
}
