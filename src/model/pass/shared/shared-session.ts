/**
 * Runs many sequences in passes that they share. A sequence may come and go between any two passes: a pass takes the next tokens of those
 * that wait, whether they are parts of prompts or single tokens. The kernels compute each row of a pass by itself, so the logits of a
 * sequence are those that it has alone. Sequences that begin with the same tokens use the same rows of the cache.
 */

import { UsageError } from "../../../base/errors.ts";
import { Turns } from "../../../base/turns.ts";
import { stride } from "../../../tensor/matrix.ts";
import { Calls } from "../../../wasm/calls.ts";
import { checkBatch, checkContext, checkIds } from "../check-session.ts";
import { createPass } from "../forward.ts";
import { overflowError } from "../overflow.ts";
import { playHead } from "../play-in-pieces.ts";
import type { Pass, Runnable } from "../record/pass.ts";
import { createState, type State } from "../state/pass-state.ts";
import { chooseBatch } from "../state/token-buffers.ts";
import { TapeShelf } from "../tape-shelf.ts";
import { PAGE_ROWS, PageTree } from "./page-tree.ts";
import { type Portion, planPass } from "./plan-pass.ts";
import { type SequenceOwner, SharedSequence } from "./shared-sequence.ts";

export interface SharedSessionOptions {
  /** Most tokens of a sequence. Default: the model's context. */
  readonly context?: number;
  /** Rows of the cache, for the tokens of all sequences. At least one sequence of the context has room. Default: four times the context. */
  readonly rows?: number;
  /** Most tokens of one pass. Results do not depend on it. Default: as a session chooses it. */
  readonly batch?: number;
}

/** Rows of logits that are computed at a time. */
const LOGIT_ROWS = 64;
/** Tapes that are kept: one for each number of sequences that decode together, and some for parts of prompts. */
const MAX_TAPES = 24;

/** A token of a pass whose logits are wanted, or not. */
interface PlacedToken {
  readonly sequence: SharedSequence;
  readonly position: number;
  readonly isWanted: boolean;
}

/** Dispose it to refuse all sequences; the memory is freed once the pass that runs has ended. */
export class SharedSession implements Disposable {
  readonly model: Runnable;
  readonly context: number;
  /** Tokens computed so far. */
  computedTokens = 0;
  readonly #state: State;
  readonly #tapes: TapeShelf;
  readonly #tree: PageTree;
  readonly #calls: Calls;
  readonly #turns: Turns = new Turns();
  readonly #owner: SequenceOwner;
  /** In the order in which they came. */
  #sequences: SharedSequence[] = [];
  #isRunning = false;
  #isClosed = false;

