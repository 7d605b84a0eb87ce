/**
 * Error feedback: refits the linears that write to the residual stream (o and down) so that they take back part of the error that the
 * stream has accumulated from everything rounded before them. Experts are refitted one after the other, so that each sees the error
 * that the earlier ones left on their common tokens. The corrected weights are then quantised like any others, at the same size.
 *
 * The fit is least squares against the float model's outputs, not against the float weights' outputs. GPTAQ (arXiv 2504.02692) does
 * this for all linears of dense models. Here it only helped for those that write to the stream.
 */

import { exp } from "../../base/exact-math.ts";
import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { stride } from "../../tensor/matrix.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { placeQuantized } from "../windows/place-quantized.ts";
import type { WindowBatch } from "../windows/window-batch.ts";
import { type Correction, type CorrectionSample, corrected } from "./correct.ts";
import { type FloatBlock, type FloatBlocks, FloatRun } from "./float-run.ts";
import { tokenWeights } from "./token-weights.ts";

/** Corrects the float weights of a linear. */
export type Correct = (weights: Float32Array) => Promise<Float32Array>;

/** Compact rows of one expert. */
export interface ExpertRows {
  readonly start: number;
  readonly count: number;
}

/** The error that a linear is refitted to take back, and its input rows. */
interface MissedOutputs {
  readonly input: Tap["input"];
  /** Error of the residual stream at this point, by token, in the scale of the linear's output. */
  readonly error: Float32Array;
  /** The token of an input row. */
  readonly tokenOf: (row: number) => number;
  /** The weight with which an input row reaches its token. */
  readonly gateOf: (row: number) => number;
  /** How much each token counts. */
  readonly weights: Float64Array;
}

export interface ExpertFeedback {
  correct(rows: ExpertRows): Correct;
  /** Adds the error that the quantised weights really cause to the error that later experts will see. */
  done(linear: Linear, matrix: QuantizedMatrix, rows: ExpertRows): Promise<void>;
}

interface FeedbackOptions extends Correction {
  readonly kept?: FloatBlocks;
}

export class ErrorFeedback {
  readonly #model: Model;
  readonly #batch: WindowBatch;
  readonly #float: FloatRun;
  readonly #correction: Correction;
  readonly #turns: Turns;
  #block: FloatBlock | undefined;

  constructor(model: Model, batch: WindowBatch, { kept, ...correction }: FeedbackOptions, turns: Turns) {
    this.#model = model;
    this.#batch = batch;
    this.#float = new FloatRun(model, batch, kept);
    this.#correction = correction;
    this.#turns = turns;
  }

  /** Must be called before a block's weights are changed. */
  async begin(layer: number): Promise<void> {
    this.#block = await this.#float.block(layer, this.#turns);
  }

  /** Correction of o, of down of a dense layer and of down of the shared experts. Undefined for other inputs. */
  async ofDense(tap: Tap): Promise<Correct | undefined> {
    if (tap.site !== "output" && tap.site !== "denseDown" && tap.site !== "sharedDown") return undefined;
    const { state } = this.#batch;
    const block = this.#block as FloatBlock;
    const target = tap.site === "output" ? block.takeMiddle() : block.end;
    const targetOf = ({ matrix, bias }: Linear) => ({ matrix, bias, span: state.span, out: state.branch });
    await this.#batch.outputs(tap, { linears: tap.linears, targetOf }, this.#turns);
    const hidden = this.#batch.rows(state.hidden);
    const output = this.#batch.rows(state.branch);
    const isShared = tap.site === "sharedDown";
    const routed = isShared ? this.#routedSum(tap.layer) : undefined;
    const gates = isShared ? this.#sharedGates(tap.layer) : undefined;
    const gateOf = (row: number) => (gates === undefined ? 1 : gates[row]);
    const { hiddenSize, residualScale } = this.#model.config;
    const ld = stride(hiddenSize);
    const weights = tokenWeights(target, ld);
    // The stream after attention and the experts' sum are not needed again, so the error takes their memory.
    const error = routed ?? (tap.site === "output" ? target : new Float32Array(target.length));
    for (let i = 0; i < error.length; i++) {
      const added = gateOf(Math.floor(i / ld)) * output[i] - target[i] / residualScale;
      error[i] = hidden[i] / residualScale + (added + (routed === undefined ? 0 : routed[i]));
    }
    const missed = { input: tap.input, error, tokenOf: (row: number) => row, gateOf, weights };
    return (float) => this.#correct(float, missed, { start: 0, count: tap.input.rows });
  }

