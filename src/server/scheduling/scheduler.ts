/**
 * Decides which work of which request runs. A model has a number of slots; every choice of a request takes one while it is computed.
 * Requests take turns, so that one with a thousand prompts does not keep the others out. More requests than slots and queue have room for
 * are refused.
 */
import { ApiError } from "../api/api-error.ts";
import type { RequestEnd } from "./request-end.ts";

export interface SchedulerOptions {
  /** Choices that are computed at the same time. */
  readonly parallel: number;
  /** Requests beyond these that may wait. */
  readonly queue: number;
}

interface Waiter {
  readonly start: (slot: Disposable) => void;
}

/** The seconds that a refused client is told to wait. */
const LEAST_WAIT = 1;
const MOST_WAIT = 120;
/** Weight of the last request in the running mean of their seconds. */
const NEWEST = 0.2;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #tickets: Set<Ticket> = new Set();
  /** Requests that wait for a slot; the first one gets the next, and then goes to the end. */
  #turns: Ticket[] = [];
  readonly #emptied: (() => void)[] = [];
  #busy = 0;
  #seconds = 1;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Slots in use. */
  get processing(): number {
    return this.#busy;
  }

  /** Requests that wait for a slot and have none. */
  get deferred(): number {
    return [...this.#tickets].filter(({ slots }) => slots === 0).length;
  }

  /** Lets a request in; the caller disposes its ticket when the request is answered. @throws ApiError with status 429. */
  enter(): Ticket {
    const { parallel, queue } = this.#options;
    if (this.#tickets.size >= parallel + queue) throw this.#full();
    const began = performance.now();
    const ticket: Ticket = new Ticket({
      wait: () => this.#wait(ticket),
      free: () => this.#free(),
      leave: () => {
        this.#seconds += NEWEST * ((performance.now() - began) / 1000 - this.#seconds);
        this.#tickets.delete(ticket);
        this.#turns = this.#turns.filter((each) => each !== ticket);
        if (this.#tickets.size === 0) for (const resolve of this.#emptied.splice(0)) resolve();
      },
    });
    this.#tickets.add(ticket);
    return ticket;
  }

  /** Resolves when no request is inside. */
  async empty(): Promise<void> {
    if (this.#tickets.size > 0) await new Promise<void>((resolve) => this.#emptied.push(resolve));
  }

  #full(): ApiError {
    const { parallel, queue } = this.#options;
    const message = `the queue is full: ${parallel} slots and ${queue} waiting requests; try again later`;
    const wait = Math.ceil((this.#seconds * this.#tickets.size) / parallel);
    const retryAfter = Math.min(MOST_WAIT, Math.max(LEAST_WAIT, wait));
    return new ApiError({ status: 429, message, code: "queue_full", retryAfter });
  }

  #wait(ticket: Ticket): void {
    if (!this.#turns.includes(ticket)) this.#turns.push(ticket);
    this.#give();
  }

  #free(): void {
    this.#busy--;
    this.#give();
  }

  #give(): void {
    while (this.#busy < this.#options.parallel) {
      const ticket = this.#turns.shift();
      if (ticket === undefined) return;
      if (!ticket.start()) continue;
      this.#busy++;
      this.#turns.push(ticket);
    }
  }
}

interface TicketOwner {
  readonly wait: () => void;
  readonly free: () => void;
  readonly leave: () => void;
}

/** The place of a request among the others. Dispose it when the request is answered. */
export class Ticket implements Disposable {
  /** Slots that the request has now. */
  slots = 0;
  readonly #owner: TicketOwner;
  readonly #waiting: Waiter[] = [];

  constructor(owner: TicketOwner) {
    this.#owner = owner;
  }

  /** Waits for a slot; the caller disposes it. Rejects with the reason when the request ends. */
  slot(end: RequestEnd): Promise<Disposable> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(end.signal.reason);
      };
      const watching = end.watch(leave);
      const waiter: Waiter = {
        start: (slot) => {
          watching[Symbol.dispose]();
          resolve(slot);
        },
      };
      this.#waiting.push(waiter);
      this.#owner.wait();
    });
  }

  /** Gives a slot to the work that has waited longest. @returns whether any waits. */
  start(): boolean {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) return false;
    this.slots++;
    let isFree = false;
    waiter.start({
      [Symbol.dispose]: () => {
        if (isFree) return;
        isFree = true;
        this.slots--;
        this.#owner.free();
      },
    });
    return true;
  }

  [Symbol.dispose](): void {
    this.#owner.leave();
  }
}
