/**
 * Runs sequences that share beginnings, and computes each beginning once. The sequences form a trie of tokens, which is cut into passes
 * of one size regardless of the sequence of a token, so that short sequences are computed as efficiently as long ones.
 */
import { UsageError } from "../../base/errors.ts";
import type { Turns } from "../../base/turns.ts";
import { stride } from "../../tensor/matrix.ts";
import { Calls } from "../../wasm/calls.ts";
import { checkBatch, checkContext, checkIds } from "./check-session.ts";
import { createPass } from "./forward.ts";
import { findNotFinite, overflowError } from "./overflow.ts";
import { playHead } from "./play-in-pieces.ts";
import type { Pass, Runnable } from "./record/pass.ts";
import { RowPool } from "./row-pool.ts";
import { createState, type State } from "./state/pass-state.ts";
import { TapeShelf } from "./tape-shelf.ts";

/** A trie in depth-first order: a node's parent is the last node before it whose depth is one less. */
export interface TokenTree {
  readonly ids: Int32Array;
  /** Position of each node. The first node continues the session's path from its depth on. */
  readonly depths: Int32Array;
  /** 1 for nodes whose logits are wanted. */
  readonly wanted: Uint8Array;
}

/** Logits after some nodes; valid only during the callback. */
export interface NodeLogits {
  /** Address of f32 [nodes.length, vocabSize] with a row stride of `ld` elements. */
  readonly ptr: number;
  readonly ld: number;
  readonly nodes: readonly number[];
}

export interface TreeSessionOptions {
  /** Most tokens of a sequence. Default: the model's context. */
  readonly context?: number;
  /** Most tokens of one pass. Results do not depend on it. Default 256. */
  readonly batch?: number;
}

/** Rows of logits that are computed at a time: enough for an efficient matmul, few enough for a large vocabulary. */
const LOGIT_ROWS = 64;
const DEFAULT_BATCH = 256;

/** Cache rows [first, first + count). */
interface Segment {
  readonly first: number;
  readonly count: number;
}

/** A node of a pass, with its position and its cache rows. */
interface PlacedNode {
  readonly node: number;
  readonly id: number;
  readonly position: number;
  /** Cache row of the node's key and value. */
  readonly row: number;
  /** Cache rows of the node's sequence, from the start to the node itself, in the order of positions. */
  readonly path: readonly Segment[];
}

/** A trie of running sequences. Calls at the same time wait for each other, and disposal ends the running one, as with `Session`. */
export class TreeSession implements Disposable {
  readonly model: Runnable;
  readonly context: number;
  readonly #state: State;
  readonly #tapes: TapeShelf;
  readonly #rows: RowPool;
  readonly #calls: Calls;
  /** Ids of the path: the last node and all its ancestors. */
  #ids: number[] = [];
  #pathRows: number[] = [];
  #segments: Segment[] = [];
  /** Rows to free after the pass, whose tokens may still read them. */
  #retired: number[] = [];

  constructor(model: Runnable, options: TreeSessionOptions = {}) {
    const { machine, config } = model;
    const { maxPositions } = config;
    this.model = model;
    this.context = checkContext(options.context ?? maxPositions, maxPositions);
    const capacity = checkBatch(options.batch ?? DEFAULT_BATCH);
    // A path may be as long as the context while the pass fills further rows.
    const cacheRows = this.context + capacity;
    const cells = { capacity, cacheRows, positions: this.context, segmentRoom: 4 * capacity + this.context };
    const logitRows = Math.min(LOGIT_ROWS, capacity);
    this.#calls = new Calls("session", machine.jobs);
    this.#state = createState(model, { ...cells, logitRows, cache: model.cache });
    this.#rows = new RowPool(cacheRows);
    const { store } = model.weights;
    this.#tapes = new TapeShelf({ store, begin: (tokens) => this.#pass(tokens) });
  }

  /** Ids of the sequence whose keys and values are in the cache. A tree may continue after any of them. */
  get path(): readonly number[] {
    return this.#ids;
  }