  /** Correction of down of the routed experts. */
  async ofExperts(tap: Tap, gates: Float32Array): Promise<ExpertFeedback> {
    const { state } = this.#batch;
    const block = this.#block as FloatBlock;
    const { end } = block;
    await this.#expertOutputs(tap, tap.linears);
    const error = this.#routedSum(tap.layer);
    const shared = block.takeShared();
    const hidden = this.#batch.rows(state.hidden);
    const { residualScale } = this.#model.config;
    for (let i = 0; i < error.length; i++)
      error[i] += hidden[i] / residualScale - end[i] / residualScale + (shared === undefined ? 0 : shared[i]);
    const { index } = state.routes[tap.layer];
    const tokens = this.#model.machine.arena.i32(index, this.#batch.tokens * this.#model.config.topK).slice();
    const ld = stride(this.#model.config.hiddenSize);
    const missed = {
      input: tap.input,
      error,
      tokenOf: (row: number) => tokens[row],
      gateOf: (row: number) => gates[row],
      weights: tokenWeights(end, ld),
    };
    return {
      correct: (rows) => (weights) => this.#correct(weights, missed, rows),
      done: async (linear, matrix, { start, count }) => {
        const outputs = this.#batch.rows(state.down, start + count);
        const before = outputs.slice(start * ld);
        {
          using scratch = this.#model.machine.arena.region();
          const packed = placeQuantized(this.#model.machine, scratch, linear.name, matrix);
          await this.#expertOutputs(tap, [Object.assign(Object.create(linear) as Linear, { matrix: packed })]);
        }
        const after = this.#batch.rows(state.down, start + count).subarray(start * ld);
        for (let row = 0; row < count; row++) {
          const to = tokens[start + row] * ld;
          const gate = gates[start + row];
          for (let i = 0, at = row * ld; i < ld; i++, at++) error[to + i] += gate * (after[at] - before[at]);
        }
      },
    };
  }

  async #correct(
    weights: Float32Array,
    { input, error, tokenOf, gateOf, weights: tokens }: MissedOutputs,
    { start, count }: ExpertRows,
  ): Promise<Float32Array> {
    if (count === 0) return weights;
    const { machine, config } = this.#model;
    const { hiddenSize } = config;
    const ld = stride(hiddenSize);
    const weightOf = (i: number) => tokens[tokenOf(start + i)];
    const sample: CorrectionSample = {
      ...{ count, cols: input.cols, outputs: hiddenSize, weightOf },
      input: (i, x) => {
        const gate = weightOf(i) * gateOf(start + i);
        // The engine's memory may have moved since the last row.
        const from = machine.arena.f32(input.ptr + (start + i) * input.ld * 4, x.length);
        for (let col = 0; col < x.length; col++) x[col] = gate * from[col];
      },
      error: (i, r) => {
        const weight = weightOf(i);
        for (let out = 0, at = tokenOf(start + i) * ld; out < r.length; out++, at++) r[out] = weight * error[at];
      },
    };
    return corrected(machine, weights, sample, this.#correction, this.#turns);
  }

  /** Computes the experts' outputs for their own tokens, at `state.down`. */
  async #expertOutputs(tap: Tap, linears: readonly Linear[]): Promise<void> {
    const { state } = this.#batch;
    const targetOf = ({ expert, matrix, bias }: Linear) => {
      return { matrix, bias, span: (tap.spans as number) + 8 * expert, out: state.down };
    };
    await this.#batch.outputs(tap, { linears, targetOf }, this.#turns);
  }

  /** The weight of the shared experts' output for each token; undefined if they have no gate. */
  #sharedGates(layer: number): Float32Array | undefined {
    if (this.#model.weights.layers[layer].sharedGate === undefined) return undefined;
    const { state, tokens } = this.#batch;
    const ld = stride(1);
    const logits = this.#model.machine.arena.f32(state.sharedGate, tokens * ld);
    return Float32Array.from({ length: tokens }, (_, token) => 1 / (1 + exp(-logits[token * ld])));
  }

  /** The sum that the routed experts add to each token, from their outputs at `state.down`. */
  #routedSum(layer: number): Float32Array {
    const { machine, config } = this.#model;
    const { state, tokens } = this.#batch;
    const { topK, hiddenSize } = config;
    const ld = stride(hiddenSize);
    const gates = machine.arena.f32(state.routes[layer].weights, tokens * topK);
    const places = machine.arena.i32(state.routes[layer].place, tokens * topK);
    const outputs = this.#batch.rows(state.down, tokens * topK);
    const sum = new Float32Array(tokens * ld);
    for (let choice = 0; choice < gates.length; choice++) {
      const to = Math.floor(choice / topK) * ld;
      for (let i = 0, from = places[choice] * ld; i < ld; i++, from++) sum[to + i] += gates[choice] * outputs[from];
    }
    return sum;
  }
}
