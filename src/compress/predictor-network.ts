/**
 * The study's scorer of one block (arXiv 2406.08155): y = tanh(w . relu(W x)), W [hidden, width], w [hidden], no biases, and
 * the gradients of its mean squared error. Both large products run on the engine's float matmul, so their bits are everywhere
 * the same; W is kept as that kernel reads it, in panels of 16 rows (docs/kernels.md).
 */
import { UsageError } from "../errors.ts";
import { exp } from "../exact.ts";
import type { Random } from "../random.ts";
import { PANEL_ROWS, panelCount } from "../tensor/panel.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Tape } from "../wasm/tape.ts";
import type { Turns } from "../wasm/turns.ts";

export interface NetworkShape {
  /** Columns of x. */
  readonly width: number;
  /** A multiple of 16. */
  readonly hidden: number;
  /** Most rows of one call. */
  readonly rows: number;
}

export interface NetworkWeights {
  /** Element [n][k] of W at `((n >> 4) * width + k) * 16 + (n & 15)`. */
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export interface Gradients extends NetworkWeights {
  /** Mean squared error. */
  readonly loss: number;
}

/** Addresses of the buffers in the engine's memory. */
interface Buffers {
  readonly weights: number;
  /** x [rows, width] and its transpose [width, rows]. */
  readonly input: number;
  readonly turned: number;
  /** W x before ReLU, [rows, hidden], and its gradient in panels [hidden / 16][rows][16]. */
  readonly sums: number;
  readonly slopes: number;
  /** Gradient of W, transposed: [width, hidden]. */
  readonly gradient: number;
  /** Tables and spans of both products: `{ weights, span, output, 0 }`, `{ 0, rows }`. */
  readonly forward: number;
  readonly backward: number;
}

export class PredictorNetwork implements Disposable {
  readonly shape: NetworkShape;
  readonly weights: NetworkWeights;
  readonly #machine: Machine;
  readonly #memory: Disposable;
  readonly #at: Buffers;
  readonly #tape: Tape;

  /** Weights uniform in +-1 / sqrt(inputs), as torch.nn.Linear begins. */
  constructor(machine: Machine, shape: NetworkShape, random: Random) {
    const { width, hidden } = shape;
    checkHidden(hidden);
    this.shape = shape;
    this.#machine = machine;
    this.#memory = machine.arena.claim();
    this.#at = allocate(machine, shape);
    this.#tape = machine.tape();
    const uniform = (inputs: number) => (2 * random.next() - 1) / Math.sqrt(inputs);
    this.weights = {
      first: Float32Array.from({ length: hidden * width }, () => uniform(width)),
      second: Float32Array.from({ length: hidden }, () => uniform(hidden)),
    };
  }

  /** Scores of x [rows, width]. */
  async predict(x: Float32Array, turns: Turns): Promise<Float32Array> {
    const { width, hidden } = this.shape;
    const rows = x.length / width;
    await this.#sums(x, rows, turns);
    const sums = this.#machine.arena.f32(this.#at.sums, rows * hidden);
    const { second } = this.weights;
    return Float32Array.from({ length: rows }, (_, row) => {
      let sum = 0;
      for (let n = 0, at = row * hidden; n < hidden; n++, at++) sum += second[n] * Math.max(sums[at], 0);
      return tanh(sum);
    });
  }

