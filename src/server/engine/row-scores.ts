/** Log-probabilities of the tokens of one sequence: of each token of a prompt, and of each that is drawn. */
import { log } from "../../base/exact-math.ts";
import type { Model } from "../../model/model.ts";
import type { LogitRows } from "../../model/pass/session-watch.ts";
import { keepLargest } from "../../runtime/partial-sort.ts";
import type { Region } from "../../wasm/memory/region.ts";

/** A token and ln of its probability after the tokens before it. */
export interface ScoredId {
  readonly id: number;
  readonly logProb: number;
}

/** A token of a text: nothing is known of a text's first token. */
export interface ScoredToken {
  readonly id: number;
  readonly logProb: number | null;
  /** The likeliest tokens at its place, the likeliest first; of equally likely ones the lowest id. */
  readonly top: readonly ScoredId[];
}

/** Bytes of the result of `log_sum_exp`. */
const RESULT_BYTES = 16;

/** Dispose it to free its memory. */
export class RowScores implements Disposable {
  readonly #model: Model;
  readonly #top: number;
  readonly #memory: Region;
  readonly #result: number;
  readonly #ids: Int32Array;
  readonly #held: Float32Array;
  /** The largest logit of the row that is held, and ln of the sum of e^(logit - largest). */
  #most = 0;
  #logSum = 0;

  /** @param top number of likeliest tokens for each place. */
  constructor(model: Model, top: number) {
    using taken = model.machine.arena.region();
    this.#model = model;
    this.#top = Math.min(top, model.config.vocabSize);
    this.#result = taken.alloc(RESULT_BYTES);
    this.#ids = new Int32Array(model.config.vocabSize);
    this.#held = new Float32Array(model.config.vocabSize);
    this.#memory = taken.move();
  }

  /** Keeps a row of logits, which lies in the engine's memory during the call only. */
  hold({ ptr }: LogitRows): void {
    const { machine, config } = this.#model;
    this.#held.set(machine.arena.f32(ptr, config.vocabSize));
    machine.call("log_sum_exp", 1, this.#result, ptr, config.vocabSize, config.vocabSize);
    const [most, sum] = machine.arena.f64(this.#result, 2);
    this.#most = most;
    this.#logSum = log(sum);
  }

  /** What the row that is held says of the token after it. */
  score(id: number): ScoredToken {
    return { id, logProb: this.#logProb(id), top: this.#likeliest() };
  }

  #logProb(id: number): number {
    return this.#held[id] - this.#most - this.#logSum;
  }

  #likeliest(): readonly ScoredId[] {
    if (this.#top === 0) return [];
    keepLargest(this.#held, this.#top, this.#ids);
    return [...this.#ids.subarray(0, this.#top)].map((id) => ({ id, logProb: this.#logProb(id) }));
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
