/** Computes the log-probabilities of given tokens in given sequences, from which likelihoods and perplexities are made. */
import { log } from "../../base/exact-math.ts";
import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import { checkBatch } from "../../model/pass/check-session.ts";
import { type NodeLogits, TreeSession } from "../../model/pass/tree-session.ts";
import { Calls } from "../../wasm/calls.ts";
import type { Region } from "../../wasm/memory/region.ts";
import { buildTree, type ScoredSequence, type ScoredTree } from "./token-tree.ts";

export interface TokenScores {
  /** ln p of each target, in nats. */
  readonly logProbs: Float64Array;
  /** Whether every target is the likeliest id at its place; of equally likely ids, the lowest counts. */
  readonly isGreedy: boolean;
}

export interface TokenScorerOptions {
  /** Most tokens of one pass. Results do not depend on it. */
  readonly batch?: number;
  /** `false` computes every sequence from its start, for tests and benchmarks. */
  readonly shareBeginnings?: boolean;
}

/** A session's context is a multiple of this, so that a longer sequence seldom needs a new session. */
const CONTEXT_STEP = 256;
/** Bytes of the results of `log_sum_exp` and `argmax_rows` for a row of logits. */
const RESULT_BYTES = 16 + 4;
const MAX_ROWS = 64;

/** Keeps the keys and values of its last sequence, so that the next call can continue from any beginning of it. Calls wait for each other. */
export class TokenScorer implements Disposable {
  /** Tokens computed so far. */
  computedTokens = 0;
  readonly #model: Model;
  readonly #options: TokenScorerOptions;
  readonly #calls: Calls = new Calls("token scorer");
  #session: TreeSession | undefined;
  #results = 0;
  #memory: Region | undefined;

  constructor(model: Model, options: TokenScorerOptions = {}) {
    this.#model = model;
    this.#options = options;
    if (options.batch !== undefined) checkBatch(options.batch);
  }

  /**
   * One result for each sequence, in the same order. Beginnings that sequences share are computed once, which changes no bit.
   * @throws UsageError for an id out of range or a sequence longer than the model's context.
   */
  score(sequences: readonly ScoredSequence[], turns: Turns): Promise<readonly TokenScores[]> {
    return this.#calls.run("score", turns, async (own) => {
      const longest = sequences.reduce((most, { ids }) => Math.max(most, ids.length), 0);
      const session = this.#open(longest);
      const built = buildTree(sequences, this.#options.shareBeginnings === false ? undefined : session.path);
      const found = sequences.map(({ targets }) => ({ logProbs: new Float64Array(targets.length), isGreedy: true }));
      await session.evaluate(built.tree, own, (logits) => this.#take(logits, built, sequences, found));
      this.computedTokens += built.tree.ids.length;
      return found;
    });
  }

  /** Ends the call that is running, and frees the memory once it has stopped. */
  [Symbol.dispose](): void {
    this.#calls.close(() => this.#free());
  }

  #free(): void {
    this.#session?.[Symbol.dispose]();
    this.#memory?.[Symbol.dispose]();
    this.#session = undefined;
    this.#memory = undefined;
  }

  #open(length: number): TreeSession {
    if (this.#session !== undefined && length <= this.#session.context) return this.#session;
    this.#free();
    const { maxPositions } = this.#model.config;
    const rounded = Math.ceil(length / CONTEXT_STEP) * CONTEXT_STEP;
    const context = length > maxPositions ? length : Math.max(1, Math.min(rounded, maxPositions));
    using taken = this.#model.machine.arena.region();
    this.#results = taken.alloc(MAX_ROWS * RESULT_BYTES);
    this.#session = new TreeSession(this.#model, { context, batch: this.#options.batch });
    this.#memory = taken.move();
    return this.#session;
  }

  #take(
    { ptr, ld, nodes }: NodeLogits,
    { targetsOf }: ScoredTree,
    sequences: readonly ScoredSequence[],
    found: { logProbs: Float64Array; isGreedy: boolean }[],
  ): void {
    const { machine, config } = this.#model;
    const likeliest = this.#results + 16 * nodes.length;
    machine.call("log_sum_exp", nodes.length, this.#results, ptr, ld, config.vocabSize);
    machine.call("argmax_rows", nodes.length, likeliest, ptr, ld, config.vocabSize);
    const sums = machine.arena.f64(this.#results, 2 * nodes.length);
    const tops = machine.arena.i32(likeliest, nodes.length);
    const logits = machine.arena.f32(ptr, nodes.length * ld);
    nodes.forEach((node, row) => {
      const logSum = log(sums[2 * row + 1]);
      for (const { sequence, target } of targetsOf.get(node) ?? []) {
        const id = sequences[sequence].targets[target];
        found[sequence].logProbs[target] = logits[row * ld + id] - sums[2 * row] - logSum;
        if (tops[row] !== id) found[sequence].isGreedy = false;
      }
    });
  }
}
