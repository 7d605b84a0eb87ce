/**
 * Measures how far each expert's output moves when its three linears are rounded to 2, 3 and 4 bits. The output is taken over the
 * expert's own tokens, times the routing weight, as the block adds it to the residual stream. The grid is the default one, with the
 * clip search by squared error.
 */
import { UsageError } from "../../base/errors.ts";
import type { Turns } from "../../base/turns.ts";
import type { Model, Progress } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import { rowsOf, type State } from "../../model/pass/state/pass-state.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { linearNamed, readWeights } from "../../model/weights/locate.ts";
import type { Mlp } from "../../model/weights/weight-tree.ts";
import { type Emit, WordPool } from "../../nn/emit.ts";
import { project, type Target } from "../../nn/linear.ts";
import { type Routes, swiglu } from "../../nn/mlp.ts";
import { rtn } from "../../quant/rtn.ts";

import { type Matrix, stride } from "../../tensor/matrix.ts";
import type { Region } from "../../wasm/memory/region.ts";
import { DEFAULT_GRID } from "../recipe/settings.ts";
import { placeQuantized } from "../windows/place-quantized.ts";
import { DISTANCE_BITS, type DistanceBits, type ExpertDistance } from "./statistics.ts";

/** An expert's linears at one width. */
type RoundedMlp = Readonly<Record<keyof Mlp, Matrix>>;
/** Experts by layer, then by number. */
type RoundedLayers = readonly (readonly RoundedMlp[])[];

interface Sums {
  readonly energy: Float64Array;
  readonly errors: Readonly<Record<DistanceBits, Float64Array>>;
}

/** Outputs of a layer's experts, and their tokens. */
interface ComparedOutputs {
  readonly routes: Routes;
  readonly tokens: number;
  /** Addresses of compact rows: the float experts' outputs, and those of rounded ones. */
  readonly exact: number;
  readonly rounded: number;
}

export class DistanceMeter implements Disposable {
  readonly #model: Model;
  readonly #memory: Region;
  readonly #rounded: ReadonlyMap<DistanceBits, RoundedLayers>;
  readonly #sums: Map<number, Sums> = new Map();

  /** Rounds every routed expert once at every width and keeps the result in the model's memory. @throws UsageError for a packed model. */
  static async create(model: Model, turns: Turns, onProgress?: (progress: Progress) => void): Promise<DistanceMeter> {
    using taken = model.machine.arena.region();
    const rounded = await roundExperts(model, taken, turns, onProgress);
    return new DistanceMeter(model, taken.move(), rounded);
  }

  private constructor(model: Model, memory: Region, rounded: ReadonlyMap<DistanceBits, RoundedLayers>) {
    this.#model = model;
    this.#memory = memory;
    this.#rounded = rounded;
  }

  /**
   * Measures a MoE layer at its `hidden` tap. At that point the state still holds the inputs and float outputs of the experts, and the
   * buffer of gate is free.
   */
  async measure(tap: Tap, state: State, turns: Turns): Promise<void> {
    const { machine, config } = this.#model;
    const tokens = tap.input.rows;
    const rows = tokens * config.topK;
    const { experts } = config;
    const zeros = () => new Float64Array(experts);
    const sums = this.#sums.get(tap.layer) ?? { energy: zeros(), errors: { 2: zeros(), 3: zeros(), 4: zeros() } };
    this.#sums.set(tap.layer, sums);
    const exact = rowsOf(state.down, rows, config.hiddenSize).ptr;
    const compared = { routes: state.routes[tap.layer], tokens, exact };
    using scratch = machine.arena.region();
    // Up is not read again once down is written, so both take turns here: the state's own up lies where the exact outputs are.
    const out = scratch.alloc(rows * Math.max(stride(config.hiddenSize), stride(config.expertWidth)) * 4);
    const pool = new WordPool(machine, scratch, 64 * experts + 256);
    for (const bits of DISTANCE_BITS) {
      pool.clear();
      await this.#compute(this.#rounded.get(bits)![tap.layer], tap, state, { pool, out }, turns);
      await this.#compare({ ...compared, rounded: out }, sums.errors[bits], turns);
    }
    await this.#compare({ ...compared, rounded: 0 }, sums.energy, turns);
  }

