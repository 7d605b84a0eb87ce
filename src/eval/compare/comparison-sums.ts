/** Sums up a comparison of two models, token by token. */
import { exp } from "../../base/exact-math.ts";
import type { Model } from "../../model/model.ts";
import type { LogitRows } from "../../model/pass/session-watch.ts";
import { stride } from "../../tensor/matrix.ts";
import type { Region } from "../../wasm/memory/region.ts";
import { SCORING_BATCH } from "../scoring/scored-windows.ts";
import { percentile, RunningMean } from "../stats/means.ts";
import { type ReferenceWindow, shapeOf } from "./reference.ts";

/** A model against a reference on the same tokens: KL in nats a token, agreement, perplexities, and changed routes. */
export interface Comparison {
  /** KL in nats a token. Percentiles are interpolated linearly between ranks. */
  readonly kl: Readonly<Record<"mean" | "stdErr" | "p50" | "p90" | "p95" | "p99" | "p999" | "max", number>>;
  /** Mean KL of each window in nats a token, for paired tests of two models on the same windows. */
  readonly klWindows: readonly number[];
  /** Share of tokens for which both models predict the same likeliest token. */
  readonly sameTop: { readonly value: number; readonly stdErr: number };
  /** Perplexity of the model divided by that of the reference. */
  readonly perplexityRatio: number;
  readonly perplexity: { readonly model: number; readonly reference: number };
  /** p_model - p_reference of the true token. */
  readonly deltaP: { readonly rms: number; readonly mean: number };
  /** For each MoE layer, the share of tokens whose set of experts differs. */
  readonly routing: readonly { readonly layer: number; readonly changed: number }[];
  readonly scoredTokens: number;
}

/** Adds up the sums. Owns the memory in the model's engine into which the reference's rows are copied. */
export class Tally implements Disposable {
  readonly #model: Model;
  readonly #memory: Region;
  readonly #theirs: number;
  readonly #sums: number;
  readonly #ld: number;
  readonly #kl: number[] = [];
  readonly #windowKl: number[] = [];
  #counted = 0;
  readonly #sameTop = new RunningMean();
  readonly #deltaP = new RunningMean();
  readonly #loss = { model: new RunningMean(), reference: new RunningMean() };
  readonly #changed: number[] = [];
  #routed = 0;

  constructor(model: Model) {
    this.#model = model;
    this.#ld = stride(model.config.vocabSize);

    using taken = model.machine.arena.region();
    this.#theirs = taken.alloc(SCORING_BATCH * this.#ld * 4);
    this.#sums = taken.alloc(SCORING_BATCH * 32);
    this.#memory = taken.move();
  }

  /** Adds rows of the model and the reference's rows of the same tokens. The last token of a window is left out: it has no target. */
  addLogits({ ptr, ld, rows: found, first }: LogitRows, ids: readonly number[], expected: ReferenceWindow): void {
    const { machine, config } = this.#model;
    const rows = Math.min(found, ids.length - 1 - first);
    if (rows === 0) return;
    const width = this.#ld;
    expected.copyLogits(machine.arena.f32(this.#theirs, rows * width), width, first, rows);
    machine.call("divergence", rows, this.#sums, this.#theirs, width, ptr, ld, config.vocabSize);
    const theirs = machine.arena.f32(this.#theirs, rows * width);
    const ours = machine.arena.f32(ptr, rows * ld);
    const sums = machine.arena.f64(this.#sums, 4 * rows);
    for (let row = 0; row < rows; row++) {
      const target = ids[first + row + 1];
      const [kl, sameTop, logSumReference, logSumModel] = sums.subarray(4 * row, 4 * row + 4);
      const logReference = theirs[row * width + target] - logSumReference;
      const logModel = ours[row * ld + target] - logSumModel;
      this.#kl.push(Math.max(0, kl)); // a rounding error below 0 is 0
      this.#sameTop.add(sameTop);
      this.#deltaP.add(exp(logModel) - exp(logReference));
      this.#loss.model.add(-logModel);
      this.#loss.reference.add(-logReference);
    }
  }

  addRoutes(expected: readonly Int32Array[], found: readonly Int32Array[], tokens: number): void {
    const { topK } = this.#model.config;
    expected.forEach((sets, layer) => {
      let changed = 0;
      for (let token = 0; token < tokens; token++) {
        let same = true;
        for (let at = token * topK; at < (token + 1) * topK; at++) same &&= sets[at] === found[layer][at];
        if (!same) changed++;
      }
      this.#changed[layer] = (this.#changed[layer] ?? 0) + changed;
    });
    this.#routed += tokens;
  }

  /** Closes a window; rows added after this call belong to the next one. */
  endWindow(): void {
    const own = this.#kl.slice(this.#counted);
    this.#counted = this.#kl.length;
    this.#windowKl.push(own.reduce((sum, value) => sum + value, 0) / Math.max(1, own.length));
  }

  result(): Comparison {
    const sorted = Float64Array.from(this.#kl).sort();
    const spread = new RunningMean();
    for (const value of sorted) spread.add(value);
    const at = (share: number) => percentile(sorted, share);
    const { model, reference } = this.#loss;
    return {
      kl: {
        mean: spread.mean,
        stdErr: spread.stdErr,
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: at(1),
      },
      klWindows: this.#windowKl,
      sameTop: { value: this.#sameTop.mean, stdErr: this.#sameTop.stdErr },
      perplexityRatio: exp(model.mean - reference.mean),
      perplexity: { model: exp(model.mean), reference: exp(reference.mean) },
      deltaP: { rms: this.#deltaP.rms, mean: this.#deltaP.mean },
      routing: shapeOf(this.#model.config).moeLayers.map((layer, place) => ({
        layer,
        changed: this.#changed[place] / this.#routed,
      })),
      scoredTokens: this.#kl.length,
    };
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
