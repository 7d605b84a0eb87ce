/** Runs one sequence: owns its state, its cache, and the tapes recorded for its batch sizes. */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions } from "../../base/known-options.ts";
import type { Turns } from "../../base/turns.ts";
import { stride } from "../../tensor/matrix.ts";
import { Calls } from "../../wasm/calls.ts";
import { checkBatch, checkContext, checkIds } from "./check-session.ts";
import { createPass } from "./forward.ts";
import { findNotFinite, findOverflow, overflowError } from "./overflow.ts";
import { playBody, playHead } from "./play-in-pieces.ts";
import type { Pass, Runnable } from "./record/pass.ts";
import { NO_WATCH, SESSION_WATCH, type SessionWatch, TAPPED_WATCH, type TappedWatch } from "./session-watch.ts";
import { createState, type State } from "./state/pass-state.ts";
import { chooseBatch } from "./state/token-buffers.ts";
import { TapeShelf } from "./tape-shelf.ts";

/** Sizes of a session in tokens, and the positions whose logits are computed. */
export interface SessionOptions {
  /** Most tokens of the sequence, each with one cache row. Default: the model's context. */
  readonly context?: number;
  /**
   * Most tokens of one pass; longer inputs are cut into batches. Results do not depend on it. Default: 128 to 512, so that each expert of
   * the model gets about 64 rows, and fewer if the buffers of a pass would take more than 64 MiB.
   */
  readonly batch?: number;
  /** The positions whose logits are computed. Generation needs `last`, the default. */
  readonly logits?: "last" | "all" | "none";
  /** Whether `state.routes` keeps each layer's routing of the last pass. Default false. */
  readonly keepRoutes?: boolean;
}

/** Tokens before a pass whose state convolutions keep at least, so that a session can be cut by a few tokens. */
const CONV_TOKENS = 192;

/**
 * One running sequence. Calls of `evaluate` at the same time wait for each other, in their order. Disposal ends the call that is
 * running, and the memory is freed once it has stopped.
 */
export class Session implements Disposable {
  readonly model: Runnable;
  readonly context: number;
  readonly state: State;
  readonly #every: boolean;
  /** Whether the last layer computes every token. */
  readonly #keepsAll: boolean;
  /** Number of tokens since the session was last empty at most. State of convolutions is lost before `#longest - convRows`. */
  #longest = 0;
  readonly #tapes: TapeShelf;
  readonly #calls: Calls;
  #position = 0;

  /** @throws UsageError for an option out of range; MemoryError if it does not fit. */
  constructor(model: Runnable, options: SessionOptions = {}) {
    const { config, machine } = model;
    const { logits = "last", keepRoutes = false } = options;
    this.model = model;
    this.context = checkContext(options.context ?? config.maxPositions, config.maxPositions);
    if (!["last", "all", "none"].includes(logits))
      throw new UsageError("session logits", String(logits), "last, all or none");
    const batch = checkBatch(options.batch ?? chooseBatch(config, logits === "all"));
    const capacity = Math.min(batch, this.context);
    this.#calls = new Calls("session", machine.jobs);
    this.#every = logits === "all";
    this.#keepsAll = this.#every || keepRoutes;
    const cells = { capacity, cacheRows: this.context, positions: this.context };
    const logitRows = { last: 1, all: capacity, none: 0 }[logits];
    const convRows = Math.min(this.context, capacity + CONV_TOKENS + (config.conv?.taps ?? 0));
    this.state = createState(model, { ...cells, logitRows, keepRoutes, convRows, cache: model.cache });
    this.#tapes = new TapeShelf({ store: model.weights.store, begin: (tokens) => this.#trimmedPass(tokens) });
  }

  /** Number of tokens in the cache. */
  get position(): number {
    return this.#position;
  }

  /**
   * Removes all but the first `length` tokens. A model with convolutions keeps only their latest state: if more is cut than that, all
   * tokens are removed. `position` says what is left. @throws UsageError while `evaluate` runs.
   */
  truncate(length: number): void {
    this.#calls.requireFree();
    if (!Number.isInteger(length) || length < 0)
      throw new UsageError("length to truncate to", String(length), "an integer from 0");
    const left = Math.min(this.#position, length);
    const { conv } = this.model.config;
    const isLost = conv !== null && left - conv.taps + 1 < this.#longest - this.state.convRows;
    this.#position = isLost ? 0 : left;
    if (this.#position === 0) this.#longest = 0;
  }

  /**
   * Runs `ids` after the tokens in the cache. Yields to the event loop every few milliseconds.
   * @throws UsageError for an id out of range or more tokens than the context; NumericsError for logits that are not finite.
   */
  evaluate(ids: ArrayLike<number>, turns: Turns, watch: SessionWatch = NO_WATCH): Promise<void> {
    return this.#calls.run("evaluate", turns, (own) => this.#evaluate(ids, own, watch));
  }

  #evaluate(ids: ArrayLike<number>, turns: Turns, watch: SessionWatch): Promise<void> | undefined {
    checkKnownOptions<SessionWatch>("evaluate", watch, SESSION_WATCH);
    checkIds(ids, this.model.config.vocabSize);
    if (this.#position + ids.length > this.context)
      throw new UsageError("context", `${this.#position + ids.length} tokens`, `at most ${this.context}`);
    for (let done = 0; done < ids.length; ) {
      const playing = this.#play(ids, done, turns);
      if (playing !== undefined) return this.#goOn(playing, ids, done, turns, watch);
      done = this.#finish(ids, done, watch);
    }
    return undefined;
  }

  /** Continues `evaluate` from a batch that pauses. A token that is computed without a pause makes no promise. */
  async #goOn(
    playing: Promise<void>,
    ids: ArrayLike<number>,
    from: number,
    turns: Turns,
    watch: SessionWatch,
  ): Promise<void> {
    await playing;
    let done = this.#finish(ids, from, watch);
    while (done < ids.length) {
      await this.#play(ids, done, turns);
      done = this.#finish(ids, done, watch);
    }
  }

  /** Computes the batch of ids from `done` on. @returns undefined if it has finished without a pause. */
  #play(ids: ArrayLike<number>, done: number, turns: Turns): Promise<void> | undefined {
    const tokens = this.#batch(ids, done);
    this.#place(ids, done, tokens);
    const rows = this.#hasLogits(done + tokens, ids) ? Math.min(this.state.logitRows, tokens) : 0;
    return this.#tapes.play(tokens, rows, turns);
  }