  /** @throws UsageError for an option out of range; MemoryError if it does not fit. */
  constructor(model: Runnable, options: SharedSessionOptions = {}) {
    const { machine, config } = model;
    this.model = model;
    this.context = checkContext(options.context ?? config.maxPositions, config.maxPositions);
    const capacity = checkBatch(options.batch ?? chooseBatch(config, false));
    const least = Math.ceil(this.context / PAGE_ROWS);
    const pages = Math.max(least, Math.ceil((options.rows ?? 4 * this.context) / PAGE_ROWS));
    this.#calls = new Calls("session", machine.jobs);
    this.#tree = new PageTree(pages);
    this.#state = createState(model, {
      ...{ capacity, cacheRows: pages * PAGE_ROWS, positions: this.context, segmentRoom: 4 * capacity + least },
      ...{ logitRows: Math.min(LOGIT_ROWS, capacity), cache: model.cache },
    });
    this.#tapes = new TapeShelf({
      ...{ store: model.weights.store, most: MAX_TAPES },
      begin: (tokens, rows) => ({ ...this.#pass(tokens), outputs: rows === 0 ? tokens : rows }),
    });
    this.#owner = {
      tree: this.#tree,
      onAsk: (sequence, ids) => this.#wake(sequence.ids.length, ids),
      onClose: () => this.#sweep(),
    };
  }

  /** Rows of the cache, and how many of them sequences use. */
  get rows(): { readonly all: number; readonly used: number } {
    return { all: this.#tree.size * PAGE_ROWS, used: this.#tree.usedPages * PAGE_ROWS };
  }

  /** A new, empty sequence; the caller disposes it. @throws UsageError after disposal. */
  sequence(): SharedSequence {
    if (this.#isClosed) throw new UsageError("session", "a call after disposal", "a live session");
    const sequence = new SharedSequence(this.#owner);
    this.#sequences.push(sequence);
    return sequence;
  }

  /** Refuses all sequences. The memory is freed once nothing runs on it. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const sequence of [...this.#sequences]) sequence[Symbol.dispose]();
    this.#calls.close(() => this.#state[Symbol.dispose]());
  }

  #wake(before: number, ids: readonly number[]): void {
    checkIds(ids, this.model.config.vocabSize);
    if (before + ids.length > this.context)
      throw new UsageError("context", `${before + ids.length} tokens`, `at most ${this.context}`);
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Plays passes until no sequence waits. */
  async #run(): Promise<void> {
    try {
      for (;;) {
        // Those that have just got logits ask for their next token meanwhile, and new ones come.
        await this.#turns.turn();
        this.#sweep(true);
        const { capacity, segmentRoom } = this.#state;
        const portions = planPass(this.#sequences, { capacity, segmentRoom });
        if (portions.length === 0) break;
        await this.#calls.run("pass", this.#turns, (turns) => this.#play(portions, turns));
      }
      if (this.#sequences.some(({ pending }) => pending > 0)) throw new Error("a sequence waits, but no pass has room");
    } catch (error) {
      for (const sequence of this.#sequences) this.#refuse(sequence, error);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Frees the pages of sequences that were closed. While a pass runs, which may read them, it is left to the next turn. */
  #sweep(isBetween = !this.#isRunning): void {
    if (!isBetween) return;
    for (const sequence of this.#sequences) if (sequence.isClosed) sequence.giveUp();
    this.#sequences = this.#sequences.filter(({ isClosed }) => !isClosed);
  }

  #refuse(sequence: SharedSequence, error: unknown): void {
    sequence.giveUp();
    sequence.refuse(error);
  }

  async #play(portions: readonly Portion[], turns: Turns): Promise<void> {
    const tokens = portions.flatMap(placed);
    const plain = tokens.filter(({ isWanted }) => !isWanted);
    const wanted = tokens.filter(({ isWanted }) => isWanted);
    // Tokens whose logits are wanted come last, so that they are adjacent.
    this.#place([...plain, ...wanted]);
    const failed = new Set<SharedSequence>();
    const rows = Math.min(tokens.length, roundedRows(wanted.length));
    if (rows <= this.#state.logitRows) {
      await this.#tapes.play(tokens.length, rows, turns);
      if (wanted.length > 0) this.#deliver(wanted, rows - wanted.length, failed);
    } else {
      await this.#tapes.play(tokens.length, 0, turns);
      for (let done = 0; done < wanted.length; done += this.#state.logitRows) {
        const some = wanted.slice(done, done + this.#state.logitRows);
        const pass = this.#pass(tokens.length);
        await playHead(pass, turns, some.length, plain.length + done);
        this.#deliver(some, 0, failed);
      }
    }
    this.computedTokens += tokens.length;
    for (const portion of portions) if (!failed.has(portion.sequence)) portion.sequence.advance(portion.tokens);
  }

  /** Tells sequences of their logits, whose first row is `first`. A sequence without numbers is refused; the others go on. */
  #deliver(wanted: readonly PlacedToken[], first: number, failed: Set<SharedSequence>): void {
    const { arena } = this.model.machine;
    const ld = stride(this.model.config.vocabSize);
    wanted.forEach(({ sequence, position }, at) => {
      if (failed.has(sequence)) return;
      try {
        if (arena.words[(this.#state.finite >>> 2) + first + at] === 0)
          throw overflowError(this.model, `logits of token ${position}`);
        sequence.deliver(this.#state.logits + 4 * ld * (first + at), ld);
      } catch (error) {
        failed.add(sequence);
        this.#refuse(sequence, error);
      }
    });
  }

  #place(tokens: readonly PlacedToken[]): void {
    const places = this.#state.tokens;
    const paths = new Map(tokens.map(({ sequence }) => [sequence, sequence.rows()]));
    places.begin();
    for (const { sequence, position } of tokens) {
      places.token(sequence.ids[position], position, sequence.rowOf(position));
      let left = position + 1;
      for (const { first, count } of paths.get(sequence) ?? []) {
        if (left === 0) break;
        places.segment(first, Math.min(count, left));
        left -= Math.min(count, left);
      }
    }
    places.end();
  }

  #pass(tokens: number): Pass {
    return createPass(this.model, this.#state, tokens, this.context / 2);
  }
}

function placed({ sequence, tokens }: Portion): readonly PlacedToken[] {
  const { computed, wanted } = sequence;
  return Array.from({ length: tokens }, (_, at) => {
    return { sequence, position: computed + at, isWanted: computed + at >= wanted };
  });
}

/** Up to eight rows each have a tape; more are rounded up, so that few tapes serve them. A row too many costs little and is not read. */
function roundedRows(wanted: number): number {
  return wanted <= 8 ? Math.max(1, wanted) : Math.ceil(wanted / 8) * 8;
}
