/** A worker's jobs: those of the store's queues whose cells fit into its memory. */
import { setTimeout as wait } from "node:timers/promises";
import type { Worker } from "bullmq";
import type { CommandSession } from "../../../session/command-session.ts";
import type { Store } from "../../store/store.ts";
import { lookAtQueues } from "../store-queues.ts";
import type { SweepMetrics } from "../sweep-metrics.ts";
import { closedInTime, jobId, type OpenedQueue, type RunJob, type SweepJob } from "../sweep-queue.ts";
import { SharedPlaces } from "./shared-places.ts";
import { SweepWorker } from "./sweep-worker.ts";

/** Milliseconds between two looks for queues, before there is one and afterwards. */
const LOOK_MS = 1000;
const LOOK_AGAIN_MS = 10_000;

export interface TakeWish {
  readonly store: Store;
  readonly opened: OpenedQueue;
  readonly metrics: SweepMetrics;
  readonly scratch: string;
  readonly jobs: number;
  readonly threads: number;
  readonly lease: number;
  /** Bytes for each cell. */
  readonly memory: number;
}

export class JobTaker {
  readonly #session: Pick<CommandSession, "note">;
  readonly #wish: TakeWish;
  readonly #places: SharedPlaces;
  readonly #workers: Map<string, Worker<SweepJob>> = new Map();
  readonly #told: Set<string> = new Set();
  readonly #stop: AbortController = new AbortController();
  readonly #worker: SweepWorker;
  #looking: Promise<void> = Promise.resolve();

  constructor(session: CommandSession, wish: TakeWish) {
    this.#session = session;
    this.#wish = wish;
    this.#places = new SharedPlaces(wish.jobs);
    this.#worker = new SweepWorker(session, { ...wish, signal: this.#stop.signal });
    [wish.metrics.lostLeases, wish.metrics.stalls] = [0, 0];
  }

  get idleSeconds(): number {
    return this.#places.idleSeconds;
  }

  async begin(): Promise<void> {
    await this.#worker.begin();
    this.#looking = this.#keepLooking();
  }

  /** Cells that run are put back, so that another worker can begin them at once. @returns false if the server did not answer in time. */
  async end(): Promise<boolean> {
    this.#stop.abort();
    await this.#looking;
    const closed = await Promise.all([...this.#workers.values()].map((worker) => closedInTime(() => worker.close())));
    return !closed.includes(false);
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#look().catch(({ message }: Error) => this.#tell(message));
      await wait(this.#workers.size > 0 ? LOOK_AGAIN_MS : LOOK_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const { store, opened, memory } = this.#wish;
    const { take, left } = await lookAtQueues(store, { build: opened.build, memory });
    for (const message of left) this.#tell(message);
    for (const name of take) if (!this.#workers.has(name)) this.#workers.set(name, this.#take(name));
  }

  #tell(message: string): void {
    if (!this.#told.has(message)) this.#session.note(message);
    this.#told.add(message);
  }

  #take(name: string): Worker<SweepJob> {
    const { opened, metrics, jobs, lease } = this.#wish;
    const addCells = async (study: string, keys: readonly string[]) => {
      const ofCell = (key: string) => ({
        ...{ name: "cell", data: { study, keys: [key] }, opts: { jobId: jobId("cell", key) } },
      });
      await opened.queue(name).addBulk(keys.map(ofCell));
    };
    const run: RunJob = (job, token, signal) => {
      const runJob = () => this.#worker.run(job, { token, lease: signal, addCells });
      const counted = () => (job.name === "cell" ? metrics.count(runJob, signal) : runJob());
      return this.#places.run(counted, { worker, job, token });
    };
    const worker = opened.worker(name, run, { jobs, lease });
    worker.on("lockRenewalFailed", (ids) => {
      metrics.lostLeases = (metrics.lostLeases ?? 0) + ids.length;
    });
    worker.on("stalled", () => {
      metrics.stalls = (metrics.stalls ?? 0) + 1;
    });
    return worker;
  }
}