  /** Delivers the batch from `done` on, which has been computed. @returns the number of ids that are done. */
  #finish(ids: ArrayLike<number>, done: number, watch: SessionWatch): number {
    const tokens = this.#batch(ids, done);
    this.#position += tokens;
    this.#longest = Math.max(this.#longest, this.#position);
    const end = done + tokens;
    const rows = Math.min(this.state.logitRows, tokens);
    if (this.#hasLogits(end, ids)) this.#deliver(rows, end - rows, watch, ids, tokens);
    watch.onTokens?.(end);
    return end;
  }

  /** Whether the batch that ends before id `end` has logits. */
  #hasLogits(end: number, ids: ArrayLike<number>): boolean {
    return this.state.logitRows > 0 && (this.#every || end === ids.length);
  }

  /** Number of tokens in the batch of ids from `done` on. */
  #batch(ids: ArrayLike<number>, done: number): number {
    return Math.min(this.state.capacity, ids.length - done);
  }

  /** Runs one batch of `ids` from position 0, and stops after each block. @throws the same errors as `evaluate`. */
  evaluateTapped(ids: ArrayLike<number>, turns: Turns, watch: TappedWatch): Promise<void> {
    return this.#calls.run("evaluateTapped", turns, async (own) => {
      checkKnownOptions<TappedWatch>("evaluateTapped", watch, TAPPED_WATCH);
      const { onHidden } = watch;
      checkIds(ids, this.model.config.vocabSize);
      const tokens = ids.length;
      if (tokens > this.state.capacity)
        throw new UsageError("ids", `${tokens} tokens`, `at most ${this.state.capacity}, one batch`);
      this.#position = 0;
      this.#place(ids, 0, tokens);
      const pass = this.#pass(tokens);
      await playBody(pass, own, onHidden);
      this.#position = tokens;
      this.#longest = tokens;
      const rows = Math.min(this.state.logitRows, tokens);
      if (rows === 0) return;
      await playHead(pass, own);
      this.#deliver(rows, tokens - rows, watch, ids, tokens);
    });
  }

  /** Frees the session's memory, once nothing runs on it. */
  [Symbol.dispose](): void {
    this.#calls.close(() => this.state[Symbol.dispose]());
  }

  #deliver(
    rows: number,
    first: number,
    { onLogits }: Pick<SessionWatch, "onLogits">,
    ids: ArrayLike<number>,
    tokens: number,
  ): void {
    const row = findNotFinite(this.model, this.state, rows);
    if (row >= 0) {
      const source = this.#findOverflow(ids, first + rows - tokens, tokens);
      throw overflowError(this.model, `logits of token ${first + row}`, source);
    }
    const ld = stride(this.model.config.vocabSize);
    onLogits?.({ ptr: this.state.logits, ld, rows, first });
  }

  /** Names the linears after which a batch that has just been computed overflowed. */
  #findOverflow(ids: ArrayLike<number>, from: number, tokens: number): string | undefined {
    this.#position -= tokens;
    this.#place(ids, from, tokens);
    this.#position += tokens;
    return findOverflow(this.#pass(tokens));
  }

  #place(ids: ArrayLike<number>, from: number, tokens: number): void {
    const places = this.state.tokens;
    places.begin();
    for (let token = 0; token < tokens; token++) {
      const position = this.#position + token;
      places.token(ids[from + token], position, position);
      places.segment(0, position + 1);
    }
    places.end();
  }

  #pass(tokens: number): Pass {
    return createPass(this.model, this.state, tokens, this.context / 2);
  }

  /** A pass whose last layer computes only the tokens that have logits, and one at least, unless all routes are kept. */
  #trimmedPass(tokens: number): Pass {
    const pass = this.#pass(tokens);
    return this.#keepsAll ? pass : { ...pass, outputs: Math.max(1, Math.min(tokens, this.state.logitRows)) };
  }
}
