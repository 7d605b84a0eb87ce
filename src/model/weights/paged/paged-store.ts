/**
 * A store that reads weights from the checkpoint when a pass needs them: experts when the router asks for them, and on request all other
 * weights too. Where the engine's memory would exceed a limit, it evicts what is expected to be needed last (`next-use.ts`). Results do
 * not depend on it.
 */
import { MemoryError } from "../../../base/errors.ts";
import type { Turns } from "../../../base/turns.ts";
import { ReadAhead } from "../../../format/read-ahead.ts";
import type { Machine } from "../../../wasm/machine.ts";
import { inLanes } from "../in-lanes.ts";
import type { Linear } from "../linears.ts";
import type { StoredLinear } from "../locate.ts";
import { type JobRoom, WeightStore } from "../weight-store.ts";
import { LimitShares } from "./limit-shares.ts";
import { NextUse } from "./next-use.ts";
import { looseBytes, pagesOf, partsWithin, placesOf, type WeightPage } from "./pages.ts";
import type { PagedStoreOptions, Paging, PagingFacts } from "./paging-facts.ts";

export class PagedStore extends WeightStore {
  readonly #machine: Machine;
  readonly #limits: LimitShares;
  readonly #paging: Paging;
  /** The page of each linear that is not kept. */
  readonly #pages: ReadonlyMap<object, WeightPage>;
  readonly #loaded: Set<WeightPage> = new Set();
  readonly #next: NextUse;
  readonly #stagingBytes: number;
  /** Settles when the hold that was asked for last has its pages: holds load one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** Passes that hold pages, or are about to. */
  #holders = 0;
  /** Wakes the pass that waits until another one has computed its pages. */
  #onRelease: (() => void) | undefined;
  /** Memory for reading ahead. */
  readonly #rooms: Uint8Array[] = [];
  readonly #counts: { uses: number; misses: number; readBytes: number; evictions: number } = {
    ...{ uses: 0, misses: 0, readBytes: 0, evictions: 0 },
  };

  constructor(machine: Machine, stored: readonly StoredLinear[], options: PagedStoreOptions) {
    super(machine, stored, options.warn);
    const { limitBytes, topK, paging = "experts" } = options;
    this.#machine = machine;
    this.#limits = new LimitShares(limitBytes, paging);
    this.#paging = paging;
    const places = placesOf(this.linears);
    const experts = 1 + Math.max(...this.linears.map(({ expert }) => expert));
    const paged = this.linears.filter((linear) => !this.isKept(linear));
    const pages = pagesOf(paged, (linear) => this.storedOf(linear), places);
    this.#pages = new Map(pages.flatMap((page) => page.linears.map((linear) => [linear, page] as const)));
    this.#stagingBytes = Math.max(0, ...paged.map((linear) => this.storedOf(linear).stagingBytes));
    this.#next = new NextUse({ places, experts, share: experts === 0 ? 1 : topK / experts });
    this.#setLimit();
  }

  override get isPaged(): boolean {
    return this.#pages.size > 0;
  }

  override isKept({ role }: Linear): boolean {
    return this.#paging === "experts" && role !== "expert";
  }

  override get paging(): PagingFacts {
    const experts = [...this.#loaded].filter(({ expert }) => expert >= 0).length;
    return { limitBytes: this.#limits.mostBytes, residentBytes: this.bytes, experts, ...this.#counts };
  }

  override hold(linears: readonly Linear[], turns: Turns): Promise<Disposable> {
    const pages = this.#pagesOf(linears);
    if (pages.length === 0) return super.hold(linears, turns);
    const held = this.#last.then(() => this.#holdNow(pages, turns));
    this.#last = held.catch(() => {});
    return held;
  }

  #setLimit(): void {
    this.#machine.arena.limit = { bytes: this.#limits.cacheBytes, reclaim: (bytes) => this.#reclaim(bytes) };
  }

  override roomFor(outside: number): JobRoom {
    const largest = Math.max(0, ...[...this.#pages.values()].map(({ bytes }) => bytes)) + this.#stagingBytes;
    return this.#limits.roomFor(outside, this.#keptBytes, largest);
  }

  override beginJob(outside: number): Disposable {
    const end = this.#limits.begin(outside);
    this.#setLimit();
    this.#reclaim(this.#machine.arena.used - this.#limits.cacheBytes);
    return {
      [Symbol.dispose]: () => {
        end();
        this.#setLimit();
      },
    };
  }

  override hasPage(linear: Linear): boolean {
    return this.#pageOf(linear) !== undefined;
  }

  override partsOf(linears: readonly Linear[]): readonly (readonly Linear[])[] {
    const pages = this.#pagesOf(linears).map(({ bytes }) => bytes);
    const room = this.#limits.partBytes(this.#keptBytes + this.#stagingBytes, pages);
    return partsWithin(linears, (linear) => this.#pageOf(linear), room);
  }

  /** Bytes that cannot be evicted now. */
  get #keptBytes(): number {
    return this.#machine.arena.used - [...this.#loaded].reduce((sum, page) => sum + looseBytes(page), 0);
  }

  #pagesOf(linears: readonly Linear[]): readonly WeightPage[] {
    const pages = new Set(linears.map((linear) => this.#pageOf(linear)));
    return [...pages].filter((page) => page !== undefined);
  }

  /** Jobs have linears of their own, which follow the store's until they are given other matrices. */
  #pageOf(linear: Linear): WeightPage | undefined {
    for (let at: object = linear; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
      const page = this.#pages.get(at);
      if (page !== undefined || Object.hasOwn(at, "matrix")) return page;
    }
    return undefined;
  }

  /** @throws MemoryError if the pages do not fit beside what stays in memory; the errors of reading. */
  async #holdNow(pages: readonly WeightPage[], turns: Turns): Promise<Disposable> {
    turns.check();
    this.#next.visit(pages[0].place);
    const chosen = pages.filter(({ expert }) => expert >= 0);
    if (chosen.length > 0) this.#next.choose(chosen[0].place, new Set(chosen.map(({ expert }) => expert)));
    for (const page of pages) page.holds++;
    this.#holders++;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      for (const page of pages) page.holds--;
      this.#holders--;
      this.#onRelease?.();
    };
    try {
      const missing = pages.filter((page) => !this.#loaded.has(page));
      this.#counts.uses += pages.length;
      this.#counts.misses += missing.length;
      if (missing.length > 0) await this.#loadPages(missing, turns);
      return { [Symbol.dispose]: release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #loadPages(pages: readonly WeightPage[], turns: Turns): Promise<void> {
    await this.#makeRoom(pages, turns);
    const linears = pages.flatMap((page) => page.linears);
    const ahead = new ReadAhead(
      linears.map((linear) => this.storedOf(linear).reads()),
      this.#rooms,
    );
    try {
      // A run of a page at a time: its memory is free as soon as the page is evicted.
      await inLanes(pages, (page) => this.loadRuns(page.linears, turns));
      let plan = 0;
      for (const page of pages) {
        for (const linear of page.linears) await this.load(linear, turns, ahead.readerOf(plan++));
      }
      // Bytes of another file would give wrong numbers, not an error.
      const tensors = linears.flatMap((linear) => this.storedOf(linear).tensors);
      for (const source of new Set(tensors.map((tensor) => tensor.source))) await source.requireUnchanged?.();
      for (const page of pages) {
        this.#loaded.add(page);
        this.#counts.readBytes += page.diskBytes;
      }
    } catch (error) {
      for (const page of pages) if (!this.#loaded.has(page)) for (const linear of page.linears) this.evict(linear);
      throw error;
    } finally {
      await ahead.end();
    }
  }

  /** Evicts pages until these fit. */
  async #makeRoom(pages: readonly WeightPage[], turns: Turns): Promise<void> {
    const need = pages.reduce((sum, { bytes }) => sum + bytes, this.#stagingBytes);
    const over = (bytes: number) => this.#machine.arena.used + need - bytes;
    for (;;) {
      const { cacheBytes, engineBytes } = this.#limits;
      if (over(cacheBytes) <= 0 || this.#reclaim(over(cacheBytes)) || over(engineBytes) <= 0) return;
      if (this.#holders > 1) await this.#released(turns);
      else throw new MemoryError(nameOf(pages[0]), { askedBytes: over(0), limitBytes: engineBytes });
    }
  }

  /** Evicts pages until this many bytes are free. @returns false if there were not enough. */
  #reclaim(bytes: number): boolean {
    const enough = this.#machine.arena.used - bytes;
    while (this.#machine.arena.used > enough) {
      const last = this.#neededLast();
      if (last === undefined) return false;
      for (const linear of last.linears) this.evict(linear);
      this.#loaded.delete(last);
      this.#counts.evictions++;
    }
    return true;
  }

  /** The loaded page that is expected to be needed last, of those that no pass is about to compute. */
  #neededLast(): WeightPage | undefined {
    let found: WeightPage | undefined;
    let most = -1;
    for (const page of this.#loaded) {
      if (page.holds > 0) continue;
      const until = this.#next.stepsUntil(page.place, page.expert);
      if (until <= most) continue;
      most = until;
      found = page;
    }
    return found;
  }

  async #released(turns: Turns): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onRelease = resolve;
    });
    this.#onRelease = undefined;
    turns.check();
  }

  /** Frees all memory of the store. */
  override [Symbol.dispose](): void {
    this.#loaded.clear();
    super[Symbol.dispose]();
  }
}

/** What a page is, for errors. */
function nameOf({ expert, layer, linears }: WeightPage): string {
  return expert < 0 ? linears[0].name : `experts of layer ${layer}`;
}
