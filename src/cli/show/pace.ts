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

export class Pace {
  readonly #clock: PaceClock;
  #phase = "";
  #begun = 0;
  /** How much was done when the phase was first seen: a resumed run does not begin at 0. */
  #first = 0;
  #last = 0;

  constructor(clock: PaceClock) {
    this.#clock = clock;
  }

  see({ phase, done }: Amount): void {
    if (phase !== this.#phase || done < this.#last) {
      this.#phase = phase;
      this.#begun = this.#clock.now();
      this.#first = done;
    }
    this.#last = done;
  }

  /** Seconds to the phase's end, at the mean pace so far; undefined if that is not known. */
  secondsLeft({ done, total }: Amount): number | undefined {
    const elapsed = this.#clock.now() - this.#begun;
    const gained = done - this.#first;
    if (done >= total || gained <= 0 || elapsed < LEAST_MILLISECONDS) return undefined;
    return ((elapsed / gained) * (total - done)) / 1000;
  }
}

/** `40 s`, `12 min` or `3 h 20 min`. */
export function durationText(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
