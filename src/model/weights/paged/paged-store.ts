/**
 * A store whose experts are read from the checkpoint when the router asks for them. All other weights stay in memory. Experts are evicted
 * when the engine's memory would exceed a limit: those that are expected to be needed last (`next-use.ts`). Results do not depend on it.
 */
import { MemoryError } from "../../../base/errors.ts";
import { groupBy } from "../../../base/group-by.ts";
import type { Turns } from "../../../base/turns.ts";
import type { StoredMatrix } from "../../../format/codecs/codec.ts";
import { ReadAhead } from "../../../format/read-ahead.ts";
import type { Machine } from "../../../wasm/machine.ts";
import type { Linear } from "../linears.ts";
import type { StoredLinear } from "../locate.ts";
import { WeightStore } from "../weight-store.ts";
import { NextUse } from "./next-use.ts";

/** What paging has done so far, and what it may take. */
export interface PagingFacts {
  /** Most bytes of the engine's memory: weights, and the buffers and caches of sessions. */
  readonly limitBytes: number;
  /** Bytes of the weights that are in memory, and how many experts are among them. */
  readonly residentBytes: number;
  readonly experts: number;
  /** How often a pass needed an expert, and how often it was not in memory. */
  readonly uses: number;
  readonly misses: number;
  /** Bytes of the checkpoint that were read for them, and experts that made room. */
  readonly readBytes: number;
  readonly evictions: number;
}

/** The linears of one expert, which are loaded and evicted together. */
interface ExpertPage {
  readonly layer: number;
  readonly expert: number;
  readonly linears: readonly Linear[];
  readonly bytes: number;
  readonly diskBytes: number;
  /** How many passes are about to compute it. */
  holds: number;
}

/** Each of an expert's blocks of memory begins at a cache line. */
const LINE_BYTES = 64;

export interface PagedStoreOptions {
  /** Most bytes of the engine's memory. */
  readonly limitBytes: number;
  /** Experts to which a token is sent. */
  readonly topK: number;
  readonly warn?: (sentence: string) => void;
}

export class PagedStore extends WeightStore {
  readonly #machine: Machine;
  readonly #limitBytes: number;
  readonly #pages: ReadonlyMap<string, ExpertPage>;
  readonly #loaded: Set<ExpertPage> = new Set();
  readonly #next: NextUse;
  readonly #stagingBytes: number;
  /** Settles when the hold that was asked for last has its experts: holds load one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** Passes that hold experts, or are about to. */
  #holders = 0;
  /** Wakes the pass that waits until another one has computed its experts. */
  #onRelease: (() => void) | undefined;
  /** Memory for reading ahead. */
  readonly #rooms: Uint8Array[] = [];
  readonly #counts: { uses: number; misses: number; readBytes: number; evictions: number } = {
    ...{ uses: 0, misses: 0, readBytes: 0, evictions: 0 },
  };

  constructor(machine: Machine, stored: readonly StoredLinear[], { limitBytes, topK, warn }: PagedStoreOptions) {
    super(machine, stored, warn);
    this.#machine = machine;
    this.#limitBytes = limitBytes;
    const experts = this.linears.filter((linear) => !this.isKept(linear));
    this.#pages = new Map(pagesOf(experts, (linear) => this.storedOf(linear)).map((page) => [keyOf(page), page]));
    this.#stagingBytes = Math.max(0, ...experts.map((linear) => this.storedOf(linear).stagingBytes));
    const layers = new Set(experts.map(({ layer }) => layer));
    const count = 1 + Math.max(-1, ...experts.map(({ expert }) => expert));
    this.#next = new NextUse([...layers], count, count === 0 ? 1 : topK / count);
  }

  override get needsRoutes(): boolean {
    return this.#pages.size > 0;
  }

  override isKept({ role }: Linear): boolean {
    return role !== "expert";
  }

  get paging(): PagingFacts {
    return { limitBytes: this.#limitBytes, residentBytes: this.bytes, experts: this.#loaded.size, ...this.#counts };
  }

  override hold(layer: number, experts: ReadonlySet<number>, turns: Turns): Promise<Disposable> {
    const held = this.#last.then(() => this.#holdNow(layer, experts, turns));
    this.#last = held.catch(() => {});
    return held;
  }

  /** @throws MemoryError if the experts do not fit beside what stays in memory; the errors of reading. */
  async #holdNow(layer: number, experts: ReadonlySet<number>, turns: Turns): Promise<Disposable> {
    turns.check();
    const pages = [...experts]
      .sort((a, b) => a - b)
      .map((expert) => this.#pages.get(keyOf({ layer, expert })) as ExpertPage);
    this.#next.visit(layer, experts);
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

  async #loadPages(pages: readonly ExpertPage[], turns: Turns): Promise<void> {
    await this.#makeRoom(pages, turns);
    const linears = pages.flatMap((page) => page.linears);
    const ahead = new ReadAhead(
      linears.map((linear) => this.storedOf(linear).reads()),
      this.#rooms,
    );
    try {
      await this.loadRuns(linears, turns);
      let plan = 0;
      for (const page of pages) {
        for (const linear of page.linears) await this.load(linear, turns, ahead.readerOf(plan++));
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

  /** Evicts experts until these fit. */
  async #makeRoom(pages: readonly ExpertPage[], turns: Turns): Promise<void> {
    const need = pages.reduce((sum, { bytes }) => sum + bytes, this.#stagingBytes);
    for (;;) {
      const askedBytes = this.#machine.arena.used + need;
      if (askedBytes <= this.#limitBytes) return;
      const last = this.#neededLast();
      if (last !== undefined) this.#evictPage(last);
      else if (this.#holders > 1) await this.#released(turns);
      else throw new MemoryError(`experts of layer ${pages[0].layer}`, { askedBytes, limitBytes: this.#limitBytes });
    }
  }

  /** The loaded expert that is expected to be needed last, of those that no pass is about to compute. */
  #neededLast(): ExpertPage | undefined {
    let found: ExpertPage | undefined;
    let most = -1;
    for (const page of this.#loaded) {
      if (page.holds > 0) continue;
      const until = this.#next.layersUntil(page.layer, page.expert);
      if (until <= most) continue;
      most = until;
      found = page;
    }
    return found;
  }

  #evictPage(page: ExpertPage): void {
    for (const linear of page.linears) this.evict(linear);
    this.#loaded.delete(page);
    this.#counts.evictions++;
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

function keyOf({ layer, expert }: Pick<ExpertPage, "layer" | "expert">): string {
  return `${layer}/${expert}`;
}

function pagesOf(experts: readonly Linear[], storedOf: (linear: Linear) => StoredMatrix): readonly ExpertPage[] {
  return [...groupBy(experts, keyOf).values()].map((linears) => {
    const stored = linears.map(storedOf);
    const [{ layer, expert }] = linears;
    return {
      ...{ layer, expert, linears, holds: 0 },
      bytes: linears.reduce((sum, linear, at) => sum + stored[at].memoryBytes + besides(linear, stored[at]), 0),
      diskBytes: stored.reduce((sum, { diskBytes }) => sum + diskBytes, 0),
    };
  });
}

/** A permutation of the columns and a bias come on top of panels, unless they are counted with them. */
function besides({ rows, cols }: Linear, { lying }: StoredMatrix): number {
  return LINE_BYTES + (lying === undefined ? 4 * (rows + cols) : 0);
}
