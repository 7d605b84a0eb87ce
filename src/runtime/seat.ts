/**
 * Owns the session of a generation. A paused generation may never continue, so only a few of a model keep their sessions: a new
 * generation takes over the session that has been paused longest. If the generation that lost it continues, it computes its tokens
 * again, to the same bits, in a new session. It takes no session from others, because active generations would otherwise take them
 * from each other for ever.
 */

import type { Turns } from "../base/turns.ts";
import type { Model } from "../model/model.ts";
import type { Session } from "../model/pass/session.ts";
import type { SessionWatch } from "../model/pass/session-watch.ts";
import type { TokenRun } from "./token-run.ts";

const KEPT_PAUSED = 8;

/** Paused generations of each model, the longest pause first. They are held weakly, so that forgotten ones are garbage collected. */
const paused = new WeakMap<Model, Set<WeakRef<Seat>>>();

export class Seat implements TokenRun {
  readonly reused = 0;
  readonly #model: Model;
  readonly #context: number;
  readonly #paused: Set<WeakRef<Seat>>;
  readonly #self: WeakRef<Seat> = new WeakRef(this);
  #session: Session | undefined;

  /** A seat with a session for sequences of up to `context` tokens. */
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

  /** Until the next call of `evaluate`, another generation may take over the session. */
  pause(): void {
    this.#paused.add(this.#self);
  }

  /** Runs `ids` after the tokens in the session. If another generation has taken it, the tokens that `before` returns are computed again first. */
  evaluate(ids: readonly number[], before: () => readonly number[], turns: Turns, watch: SessionWatch): Promise<void> {
    this.#paused.delete(this.#self);
    return this.#session === undefined
      ? this.#again(before(), ids, turns, watch)
      : this.#session.evaluate(ids, turns, watch);
  }

  async #again(before: readonly number[], ids: readonly number[], turns: Turns, watch: SessionWatch): Promise<void> {
    this.#session = this.#model.session({ context: this.#context });
    await this.#session.evaluate(before, turns);
    await this.#session.evaluate(ids, turns, watch);
  }

  /** Empties the session and hands it over, if it is large enough for `context`. */
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

/** The session that has been paused longest, of those that are large enough; undefined while few generations are paused. */
function takeOver(seats: Set<WeakRef<Seat>>, context: number): Session | undefined {
  for (const seat of seats) if (seat.deref() === undefined) seats.delete(seat);
  if (seats.size < KEPT_PAUSED) return undefined;
  for (const seat of seats) {
    const session = seat.deref()?.giveUp(context);
    if (session !== undefined) return session;
  }
  return undefined;
}
