/** The leader's side of shared calls: it opens groups of calls, computes what no helper has claimed, and waits for what helpers have. */
import { UsageError } from "../../base/errors.ts";
import { CONTROL, chunksOf, computeChunk, type Desk } from "./teamwork.ts";

const { open, group, calls, base, next, done, isLeaderAsleep, asleep, patience, delayed } = CONTROL;

/** Microseconds without work after which a thread sleeps: longer than sampling a token takes, since waking a thread takes about as long. */
const PATIENCE = 200;
/** A second. */
const MOST_PATIENCE = 1_000_000;
/** Microseconds without work after which a thread sleeps, at most, while other programs want the cores: a thread that only looks for work takes time from threads that have some. */
const CROWDED_PATIENCE = 10;
/** Milliseconds for which other programs are taken to want the cores, after two delays within a fifth of it. */
const CROWDED_TIME = 100;
/** Milliseconds after which a thread that did not wake, or did not finish its chunk, has no core. */
const LATE = 1;

const pause: (() => void) | undefined = (Atomics as { pause?: () => void }).pause;

/** @throws UsageError for a patience out of range. */
export function checkPatience(patience: number = PATIENCE): number {
  if (Number.isInteger(patience) && patience >= 0 && patience <= MOST_PATIENCE) return patience;
  throw new UsageError("patience", String(patience), `whole microseconds from 0 to ${MOST_PATIENCE}`);
}

export class Lead {
  readonly #control: Int32Array;
  readonly #desk: Desk;
  readonly #mayWait: boolean;
  readonly #patience: number;
  /** The clock's time until which other programs are taken to want the cores, and that of the last delay. */
  #crowdedUntil = 0;
  #delayedAt = 0;
  /** When helpers were woken of which some still sleep; 0: none do. */
  #wokenAt = 0;

  /** @param waiting whether this thread may sleep in Atomics.wait (a browser page's may not), and microseconds without work before a thread does. */
  constructor(
    control: Int32Array,
    desk: Desk,
    { mayWait, patience: most }: { readonly mayWait: boolean; readonly patience: number },
  ) {
    this.#control = control;
    this.#desk = desk;
    this.#mayWait = mayWait;
    this.#patience = most;
  }

  /** Plays `count` calls from word `at` on. @returns the error that a kernel threw on this thread, if any; later calls are left out then. */
  play(words: Int32Array, at: number, count: number): unknown {
    const { most } = this.#desk;
    const end = at + count * 16;
    this.#setPatience();
    for (let from = at; from < end; ) {
      let chunks = chunksOf(words, from, most);
      let to = from + 16;
      for (; to < end && (words[to + 3] & 1) === 1; to += 16) chunks += chunksOf(words, to, most);
      let failure: unknown;
      if (chunks === 1) failure = this.#compute(words, from, 0);
      else if (chunks > 1) failure = this.#share(words, from, (to - from) >>> 4, chunks);
      if (failure !== undefined) return failure;
      from = to;
    }
    return undefined;
  }

  /** Opens a group of calls and computes what no helper claims. Returns when all chunks are done. */
  #share(words: Int32Array, at: number, count: number, chunks: number): unknown {
    const control = this.#control;
    const first = control[open];
    const limit = (first + chunks) | 0;
    let expected = (control[done] + chunks) | 0;
    control[group] = at;
    control[calls] = count;
    control[base] = first;
    Atomics.store(control, open, limit);
    this.#wake();
    let failure: unknown;
    for (;;) {
      const ticket = Atomics.load(control, next);
      if (ticket === limit) break;
      if (Atomics.compareExchange(control, next, ticket, (ticket + 1) | 0) !== ticket) continue;
      expected = (expected - 1) | 0;
      const thrown = this.#compute(words, at, (ticket - first) | 0);
      failure ??= thrown;
    }
    this.#await(expected);
    return failure;
  }

  #compute(words: Int32Array, at: number, index: number): unknown {
    try {
      computeChunk(words, at, index, this.#desk);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #wake(): void {
    const control = this.#control;
    if (Atomics.load(control, asleep) === 0) {
      this.#wokenAt = 0;
      return;
    }
    Atomics.notify(control, open);
    const now = performance.now();
    if (this.#wokenAt === 0) this.#wokenAt = now;
    else if (now - this.#wokenAt > LATE) Atomics.store(control, delayed, 1);
  }

  /** Waits until helpers have done `expected` chunks in all. */
  #await(expected: number): void {
    const control = this.#control;
    let since = 0;
    for (let rounds = 1; ; rounds++) {
      const found = Atomics.load(control, done);
      if (found === expected) break;
      pause?.();
      if ((rounds & 63) !== 0) continue;
      const now = performance.now();
      if (since === 0) since = now;
      if (!this.#mayWait || 1000 * (now - since) < control[patience]) continue;
      Atomics.store(control, isLeaderAsleep, 1);
      Atomics.wait(control, done, found);
      Atomics.store(control, isLeaderAsleep, 0);
    }
    if (since !== 0 && performance.now() - since > LATE) Atomics.store(control, delayed, 1);
  }

  #setPatience(): void {
    const control = this.#control;
    const now = performance.now();
    if (Atomics.load(control, delayed) === 1) {
      Atomics.store(control, delayed, 0);
      if (now - this.#delayedAt < CROWDED_TIME / 5) this.#crowdedUntil = now + CROWDED_TIME;
      this.#delayedAt = now;
    }
    const wanted = now < this.#crowdedUntil ? Math.min(CROWDED_PATIENCE, this.#patience) : this.#patience;
    if (control[patience] !== wanted) Atomics.store(control, patience, wanted);
  }
}
