/** What a worker does with a job: fetches what the cell needs, runs it in a process of its own, and puts what came out into the store. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Job, UnrecoverableError, WaitingError } from "bullmq";
import { UsageError } from "../../../../base/errors.ts";
import { asObject, parseJson } from "../../../../base/json.ts";
import type { CommandSession } from "../../../session/command-session.ts";
import { sharedNames } from "../../cache/shared-names.ts";
import { openCache, removeDeadCells } from "../../cache/sweep-cache.ts";
import { cellName, cellsOf, type SweepCell } from "../../cell-list.ts";
import { cellProcess } from "../../cell-process.ts";
import { readSweepConfig } from "../../config/read-sweep-config.ts";
import type { SweepConfig } from "../../config/sweep-config.ts";
import { asStoredFile, fetchFile, keepFile } from "../../store/blobs.ts";
import { PLACES, type Store } from "../../store/store.ts";
import { writeWhenRoom } from "../../store/wait-for-store.ts";
import { keepResult, resultNames } from "../results.ts";
import { layStudy } from "../spread-study.ts";
import type { SweepJob } from "../sweep-queue.ts";

/** Attempts of a cell whose process was killed: by the system for its memory, as a rule. */
const MOST_KILLS = 3;
const KILLED = "ended with status null";

export interface WorkerPlace {
  readonly store: Store;
  /** The worker's own folder. */
  readonly scratch: string;
  /** Threads of each cell. */
  readonly threads: number;
  /** Stops the cells that run, which are put back into the queue. */
  readonly signal: AbortSignal;
}

/** What a job's queue gives with it. */
export interface JobHold {
  readonly token: string | undefined;
  /** Aborted when the lease is lost. */
  readonly lease: AbortSignal | undefined;
  /** Adds jobs for cells of a study. */
  readonly addCells: (study: string, keys: readonly string[]) => Promise<void>;
}

/** A study that lies in the scratch folder. */
interface LaidStudy {
  readonly path: string;
  readonly config: SweepConfig;
  readonly cells: ReadonlyMap<string, SweepCell>;
}

/** A job that is being run. */
interface JobRun extends Pick<JobHold, "addCells"> {
  readonly study: LaidStudy;
  /** 1 for the first. */
  readonly attempt: number;
  readonly signal: AbortSignal;
}

export class SweepWorker {
  readonly #session: CommandSession;
  readonly #place: WorkerPlace;
  readonly #cache: string;
  readonly #studies: Map<string, Promise<LaidStudy>> = new Map();
  readonly #fetching: Map<string, Promise<void>> = new Map();

  constructor(session: CommandSession, place: WorkerPlace) {
    this.#session = session;
    this.#place = place;
    this.#cache = join(place.scratch, "cache");
  }

