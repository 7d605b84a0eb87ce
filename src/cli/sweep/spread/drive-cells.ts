/** The driver of a sweep over many machines: adds jobs, collects results from the store, and adds again what a queue has lost. */
import { setTimeout as wait } from "node:timers/promises";
import type { Job, Queue } from "bullmq";
import type { Journal } from "../../../adapter/node-journal.ts";
import { isObject, type JsonObject } from "../../../base/json.ts";
import type { CommandSession } from "../../session/command-session.ts";
import { sharedNames } from "../cache/shared-names.ts";
import { hashOf, type SweepCell } from "../cell-list.ts";
import type { SweepConfig } from "../config/sweep-config.ts";
import type { FailedCell } from "../run-sweep.ts";
import type { Store } from "../store/store.ts";
import { readResult, resultNames } from "./results.ts";
import { noWorkers } from "./store-queues.ts";
import type { SweepMetrics } from "./sweep-metrics.ts";
import { jobId, type SweepJob } from "./sweep-queue.ts";

const LOOK_MS = 500;
/** Looks for results between two looks at the jobs, and the jobs that are looked at each time. */
const LOOKS = 4;
const JOBS_A_LOOK = 50;
/** Looks without a worker before that is told: workers may begin after the driver. */
const LOOKS_ALONE = 3;
const STALLED = "stalled more than allowable";

export interface Drive {
  readonly store: Store;
  /** The queue of a cell's memory class. */
  readonly queueOf: (cell: SweepCell) => Queue<SweepJob>;
  readonly study: string;
  readonly config: SweepConfig;
  readonly metrics: SweepMetrics;
  readonly journal: Journal;
  readonly onResult: (result: JsonObject) => void;
}

/** Resolves when each cell has a result in the journal or has failed. @returns those that failed. @throws FormatError if machines disagree. */
export async function driveCells(
  session: CommandSession,
  cells: readonly SweepCell[],
  drive: Drive,
): Promise<readonly FailedCell[]> {
  const driver = new Driver(session, cells, drive);
  await driver.collect();
  for (let look = 0; driver.isWaiting; look++) {
    if (look % LOOKS === 0) driver.tendJobs();
    await wait(LOOK_MS, undefined, { signal: session.signal });
    await driver.collect();
  }
  return driver.failed;
}

class Driver {
  readonly failed: FailedCell[] = [];
  readonly #session: CommandSession;
  readonly #drive: Drive;
  readonly #total: number;
  readonly #waiting: Map<string, SweepCell>;
  readonly #preparations: Map<string, Promise<string>> = new Map();
  readonly #alone: Map<string, number> = new Map();
  #running: readonly string[] = [];
  #turn = 0;
  #tending: Promise<void> | undefined;
  #hasForgotten = false;
  #complaint: string | undefined;

