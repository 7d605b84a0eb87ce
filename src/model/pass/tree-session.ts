/**
 * Sequences that share beginnings, each beginning computed once. They come as a trie of tokens and are cut into passes of one
 * size, whatever sequence a token belongs to: short sequences keep the matmuls as busy as long ones.
 */
import { UsageError } from "../../base/errors.ts";
import type { Turns } from "../../base/turns.ts";
import { stride } from "../../tensor/matrix.ts";
import { Calls } from "../../wasm/calls.ts";
import { checkBatch, checkContext, checkIds } from "./check-session.ts";
import { createPass, type Pass, type Runnable, recordHead } from "./forward.ts";
import { findNotFinite, overflowError } from "./overflow.ts";
import { createState, type State } from "./pass-state.ts";
import { RowPool } from "./row-pool.ts";
import { TapeShelf } from "./tape-shelf.ts";

/** A trie, depth first: a node's parent is the last node before it that is one less deep. */
export interface TokenTree {
  readonly ids: Int32Array;
  /** Position of each node. The first node continues the path that the session holds, from its own depth on. */
  readonly depths: Int32Array;
  /** 1 where logits are wanted. */
  readonly wanted: Uint8Array;
}

/** Logits after some nodes; valid during the call only. */
export interface NodeLogits {
  /** f32 [nodes.length, vocabSize], row stride `ld` elements. */
  readonly ptr: number;
  readonly ld: number;
  readonly nodes: readonly number[];
}

export interface TreeSessionOptions {
  /** Longest sequence. Default: the model's context. */
  readonly context?: number;
  /** Tokens of one pass. Results do not depend on it. Default 256. */
  readonly batch?: number;
}

/** Rows of logits at a time: enough for the head's matmul, few enough for a large vocabulary. */
const LOGIT_ROWS = 64;
const DEFAULT_BATCH = 256;

/** Cache rows [first, first + count). */
interface Segment {
  readonly first: number;
  readonly count: number;
}

/** A node of a pass and where it stands. */
interface PlacedNode {
  readonly node: number;
  readonly id: number;
  readonly position: number;
  /** Cache row of its own key and value. */
  readonly row: number;
  /** Cache rows of its sequence from its start to the node itself, in the order of positions. */
  readonly path: readonly Segment[];
}

/** Calls at once and disposal as with `Session`. */
export class TreeSession implements Disposable {
  readonly model: Runnable;
  readonly context: number;
  readonly #state: State;
  readonly #tapes: TapeShelf;
  readonly #rows: RowPool;
  readonly #calls: Calls;
  /** The last node with all its ancestors. */
  #ids: number[] = [];
  #pathRows: number[] = [];
  #segments: Segment[] = [];
  /** Rows to free after the pass: its tokens may still read them. */
  #retired: number[] = [];

  constructor(model: Runnable, options: TreeSessionOptions = {}) {
    const { machine, config } = model;
    const { maxPositions } = config;
    this.model = model;
    this.context = checkContext(options.context ?? maxPositions, maxPositions);
    const capacity = checkBatch(options.batch ?? DEFAULT_BATCH);
    // A path may be as long as the context while its own pass fills other rows.
    const cacheRows = this.context + capacity;
    const cells = { capacity, cacheRows, positions: this.context, segmentRoom: 4 * capacity + this.context };
    const logitRows = Math.min(LOGIT_ROWS, capacity);
    this.#calls = new Calls("session", machine.jobs);
    this.#state = createState(model, { ...cells, logitRows });
    this.#rows = new RowPool(cacheRows);
    const { store } = model.weights;
    const { memory } = this.#state;
    this.#tapes = new TapeShelf({ store, memory, begin: (tokens) => this.#pass(tokens), head: false });
  }

  /** Ids of the sequence whose keys and values are at hand: a tree may continue from any place of it. */
  get path(): readonly number[] {
    return this.#ids;
  }

  /**
   * Computes all nodes, calling back with the wanted logits. Gives way to the event loop while it works.
   * @throws UsageError for an id out of range or nodes that do not form a tree within the context; NumericsError for logits
   * that are not finite. The session then holds no path.
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

  /** Returns the session's memory, once nothing runs on it. */
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

  /** @returns how many nodes it took. */
  async #runPass(tree: TokenTree, from: number, turns: Turns, onLogits: (l: NodeLogits) => void): Promise<number> {
    const { capacity, segmentRoom, logitRows } = this.#state;
    const plain: PlacedNode[] = [];
    const wanted: PlacedNode[] = [];
    let segments = 0;
    for (let node = from; node < tree.ids.length && node - from < capacity; node++) {
      const place = this.#step(node, tree.ids[node], tree.depths[node]);
      (tree.wanted[node] === 1 ? wanted : plain).push(place);
      segments += place.path.length;
      // The next one may bring as many segments again and one more.
      if (segments + place.path.length + 1 > segmentRoom) break;
    }
    // Those whose logits are wanted stand at the end, side by side.
    const places = [...plain, ...wanted];
    this.#place(places);
    await this.#tapes.play(places.length, turns);
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
    recordHead(pass, rows, first);
    await pass.emit.tape.runInTurns(turns);
    const row = findNotFinite(this.model, this.#state, rows);
    if (row >= 0) throw overflowError(this.model, `logits of row ${row} of a pass`);
  }

  /** Moves the path to a node of the given depth. */
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

  /** Leaves the first `depth` nodes of the path. */
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