  /** Makes the scratch folder, and removes what a worker that was killed left there. */
  async begin(): Promise<void> {
    await openCache(this.#cache);
    await removeDeadCells(this.#cache);
  }

  /** @throws BullMQ's errors, which say whether the job is tried again. */
  async run(job: Job<SweepJob>, { token, lease, addCells }: JobHold): Promise<void> {
    const signal = AbortSignal.any([this.#place.signal, ...(lease === undefined ? [] : [lease])]);
    try {
      const study = await this.#study(job.data.study);
      const run = { study, attempt: job.attemptsMade + 1, addCells, signal };
      if (job.name === "prepare") await this.#prepare(job.data, run);
      else await this.#measure(job.data, run);
    } catch (error) {
      if (!this.#place.signal.aborted) throw error;
      await job.moveToWait(token);
      throw new WaitingError();
    }
  }

  #study(name: string): Promise<LaidStudy> {
    const known = this.#studies.get(name) ?? this.#layOut(name);
    this.#studies.set(name, known);
    known.catch(() => this.#studies.delete(name));
    return known;
  }

  async #layOut(name: string): Promise<LaidStudy> {
    const path = await layStudy(this.#place.store, name, join(this.#place.scratch, "studies", name));
    const config = await readSweepConfig(path);
    const cells = await cellsOf(config, this.#session);
    return { path, config, cells: new Map(cells.map((cell) => [cell.key, cell])) };
  }

  /** Makes what cells share, then adds those cells: the study goes on without the process that began it. */
  async #prepare({ study: name, keys }: SweepJob, run: JobRun): Promise<void> {
    const { store } = this.#place;
    const { study, addCells } = run;
    const cell = cellOf(study, keys[0]);
    const { refine: _, ...plain } = cell.plan;
    const of = (each: SweepCell) => sharedNames(study.config, each);
    const names = [...new Set([...(await of({ ...cell, plan: plain })), ...(await of(cell))])];
    const missing: string[] = [];
    for (const shared of names) if (!(await this.#fetch(shared))) missing.push(shared);
    if (missing.length > 0) await this.#process(cell, run, ["--prepare"]);
    for (const shared of missing) {
      const path = join(this.#cache, shared);
      if (!existsSync(path)) continue;
      const keep = async () =>
        store.writeText(`${PLACES.shared}/${shared}.json`, JSON.stringify(await keepFile(store, path)));
      await writeWhenRoom(keep, { note: this.#session.note, signal: run.signal });
    }
    const done = await resultNames(store);
    const left = keys.filter((key) => !done.has(key));
    await addCells(name, left);
  }

  async #measure({ keys }: SweepJob, run: JobRun): Promise<void> {
    const { store } = this.#place;
    const cell = cellOf(run.study, keys[0]);
    if ((await resultNames(store)).has(cell.key)) return;
    for (const shared of await sharedNames(run.study.config, cell)) await this.#fetch(shared);
    const line = await this.#process(cell, run, []);
    const result = asObject(parseJson(line, cellName(cell)), cellName(cell));
    const keep = () => keepResult(store, cell.key, result);
    await writeWhenRoom(keep, { note: this.#session.note, signal: run.signal });
  }

  /** Runs a cell's process. @throws UnrecoverableError for what would fail again, unlike a store or a server that is away. */
  async #process(cell: SweepCell, { study, attempt, signal }: JobRun, more: readonly string[]): Promise<string> {
    const { kernels } = this.#session.options;
    const run = { config: study.path, cache: this.#cache, threads: this.#place.threads, kernels, more, signal };
    try {
      return await cellProcess(cell, run);
    } catch (error) {
      signal.throwIfAborted();
      const { message } = error as Error;
      if (message === KILLED && attempt < MOST_KILLS) throw error;
      throw new UnrecoverableError(message);
    }
  }

  /** Copies a file that cells share from the store. @returns false if no machine has made it. */
  async #fetch(name: string): Promise<boolean> {
    const path = join(this.#cache, name);
    if (existsSync(path)) return (await this.#place.store.text(`${PLACES.shared}/${name}.json`)) !== undefined;
    const fetching = this.#fetching.get(name) ?? this.#download(name, path);
    this.#fetching.set(name, fetching);
    await fetching.finally(() => this.#fetching.delete(name));
    return existsSync(path);
  }

  async #download(name: string, path: string): Promise<void> {
    const { store } = this.#place;
    const object = `${PLACES.shared}/${name}.json`;
    const text = await store.text(object);
    if (text !== undefined)
      await fetchFile(store, asStoredFile(parseJson(text, object), `${store.name}/${object}`), path);
  }
}

/** @throws UnrecoverableError for a key that these bytes do not give: the store holds other bytes, or another build made the study. */
function cellOf({ path, cells }: LaidStudy, key: string): SweepCell {
  const cell = cells.get(key);
  if (cell !== undefined) return cell;
  throw new UnrecoverableError(
    new UsageError("job", `the cell ${key}`, `a key of ${path}, computed from its files here`).message,
  );
}