  constructor(session: CommandSession, cells: readonly SweepCell[], drive: Drive) {
    this.#session = session;
    this.#drive = drive;
    this.#total = cells.length;
    this.#waiting = new Map(cells.map((cell) => [cell.key, cell]));
    this.#report();
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Appends the results that are new in the store. */
  async collect(): Promise<void> {
    const { store, metrics, journal, onResult } = this.#drive;
    const names = await resultNames(store);
    for (const [key, cell] of this.#waiting) {
      const own = names.get(key);
      if (own === undefined) continue;
      const result = await readResult(store, cell, own);
      await journal.append(JSON.stringify(result));
      onResult(result);
      metrics.cells.done++;
      metrics.seconds += secondsOf(result);
      this.#end(key);
    }
  }

  /**
   * Looks at some of the jobs: adds those that are missing and notes those that failed. It goes on beside the work with the store, since a server
   * that is away does not answer until it is back.
   */
  tendJobs(): void {
    this.#tending ??= this.#tendSome()
      .catch(({ message }: Error) => this.#complain(message)) // The next look tries again.
      .finally(() => {
        this.#tending = undefined;
      });
  }

  #complain(message: string): void {
    if (message !== this.#complaint && !this.#session.signal.aborted) this.#session.note(`queue: ${message}`);
    this.#complaint = message;
  }

  /** Removes jobs that failed in an earlier run, so that they are tried again. */
  async #forgetFailures(): Promise<void> {
    if (this.#hasForgotten) return;
    for (const queue of this.#queues())
      for (const job of await queue.getFailed())
        if (job?.data.keys.some((key) => this.#waiting.has(key)) === true) await job.remove();
    this.#hasForgotten = true;
  }

  async #tendSome(): Promise<void> {
    await this.#forgetFailures();
    const running: string[] = [];
    for (const queue of this.#queues()) {
      const active = await queue.getActive();
      for (const job of active) if (job?.name === "cell") running.push(...job.data.keys);
      await this.#tellIfAlone(queue);
    }
    this.#running = running;
    this.#report();
    const keys = [...this.#waiting.keys()];
    const from = this.#turn;
    this.#turn = from + JOBS_A_LOOK < keys.length ? from + JOBS_A_LOOK : 0;
    for (const key of keys.slice(from, from + JOBS_A_LOOK)) await this.#tend(key);
  }

  /** The queues of the cells that wait. */
  #queues(): ReadonlySet<Queue<SweepJob>> {
    return new Set([...this.#waiting.values()].map(this.#drive.queueOf));
  }

  /** Says so if nobody takes from a queue for some looks. */
  async #tellIfAlone(queue: Queue<SweepJob>): Promise<void> {
    const looks = (await queue.getWorkersCount()) > 0 ? 0 : (this.#alone.get(queue.name) ?? 0) + 1;
    this.#alone.set(queue.name, looks);
    if (looks !== LOOKS_ALONE) return;
    const cells = [...this.#waiting.values()].filter((cell) => this.#drive.queueOf(cell) === queue);
    this.#session.note(noWorkers(queue.name, cells.length));
  }

  async #tend(key: string): Promise<void> {
    const { queueOf, study } = this.#drive;
    const cell = this.#waiting.get(key);
    if (cell === undefined) return;
    const queue = queueOf(cell);
    const own = await this.#jobOf(queue, jobId("cell", key));
    if (own.state === "failed") return this.#fail(cell, own.reason);
    if (own.state === "going on") return;
    const preparation = await this.#preparation(cell);
    const shared = await this.#jobOf(queue, jobId("prepare", preparation));
    if (shared.state === "failed") return this.#fail(cell, shared.reason);
    if (shared.state === "going on") return;
    if (shared.state === "done") {
      await own.job?.remove();
      await queue.add("cell", { study, keys: [key] }, { jobId: jobId("cell", key) });
    } else
      await queue.add(
        "prepare",
        { study, keys: await this.#keysOf(preparation) },
        { jobId: jobId("prepare", preparation) },
      );
  }

  async #jobOf(queue: Queue<SweepJob>, id: string): Promise<JobSight> {
    const job = (await queue.getJob(id)) as Job<SweepJob> | undefined;
    if (job === undefined) return { state: "missing" };
    const state = await job.getState();
    if (state === "failed") return { state: "failed", job, reason: job.failedReason };
    if (state === "completed") return { state: "done", job };
    return { state: state === "unknown" ? "missing" : "going on", job };
  }

  /** The cells that wait for a preparation. */
  async #keysOf(preparation: string): Promise<readonly string[]> {
    const keys: string[] = [];
    for (const [key, cell] of this.#waiting) if ((await this.#preparation(cell)) === preparation) keys.push(key);
    return keys;
  }

  /** Cells that share the same files have the same preparation. */
  #preparation(cell: SweepCell): Promise<string> {
    const { config, study } = this.#drive;
    const known =
      this.#preparations.get(cell.key) ?? sharedNames(config, cell).then((names) => hashOf([study, ...names]));
    this.#preparations.set(cell.key, known);
    return known;
  }

  #fail(cell: SweepCell, reason = "failed"): void {
    const killed = "its workers ended each time that they ran it; it may need more memory than they have";
    this.#drive.metrics.cells.failed++;
    this.failed.push({ cell, message: reason.includes(STALLED) ? killed : reason });
    this.#end(cell.key);
  }

  #end(key: string): void {
    this.#waiting.delete(key);
    this.#report();
  }

  #report(): void {
    const { metrics } = this.#drive;
    metrics.cells.running = this.#running.filter((key) => this.#waiting.has(key)).length;
    metrics.cells.waiting = this.#waiting.size - metrics.cells.running;
    this.#session.report({ phase: "sweep", done: this.#total - this.#waiting.size, total: this.#total, unit: "cells" });
  }
}

function secondsOf({ timing }: JsonObject): number {
  return isObject(timing) ? Number(timing["seconds"]) : 0;
}

interface JobSight {
  readonly state: "missing" | "going on" | "done" | "failed";
  readonly job?: Job<SweepJob>;
  readonly reason?: string;
}
