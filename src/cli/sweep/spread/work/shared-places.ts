/** Places of a worker, for cells of several queues: BullMQ counts the jobs of each queue alone. */
import { type Job, WaitingError, type Worker } from "bullmq";

export interface PlaceWish {
  /** The worker of the job's queue. */
  readonly worker: Pick<Worker, "pause" | "resume">;
  readonly job: Pick<Job, "moveToWait">;
  readonly token: string | undefined;
}

export class SharedPlaces {
  readonly #places: number;
  readonly #paused: Set<PlaceWish["worker"]> = new Set();
  #taken = 0;
  #lastFreed: number = performance.now();

  constructor(places: number) {
    this.#places = places;
  }

  /** Runs a job. Without a place for it the job is put back, and its queue is left alone until a place is free. */
  async run(work: () => Promise<void>, { worker, job, token }: PlaceWish): Promise<void> {
    if (this.#taken === this.#places) {
      this.#paused.add(worker);
      await worker.pause(true);
      await job.moveToWait(token);
      throw new WaitingError();
    }
    this.#taken++;
    try {
      await work();
    } finally {
      this.#taken--;
      this.#lastFreed = performance.now();
      for (const paused of this.#paused) paused.resume();
      this.#paused.clear();
    }
  }

  /** Seconds since the last job. */
  get idleSeconds(): number {
    return this.#taken > 0 ? 0 : (performance.now() - this.#lastFreed) / 1000;
  }
}
