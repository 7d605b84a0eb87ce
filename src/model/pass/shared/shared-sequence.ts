/** One sequence of a shared session: its tokens, its pages, and what its owner waits for. */
import { UsageError } from "../../../base/errors.ts";
import type { LogitRows } from "../session-watch.ts";
import { PAGE_ROWS, type Page, type PageTree } from "./page-tree.ts";

/** What a call of `evaluate` wants to know. */
export interface SequenceWatch {
  /**
   * Called for each token whose logits are wanted, in order, with one row; `first` is the token's position. The address is valid during
   * the call only.
   */
  readonly onLogits?: (logits: LogitRows) => void;
  /** Position of the first token whose logits are wanted, if it is one of the call's. Default: the last token's. */
  readonly from?: number;
}

/** A call of `evaluate` that is not done. */
interface Ask {
  readonly watch: SequenceWatch;
  /** Position of the next token whose logits are wanted. */
  wanted: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Cache rows [first, first + count). */
export interface RowRun {
  readonly first: number;
  readonly count: number;
}

/** What a sequence needs of its session. */
export interface SequenceOwner {
  readonly tree: PageTree;
  /** Called when the sequence has something to compute. @throws UsageError for ids out of range or more than the context. */
  readonly onAsk: (sequence: SharedSequence, ids: readonly number[]) => void;
  readonly onClose: (sequence: SharedSequence) => void;
}

/** Dispose it to leave the session: a call that waits is refused, and its rows are free after the pass that is running. */
export class SharedSequence implements Disposable {
  /** All tokens so far; the first `computed` of them have cache rows. */
  readonly ids: number[] = [];
  readonly #owner: SequenceOwner;
  readonly #pages: Page[] = [];
  #computed = 0;
  #ask: Ask | undefined;
  #isClosed = false;

  constructor(owner: SequenceOwner) {
    this.#owner = owner;
  }

  get computed(): number {
    return this.#computed;
  }

  /** Tokens to compute for the call that waits. */
  get pending(): number {
    return this.#ask === undefined ? 0 : this.ids.length - this.#computed;
  }

  /** Position of the next token whose logits are wanted. */
  get wanted(): number {
    return this.#ask?.wanted ?? this.ids.length;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get pages(): readonly Page[] {
    return this.#pages;
  }

  /**
   * Computes `ids` after the sequence's tokens, in passes that other sequences share. Resolves when they are done.
   * @throws UsageError for no ids, an id out of range, more tokens than the context, a second call before the first has ended, and if the
   * sequence is disposed; NumericsError for logits that are not finite; whatever a pass has thrown.
   */
  evaluate(ids: readonly number[], watch: SequenceWatch = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new UsageError("sequence", "a call after disposal", "a live sequence");
      if (this.#ask !== undefined) throw new UsageError("sequence", "a running call of evaluate", "no running call");
      if (ids.length === 0) throw new UsageError("ids", "no tokens", "at least one");
      this.#owner.onAsk(this, ids);
      const before = this.ids.length;
      for (const id of ids) this.ids.push(id);
      const wanted = Math.max(before, watch.from ?? this.ids.length - 1);
      this.#ask = { watch, wanted, resolve, reject };
    });
  }

  /** Uses the pages of the tree that hold the next tokens, up to the first token that must be computed. */
  adopt(): void {
    const { tree } = this.#owner;
    const most = Math.min(this.wanted, this.ids.length - 1);
    while (this.#computed % PAGE_ROWS === 0 && this.#computed + PAGE_ROWS <= most) {
      const known = tree.find(this.#pages.at(-1), this.ids, this.#computed);
      if (known === undefined) return;
      tree.use(known);
      this.#pages.push(known);
      this.#computed += PAGE_ROWS;
    }
  }

  /** Takes pages for `tokens` more tokens. @returns whether there were enough; those that there were are kept. */
  reserve(tokens: number): boolean {
    while (this.#pages.length * PAGE_ROWS < this.#computed + tokens) {
      const page = this.#owner.tree.take(this.#pages.at(-1));
      if (page === undefined) return false;
      this.#pages.push(page);
    }
    return true;
  }

  /** The sequence's cache rows in the order of positions. */
  rows(): readonly RowRun[] {
    const runs: { first: number; count: number }[] = [];
    for (const { index } of this.#pages) {
      const last = runs.at(-1);
      const first = index * PAGE_ROWS;
      if (last !== undefined && last.first + last.count === first) last.count += PAGE_ROWS;
      else runs.push({ first, count: PAGE_ROWS });
    }
    return runs;
  }

  /** Cache row of the token at a position. */
  rowOf(position: number): number {
    return this.#pages[Math.floor(position / PAGE_ROWS)].index * PAGE_ROWS + (position % PAGE_ROWS);
  }

  /** Tells the owner of the logits of the next wanted token. */
  deliver(ptr: number, ld: number): void {
    const ask = this.#ask;
    if (ask === undefined) return;
    ask.watch.onLogits?.({ ptr, ld, rows: 1, first: ask.wanted++ });
  }

  /** The next `tokens` tokens are computed. Full pages become known to others. */
  advance(tokens: number): void {
    const from = Math.floor(this.#computed / PAGE_ROWS);
    this.#computed += tokens;
    const { tree } = this.#owner;
    for (let page = from; (page + 1) * PAGE_ROWS <= this.#computed; page++)
      this.#pages[page] = tree.publish(this.#pages[page], this.#pages[page - 1], this.ids, page * PAGE_ROWS);
    if (this.#computed < this.ids.length) return;
    const ask = this.#ask;
    this.#ask = undefined;
    ask?.resolve();
  }

  /** Gives up all pages. The tokens are computed again before the next ones, to the same bits. */
  giveUp(): void {
    for (const page of this.#pages.splice(0)) this.#owner.tree.release(page);
    this.#computed = 0;
  }

  /** Refuses the call that waits. The sequence keeps its tokens, but has no rows any more. */
  refuse(error: unknown): void {
    const ask = this.#ask;
    this.#ask = undefined;
    ask?.reject(error);
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.refuse(new UsageError("sequence", "its disposal while a call waits", "a live sequence"));
    this.#owner.onClose(this);
  }
}
