/**
 * The session of a generation. Who pauses may never come back, so only a few paused generations of a model keep theirs: a new one
 * takes over the session of the one that has paused longest, which computes its tokens once more should it go on after all, to the
 * same bits. One that goes on never takes from others: generations that are all wanted would take from each other for ever.
 */

import type { Turns } from "../base/turns.ts";
import type { Model } from "../model/model.ts";
import type { Session, SessionWatch } from "../model/pass/session.ts";

const KEPT_PAUSED = 8;

/** By model, the longest pause first. Held weakly: a forgotten generation's session is collected with it. */
const paused = new WeakMap<Model, Set<WeakRef<Seat>>>();

export class Seat implements Disposable {
  readonly #model: Model;
  readonly #context: number;
  readonly #paused: Set<WeakRef<Seat>>;
  readonly #self: WeakRef<Seat> = new WeakRef(this);
  #session: Session | undefined;

  /** For sequences of up to `context` tokens. */
  static take(model: Model, context: number): Seat {
    const seats = paused.get(model) ?? new Set();
    paused.set(model, seats);
    return new Seat(model, context, seats, takeOver(seats, context) ?? model.session({ context }));
  }

  private constructor(model: Model, context: number, seats: Set<WeakRef<Seat>>, session: Session) {
    this.#model = model;
    this.#context = context;
    this.#paused = seats;
    this.#session = session;
  }

  /** From here on, until `evaluate` is called, the session may become another's. */
  pause(): void {
    this.#paused.add(this.#self);
  }

  /** Runs `ids` after what is in the session, which is computed anew where another has it: `before` tells what it was. */
  async evaluate(
    ids: readonly number[],
    before: () => readonly number[],
    turns: Turns,
    watch: SessionWatch,
  ): Promise<void> {
    this.#paused.delete(this.#self);
    if (this.#session === undefined) {
      this.#session = this.#model.session({ context: this.#context });
      await this.#session.evaluate(before(), turns);
    }
    await this.#session.evaluate(ids, turns, watch);
  }

  /** The session, emptied for another, where it is large enough. */
  giveUp(context: number): Session | undefined {
    const session = this.#session;
    if (session === undefined || session.context < context) return undefined;
    this.#session = undefined;
    this.#paused.delete(this.#self);
    session.truncate(0);
    return session;
  }

  [Symbol.dispose](): void {
    this.#paused.delete(this.#self);
    this.#session?.[Symbol.dispose]();
  }
}

/** The session of the longest pause that is large enough, where enough generations pause. */
function takeOver(seats: Set<WeakRef<Seat>>, context: number): Session | undefined {
  for (const seat of seats) if (seat.deref() === undefined) seats.delete(seat);
  if (seats.size < KEPT_PAUSED) return undefined;
  for (const seat of seats) {
    const session = seat.deref()?.giveUp(context);
    if (session !== undefined) return session;
  }
  return undefined;
}
