/** Merges a word. The library's own way takes about 20 microseconds a character, cannot pause, and knows no merges of the same rank. */
import { MinHeap } from "./min-heap.ts";
import type { Work } from "./stepwise.ts";

const PLACE_LIMIT = 2 ** 29;
const ID_LIMIT = 2 ** 24;
const STEPS_BETWEEN_PAUSES = 20_000;

export interface BytePairs {
  readonly ids: ReadonlyMap<string, number>;
  readonly merges: readonly (readonly [string, string])[];
  readonly ranks?: readonly number[];
  readonly suffix: string;
}

/** The rank and the result of a merge of two ids. */
interface Merge {
  readonly rank: number;
  readonly result: number;
}

export class LongWords {
  readonly #pairs: BytePairs;
  #merges: ReadonlyMap<number, Merge> | undefined;

  constructor(pairs: BytePairs) {
    this.#pairs = pairs;
  }

  /** Appends the tokens of a word to `into`; a character that is not a token stands for itself. */
  *merge(word: string, into: string[]): Work {
    const tokens = [...word];
    tokens[tokens.length - 1] += this.#pairs.suffix;
    const ids = Int32Array.from(tokens, (token) => this.#pairs.ids.get(token) ?? -1);
    this.#merges ??= tableOf(this.#pairs);
    const chain = new Chain(ids, this.#merges);
    yield* chain.merge();
    for (let at = 0; at >= 0; at = chain.next[at]) {
      const end = chain.next[at] < 0 ? tokens.length : chain.next[at];
      into.push(end === at + 1 ? tokens[at] : tokens.slice(at, end).join(""));
    }
  }
}

function tableOf({ ids, merges, ranks }: BytePairs): ReadonlyMap<number, Merge> {
  const table = new Map<number, Merge>();
  merges.forEach(([left, right], place) => {
    const rank = ranks === undefined ? place : ranks[place];
    table.set(ids.get(left)! * ID_LIMIT + ids.get(right)!, { rank, result: ids.get(left + right)! });
  });
  return table;
}

/** A list of symbols, and a heap of the pairs that may merge, by rank and then from the left; pairs that are gone are skipped. */
class Chain {
  readonly next: Int32Array;
  readonly #previous: Int32Array;
  readonly #ids: Int32Array;
  readonly #merges: ReadonlyMap<number, Merge>;
  readonly #heap = new MinHeap();

  constructor(ids: Int32Array, merges: ReadonlyMap<number, Merge>) {
    this.#ids = ids;
    this.#merges = merges;
    this.next = Int32Array.from(ids, (_, at) => (at + 1 < ids.length ? at + 1 : -1));
    this.#previous = Int32Array.from(ids, (_, at) => at - 1);
  }

  *merge(): Work {
    for (let at = 0; at < this.#ids.length; at++) {
      this.#consider(at);
      if (at % STEPS_BETWEEN_PAUSES === 0) yield undefined;
    }
    for (let done = 1; this.#heap.size > 0; done++) {
      if (done % STEPS_BETWEEN_PAUSES === 0) yield undefined;
      const top = this.#heap.pop();
      const rank = Math.floor(top / PLACE_LIMIT);
      const at = top - rank * PLACE_LIMIT;
      const merge = this.#mergeAt(at);
      if (merge?.rank === rank) this.#apply(at, merge.result);
    }
  }

  #apply(at: number, result: number): void {
    const gone = this.next[at];
    const after = this.next[gone];
    this.#ids[at] = result;
    this.#ids[gone] = -1;
    this.next[at] = after;
    if (after >= 0) this.#previous[after] = at;
    if (this.#previous[at] >= 0) this.#consider(this.#previous[at]);
    this.#consider(at);
  }

  #consider(at: number): void {
    const merge = this.#mergeAt(at);
    if (merge !== undefined) this.#heap.push(merge.rank * PLACE_LIMIT + at);
  }

  #mergeAt(at: number): Merge | undefined {
    const after = this.next[at];
    if (after < 0 || this.#ids[at] < 0 || this.#ids[after] < 0) return undefined;
    return this.#merges.get(this.#ids[at] * ID_LIMIT + this.#ids[after]);
  }
}