  /**
   * Computes all nodes and calls back with the wanted logits. Yields to the event loop every few milliseconds.
   * @throws UsageError for an id out of range or nodes that do not form a tree within the context; NumericsError for logits
   * that are not finite. After an error in a pass, the path is empty.
   */
  evaluate(tree: TokenTree, turns: Turns, onLogits: (logits: NodeLogits) => void): Promise<void> {
    return this.#calls.run("evaluate", turns, async (own) => {
      checkIds(tree.ids, this.model.config.vocabSize);
      this.#checkDepths(tree.depths);
      try {
        for (let done = 0; done < tree.ids.length; ) done += await this.#runPass(tree, done, own, onLogits);
      } catch (error) {
        this.#forget();
        throw error;
      }
    });
  }

  /** Frees the session's memory, once nothing runs on it. */
  [Symbol.dispose](): void {
    this.#calls.close(() => this.#state[Symbol.dispose]());
  }

  #checkDepths(depths: Int32Array): void {
    let most = this.#ids.length;
    depths.forEach((depth, node) => {
      if (depth < 0 || depth > most || depth >= this.context)
        throw new UsageError(`depth of node ${node}`, String(depth), `0 to ${Math.min(most, this.context - 1)}`);
      most = depth + 1;
    });
  }

  /** Computes one pass of nodes, beginning at node `from`. @returns the number of nodes. */
  async #runPass(tree: TokenTree, from: number, turns: Turns, onLogits: (l: NodeLogits) => void): Promise<number> {
    const { capacity, segmentRoom, logitRows } = this.#state;
    const plain: PlacedNode[] = [];
    const wanted: PlacedNode[] = [];
    let segments = 0;
    for (let node = from; node < tree.ids.length && node - from < capacity; node++) {
      const place = this.#step(node, tree.ids[node], tree.depths[node]);
      (tree.wanted[node] === 1 ? wanted : plain).push(place);
      segments += place.path.length;
      // The next node may need as many segments as this one, and one more.
      if (segments + place.path.length + 1 > segmentRoom) break;
    }
    // Nodes whose logits are wanted come last, so that they are adjacent.
    const places = [...plain, ...wanted];
    this.#place(places);
    await this.#tapes.play(places.length, 0, turns);
    for (let done = 0; done < wanted.length; done += logitRows) {
      const nodes = wanted.slice(done, done + logitRows).map((place) => place.node);
      await this.#head(places.length, plain.length + done, nodes.length, turns);
      onLogits({ ptr: this.#state.logits, ld: stride(this.model.config.vocabSize), nodes });
    }
    for (const row of this.#retired) this.#rows.release(row);
    this.#retired = [];
    return places.length;
  }

  #place(nodes: readonly PlacedNode[]): void {
    const places = this.#state.tokens;
    places.begin();
    for (const { id, position, row, path } of nodes) {
      places.token(id, position, row);
      for (const { first, count } of path) places.segment(first, count);
    }
    places.end();
  }

  async #head(tokens: number, first: number, rows: number, turns: Turns): Promise<void> {
    const pass = this.#pass(tokens);
    await playHead(pass, turns, rows, first);
    const row = findNotFinite(this.model, this.#state, rows);
    if (row >= 0) throw overflowError(this.model, `logits of row ${row} of a pass`);
  }

  /** Extends the path by a node of the given depth. */
  #step(node: number, id: number, depth: number): PlacedNode {
    if (depth < this.#ids.length) this.#cut(depth);
    const row = this.#rows.take();
    this.#ids.push(id);
    this.#pathRows.push(row);
    const last = this.#segments.at(-1);
    if (last !== undefined && last.first + last.count === row)
      this.#segments[this.#segments.length - 1] = { first: last.first, count: last.count + 1 };
    else this.#segments.push({ first: row, count: 1 });
    return { node, id, position: depth, row, path: [...this.#segments] };
  }

  /** Cuts the path to its first `depth` nodes. */
  #cut(depth: number): void {
    this.#retired.push(...this.#pathRows.splice(depth));
    let extra = this.#ids.length - depth;
    this.#ids.length = depth;
    while (extra > 0) {
      const { first, count } = this.#segments.pop() as Segment;
      if (count > extra) this.#segments.push({ first, count: count - extra });
      extra -= Math.min(count, extra);
    }
  }

  #forget(): void {
    this.#ids = [];
    this.#pathRows = [];
    this.#segments = [];
    this.#retired = [];
    this.#rows.clear();
  }

  #pass(tokens: number): Pass {
    return createPass(this.model, this.#state, tokens, this.context / 2);
  }
}
