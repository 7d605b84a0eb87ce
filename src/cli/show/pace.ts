/** How fast a phase of long work goes, and how long it will take. */

/** Time as progress sees it; tests bring a clock of their own. */
export interface PaceClock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Calls once, after so many milliseconds; returns a function that cancels the call. */
  after(milliseconds: number, call: () => void): () => void;
}

/** The machine's clock. A call that is due does not keep the process alive. */
export const SYSTEM_CLOCK: PaceClock = {
  now: () => performance.now(),
  after(milliseconds, call) {
    const timer = setTimeout(call, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** How far a phase is. */
interface Amount {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
}

/** A shorter time is too little to estimate from. */
const LEAST_MILLISECONDS = 1000;

/** With less gained, the mean since the beginning says more than that of a part: several jobs may end at the same moment. */
const LEAST_GAIN = 8;

interface Mark {
  readonly time: number;
  readonly done: number;
}

export class Pace {
  readonly #clock: PaceClock;
  #phase = "";
  /** When the phase was first seen, with how much was done: a resumed run does not begin at 0. */
  #first: Mark = { time: 0, done: 0 };
  /** When a quarter to a half of what is gained by now was, and when twice as much was. */
  #early: Mark = this.#first;
  #later: Mark = this.#first;
  #last = 0;

  constructor(clock: PaceClock) {
    this.#clock = clock;
  }

  see({ phase, done }: Amount): void {
    const mark = { time: this.#clock.now(), done };
    if (phase !== this.#phase || done < this.#last) {
      this.#phase = phase;
      this.#first = this.#early = this.#later = mark;
    } else if (done + this.#first.done >= 2 * this.#later.done) {
      this.#early = this.#later;
      this.#later = mark;
    }
    this.#last = done;
  }

  /**
   * Seconds to the phase's end, at the pace of the later part of what is done: the beginning may have made what the rest shares. Undefined if that is
   * not known.
   */
  secondsLeft({ done, total }: Amount): number | undefined {
    const first = this.#first;
    const now = this.#clock.now();
    const gained = done - first.done;
    if (done >= total || gained <= 0 || now - first.time < LEAST_MILLISECONDS) return undefined;
    const from = gained < LEAST_GAIN ? first : this.#early;
    return (((now - from.time) / (done - from.done)) * (total - done)) / 1000;
  }
}

/** `40 s`, `12 min` or `3 h 20 min`. */
export function durationText(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