  /** Loss of x [rows, width] against `targets` [rows], and its gradients. */
  async gradients(x: Float32Array, targets: Float32Array, turns: Turns): Promise<Gradients> {
    const { width, hidden } = this.shape;
    const rows = targets.length;
    const scores = await this.predict(x, turns);
    let loss = 0;
    const slopes = Float32Array.from(scores, (score, row) => {
      const error = score - targets[row];
      loss += error * error;
      return ((2 * error) / rows) * (1 - score * score);
    });
    const second = this.#backThroughRelu(slopes);
    this.#turn(x, rows);
    await this.#product(this.#at.backward, [this.#at.slopes, width, this.#at.gradient], this.#at.turned, rows, turns);
    const found = this.#machine.arena.f32(this.#at.gradient, width * hidden);
    const first = new Float32Array(hidden * width);
    for (let panel = 0, to = 0; panel < hidden; panel += PANEL_ROWS)
      for (let k = 0; k < width; k++, to += PANEL_ROWS)
        for (let lane = 0, from = k * hidden + panel; lane < PANEL_ROWS; lane++) first[to + lane] = found[from + lane];
    return { loss: loss / rows, first, second };
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  /** sums = x W^T. */
  async #sums(x: Float32Array, rows: number, turns: Turns): Promise<void> {
    const { width, hidden } = this.shape;
    const { arena } = this.#machine;
    arena.f32(this.#at.weights, hidden * width).set(this.weights.first);
    arena.f32(this.#at.input, rows * width).set(x);
    await this.#product(this.#at.forward, [this.#at.weights, rows, this.#at.sums], this.#at.input, width, turns);
  }

  /** From the slopes at each score to those at `sums`, in panels; gives the gradient of w. */
  #backThroughRelu(slopes: Float32Array): Float32Array {
    const { hidden } = this.shape;
    const { arena } = this.#machine;
    const rows = slopes.length;
    const sums = arena.f32(this.#at.sums, rows * hidden);
    const panels = arena.f32(this.#at.slopes, rows * hidden);
    const gradient = new Float64Array(hidden);
    const { second } = this.weights;
    for (let panel = 0, to = 0; panel < hidden; panel += PANEL_ROWS)
      for (let row = 0; row < rows; row++) {
        const slope = slopes[row];
        for (let n = panel, from = row * hidden + panel; n < panel + PANEL_ROWS; n++, from++, to++) {
          // No branches: half of them would be foreseen wrongly.
          panels[to] = slope * second[n] * Number(sums[from] > 0);
          gradient[n] += slope * Math.max(sums[from], 0);
        }
      }
    return Float32Array.from(gradient);
  }

  #turn(x: Float32Array, rows: number): void {
    const { width } = this.shape;
    const turned = this.#machine.arena.f32(this.#at.turned, rows * width);
    for (let k = 0; k < width; k++) for (let row = 0; row < rows; row++) turned[k * rows + row] = x[row * width + k];
  }

  /** output [rows, hidden] = input [rows, k] * panels^T, panels [hidden, k]. */
  async #product(
    table: number,
    [panels, rows, output]: readonly [number, number, number],
    input: number,
    k: number,
    turns: Turns,
  ): Promise<void> {
    const { hidden } = this.shape;
    const words = this.#machine.arena.i32(table, 6);
    words.set([panels, table + 16, output, 0, 0, rows]);
    this.#tape.clear();
    this.#tape.call("matmul_f32", panelCount(hidden), 16 * k * rows, table, 1, input, 0, k, 0, hidden, k);
    await this.#tape.runInTurns(turns);
  }
}

/** @throws UsageError for a width that leaves a panel unfilled. */
export function checkHidden(hidden: number): void {
  if (!(Number.isInteger(hidden) && hidden > 0 && hidden % PANEL_ROWS === 0))
    throw new UsageError("predictor: hidden", String(hidden), `a positive multiple of ${PANEL_ROWS}`);
}

function allocate({ arena }: Machine, { width, hidden, rows }: NetworkShape): Buffers {
  const f32 = (count: number) => arena.alloc(4 * count);
  return {
    weights: f32(hidden * width),
    input: f32(rows * width),
    turned: f32(rows * width),
    sums: f32(rows * hidden),
    slopes: f32(rows * hidden),
    gradient: f32(width * hidden),
    forward: arena.alloc(32),
    backward: arena.alloc(32),
  };
}

function tanh(x: number): number {
  return 1 - 2 / (exp(2 * x) + 1);
}
