/** Perplexity: exp of the mean negative log-likelihood a token, with the protocol it was measured by. */
import { exp, log } from "../exact.ts";
import type { Model, Progress } from "../model/model.ts";
import type { LogitRows, Session } from "../model/session.ts";
import { Turns } from "../wasm/turns.ts";
import { Sample } from "./statistics.ts";
import { longestWindow, scoredWindows, type WindowProtocol } from "./windows.ts";

export interface PerplexityOptions extends WindowProtocol {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Perplexity {
  readonly perplexity: number;
  /** Mean, in nats a scored token. */
  readonly nll: number;
  readonly nllStdErr: number;
  readonly scoredTokens: number;
  readonly windows: number;
  readonly protocol: "windows";
}

/** Tokens of one pass: large enough for the matmuls, small enough for a large vocabulary's logits. */
export const SCORING_BATCH = 128;

export async function perplexity(
  model: Model,
  ids: readonly number[],
  options: PerplexityOptions = {},
): Promise<Perplexity> {
  const windows = scoredWindows(ids, options, model.config.maxPositions);
  return perplexityOfWindows(model, windows, options);
}

/** The same over windows at hand, which may differ in length; the first id of each is context only. */
export async function perplexityOfWindows(
  model: Model,
  windows: readonly (readonly number[])[],
  options: Omit<PerplexityOptions, keyof WindowProtocol> = {},
): Promise<Perplexity> {
  const turns = new Turns(options.signal);
  const losses = new Sample();
  using scorer = new Scorer(model, longestWindow(windows, model.config.maxPositions));
  for (const [done, window] of windows.entries()) {
    await scorer.score(window, turns, (loss) => losses.add(loss));
    options.onProgress?.({ phase: "perplexity", done: done + 1, total: windows.length, unit: "windows" });
  }
  return {
    perplexity: exp(losses.mean),
    nll: losses.mean,
    nllStdErr: losses.stdErr,
    scoredTokens: losses.count,
    windows: windows.length,
    protocol: "windows",
  };
}

/** A session that turns windows into losses. */
class Scorer {
  readonly #model: Model;
  readonly #session: Session;
  readonly #sums: number;
  readonly #memory: Disposable;

  constructor(model: Model, context: number) {
    this.#model = model;
    this.#memory = model.machine.arena.claim();
    this.#sums = model.machine.arena.alloc(SCORING_BATCH * 16);
    this.#session = model.session({ context, batch: SCORING_BATCH, logits: "all" });
  }

  /** Calls back with -ln p of every id but the first. */
  async score(window: readonly number[], turns: Turns, onLoss: (loss: number) => void): Promise<void> {
    this.#session.truncate(0);
    await this.#session.evaluate(window, turns, (logits) => this.#losses(logits, window, onLoss));
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }

  #losses({ ptr, ld, rows, first }: LogitRows, window: readonly number[], onLoss: (loss: number) => void): void {
    const { machine, config } = this.#model;
    machine.call("log_sum_exp", rows, this.#sums, ptr, ld, config.vocabSize);
    const sums = machine.arena.f64(this.#sums, 2 * rows);
    const logits = machine.arena.f32(ptr, rows * ld);
    for (let row = 0; row < rows; row++) {
      const target = window[first + row + 1];
      if (target === undefined) continue;
      onLoss(sums[2 * row] + log(sums[2 * row + 1]) - logits[row * ld + target]);
    }
  }
}