  /** Returns the sums of the layers and experts measured so far, and resets them. */
  take(): readonly ExpertDistance[] {
    const found = [...this.#sums].flatMap(([layer, { energy, errors }]) =>
      Array.from(energy, (sum, expert): ExpertDistance => {
        const at = DISTANCE_BITS.map((bits) => [bits, errors[bits][expert]]);
        return { layer, expert, energy: sum, errors: Object.fromEntries(at) as ExpertDistance["errors"] };
      }),
    );
    this.#sums.clear();
    return found;
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  /** out = down(silu(gate(x)) * up(x)) for every expert's own tokens, with rounded linears. */
  async #compute(
    mlps: readonly RoundedMlp[],
    tap: Tap,
    state: State,
    room: { readonly pool: WordPool; readonly out: number },
    turns: Turns,
  ): Promise<void> {
    const { machine, config } = this.#model;
    const rows = tap.input.rows * config.topK;
    const routes = state.routes[tap.layer];
    const tape = machine.tape();
    const activations = { mode: "f32", group: 32 } as const;
    const emit: Emit = { machine, tape, pool: room.pool, activations, prepared: state.prepared };
    const x = rowsOf(state.normed, tap.input.rows, config.hiddenSize);
    const gate = rowsOf(state.gate, rows, config.expertWidth);
    const up = rowsOf(room.out, rows, config.expertWidth);
    const { experts } = this.#model.weights.layers[tap.layer];
    const to = (part: keyof Mlp, out: number): readonly Target[] =>
      mlps.map((mlp, expert) => ({
        matrix: mlp[part],
        bias: experts[expert][part].bias,
        span: routes.spans + 8 * expert,
        out,
      }));
    const targets = [...to("gate", gate.ptr), ...to("up", up.ptr)];
    project(emit, { input: x, index: routes.index, targets, rows: 2 * rows });
    swiglu(emit, gate, up, config.clampedSwiglu);
    project(emit, { input: gate, index: 0, targets: to("down", room.out), rows });
    await tape.runInTurns(turns);
  }

  /** sums[expert] += |w (y' - y)|^2 over all choices; y' = 0 where `rounded` is 0. */
  async #compare({ routes, tokens, exact, rounded }: ComparedOutputs, sums: Float64Array, turns: Turns): Promise<void> {
    const { machine, config } = this.#model;
    const { arena } = machine;
    const { topK, hiddenSize } = config;
    const ld = stride(hiddenSize);
    for (let token = 0; token < tokens; token++) {
      if (token % 256 === 0) await turns.pause();
      const chosen = arena.i32(routes.experts + token * topK * 4, topK);
      const weights = arena.f32(routes.weights + token * topK * 4, topK);
      const places = arena.i32(routes.place + token * topK * 4, topK);
      for (let choice = 0; choice < topK; choice++) {
        const at = places[choice] * ld * 4;
        const y = arena.f32(exact + at, hiddenSize);
        const distance = rounded === 0 ? energyOf(y) : squaredDistance(arena.f32(rounded + at, hiddenSize), y);
        sums[chosen[choice]] += weights[choice] * weights[choice] * distance;
      }
    }
  }
}

async function roundExperts(
  model: Model,
  to: Region,
  turns: Turns,
  onProgress?: (progress: Progress) => void,
): Promise<ReadonlyMap<DistanceBits, RoundedLayers>> {
  const { weights, config } = model;
  const layers = config.moeLayers.filter((moe) => moe).length;
  const total = layers * config.experts * DISTANCE_BITS.length;
  const rounded = new Map<DistanceBits, RoundedLayers>();
  let done = 0;
  for (const bits of DISTANCE_BITS) {
    const found: RoundedMlp[][] = [];
    for (const { experts } of weights.layers) {
      const mlps: RoundedMlp[] = [];
      for (const { gate, up, down } of experts) {
        const one = (linear: Linear) => roundLinear(model, to, linear, bits, turns);
        mlps.push({ gate: await one(gate), up: await one(up), down: await one(down) });
        onProgress?.({ phase: "round experts", done: ++done, total, unit: "experts" });
      }
      found.push(mlps);
    }
    rounded.set(bits, found);
  }
  return rounded;
}

/** Places the rounded linear in packed panels that `to` owns. */
async function roundLinear(
  { files, machine }: Model,
  to: Region,
  { name, rows, cols }: Linear,
  bits: DistanceBits,
  turns: Turns,
): Promise<Matrix> {
  const linear = linearNamed(files, name);
  const where = `${files.name}: ${name}`;
  if (linear.stored.kind !== "float")
    throw new UsageError(where, "weights that are quantised already", "a float model for distances");
  const groupSize = [64, 32].find((size) => cols % size === 0);
  if (groupSize === undefined) throw new UsageError(where, `${cols} columns`, "a multiple of 32 for distances");
  const { symmetric } = DEFAULT_GRID;
  const grid = { bits, groupSize, symmetric, clip: "mse", scaleRounding: "f16", name: where } as const;
  const weights = await readWeights(linear);
  const matrix = await rtn(machine, { weights, rows, cols }, { ...grid, turns });
  return placeQuantized(machine, to, name, matrix);
}

function energyOf(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}
