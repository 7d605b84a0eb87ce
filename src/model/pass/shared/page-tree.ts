/**
 * Keeps track of the pages of a cache. A page is a few adjacent cache rows. Full pages form a trie by their tokens and those before them:
 * a sequence that begins with the same tokens uses the same pages. Pages that nobody uses stay in the trie until their rows are needed.
 */

/** Cache rows of a page: sequences share beginnings in multiples of it. */
export const PAGE_ROWS = 16;

/** The pages of a cache, and which of them hold known tokens. */
export interface Page {
  /** It has the cache rows from `PAGE_ROWS * index` on. */
  readonly index: number;
  /** Sequences that use it. */
  users: number;
  /** When somebody last used it, by the tree's own count. */
  used: number;
  /** The page before it and the ids of its tokens, once it is full and in the tree. */
  parent: Page | undefined;
  key: string | undefined;
  readonly children: Map<string, Page>;
}

export class PageTree {
  readonly #pages: readonly Page[];
  /** First pages of texts. */
  readonly #roots: Map<string, Page> = new Map();
  #clock = 0;

  constructor(pages: number) {
    this.#pages = Array.from({ length: pages }, (_, index) => ({
      ...{ index, users: 0, used: 0, parent: undefined, key: undefined },
      children: new Map(),
    }));
  }

  /** Number of all pages. */
  get size(): number {
    return this.#pages.length;
  }

  /** Number of pages that sequences use. */
  get usedPages(): number {
    return this.#pages.reduce((count, { users }) => count + (users > 0 ? 1 : 0), 0);
  }

  /**
   * Takes a page, next to the page `before` where that is possible, so that the rows of a sequence are mostly adjacent.
   * @returns undefined if sequences use all pages.
   */
  take(before: Page | undefined): Page | undefined {
    const next = before === undefined ? undefined : this.#pages[before.index + 1];
    const isNextFree = next !== undefined && isFree(next);
    if (!isNextFree && !this.#pages.some(isFree)) this.#evict();
    const page = isNextFree ? next : this.#freePage();
    if (page !== undefined) this.use(page);
    return page;
  }

  use(page: Page): void {
    page.users++;
    page.used = ++this.#clock;
  }

  /** The rows of a page that is in the tree stay as they are until another sequence needs them. */
  release(page: Page): void {
    page.users--;
    page.used = ++this.#clock;
  }

  /** The full page after `parent` (the first of a text without one) that holds `PAGE_ROWS` tokens of `ids` from `from` on. */
  find(parent: Page | undefined, ids: readonly number[], from: number): Page | undefined {
    return this.#childrenOf(parent).get(pageKey(ids, from));
  }

  /**
   * Tells the tree that a page is full. If it has a page with the same rows already, the caller uses that one and no longer this one.
   * @returns the page to use.
   */
  publish(page: Page, parent: Page | undefined, ids: readonly number[], from: number): Page {
    const known = this.find(parent, ids, from);
    if (known !== undefined && known !== page) {
      this.use(known);
      this.release(page);
      return known;
    }
    page.parent = parent;
    page.key = pageKey(ids, from);
    this.#childrenOf(parent).set(page.key, page);
    return page;
  }

  #childrenOf(parent: Page | undefined): Map<string, Page> {
    return parent === undefined ? this.#roots : parent.children;
  }

  /** The middle of the longest run of free pages, or its beginning where nothing is before it: the sequence before may grow too. */
  #freePage(): Page | undefined {
    let [best, length] = [0, 0];
    for (let at = 0; at < this.#pages.length; at++) {
      const first = at;
      while (at < this.#pages.length && isFree(this.#pages[at])) at++;
      if (at - first > length) [best, length] = [first, at - first];
    }
    if (length === 0) return undefined;
    return this.#pages[best === 0 ? 0 : best + (length >> 1)];
  }

  /**
   * Frees the page that was used longest ago, of those that nobody uses and no other page follows, and what only it continues: a whole
   * text makes room at once, so that the next one finds adjacent rows.
   */
  #evict(): void {
    let oldest: Page | undefined;
    for (const page of this.#pages)
      if (page.users === 0 && page.children.size === 0 && (oldest === undefined || page.used < oldest.used))
        oldest = page;
    while (oldest?.key !== undefined && oldest.users === 0 && oldest.children.size === 0) {
      const { parent, key }: Page = oldest;
      this.#childrenOf(parent).delete(key as string);
      oldest.parent = undefined;
      oldest.key = undefined;
      oldest = parent;
    }
  }
}

function isFree({ users, key }: Page): boolean {
  return users === 0 && key === undefined;
}

/** The tokens of a page in one word; `PageTree` compares pages by it. */
export function pageKey(ids: readonly number[], from: number): string {
  return ids.slice(from, from + PAGE_ROWS).join();
}
