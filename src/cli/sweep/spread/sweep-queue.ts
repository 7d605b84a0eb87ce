/**
 * The queue of a sweep's jobs: BullMQ on Redis (or Valkey) or on Postgres. It only hands out work. What was computed lies in the store, so a queue that
 * is wiped loses nothing.
 */
import type { ConnectionOptions, Job, Queue, QueueOptions, Worker, WorkerOptions } from "bullmq";
import { UsageError } from "../../../base/errors.ts";
import { VERSION } from "../../../base/version.ts";
import { embeddedKernels } from "../../../wasm/embedded.ts";
import type { CommandSession } from "../../session/command-session.ts";
import { explainMissing } from "../../session/optional-package.ts";
import { hashOf } from "../cell-list.ts";
import { probePostgres, probeRedis } from "./probe-server.ts";

/** What a job is about. */
export interface SweepJob {
  /** The name of the study in the store. */
  readonly study: string;
  /** The cell's key; of a preparation, those of the cells that wait for it. */
  readonly keys: readonly string[];
}

export type SweepJobKind = "prepare" | "cell";

/** Milliseconds between two attempts of a job that failed for another reason than its cell. */
const RETRY_MS = 5000;
const ATTEMPTS = 12;
/** Seconds for which jobs that are done can be seen. */
const KEPT_SECONDS = 3600;
/** Workers that a cell may take down with it before it counts as failed. */
const MOST_STALLS = 3;

/** Ids of jobs. BullMQ allows no plain numbers and no colon. */
export const jobId = (kind: SweepJobKind, hash: string): string => `${kind}-${hash}`;

/** Runs a job. BullMQ gives a token and a signal to functions that name three parameters. */
export type RunJob = (job: Job<SweepJob>, token: string | undefined, signal: AbortSignal | undefined) => Promise<void>;

/** Milliseconds for which a worker waits until its connections are closed: BullMQ waits for ever for one that is just being made anew. */
const FAREWELL_MS = 5000;

/** Closes something. @returns false if that takes too long; it is then left as it is. */
export async function closedInTime(close: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, FAREWELL_MS, false);
  });
  const closed = close().then(() => true);
  return Promise.race([closed, late]).finally(() => clearTimeout(timer));
}

export interface OpenedQueue extends AsyncDisposable {
  /** What the names of this build's queues begin with. */
  readonly build: string;
  /** The queue of a name, opened once. */
  queue(name: string): Queue<SweepJob>;
  /** Begins to run the jobs of a queue. */
  worker(name: string, run: RunJob, wish: WorkerWish): Worker<SweepJob>;
}

export interface WorkerWish {
  readonly jobs: number;
  /** Seconds after which a worker that does not answer loses its job. */
  readonly lease: number;
}

/** Workers of another build may compute other keys, or other bits: each build has queues of its own. */
async function buildName(): Promise<string> {
  const { base, relaxed } = await embeddedKernels();
  const build = await hashOf([
    VERSION,
    ...[base, relaxed].map((bytes) => Buffer.from(bytes as Uint8Array).toString("base64")),
  ]);
  return `quern-sweep-${build.slice(0, 12)}`;
}

/** @throws UsageError for a server that does not answer, an address of another kind, or a package that is not installed. */
export async function openQueue(session: CommandSession, url: string): Promise<OpenedQueue> {
  const kind = /^(rediss?|postgres(?:ql)?):\/\//.exec(url)?.[1];
  if (kind === undefined)
    throw new UsageError("--queue", withoutPassword(url), "redis://HOST:PORT or postgres://USER@HOST/DATABASE");
  const isRedis = kind.startsWith("redis");
  const bullmq = await import("bullmq").catch(explainMissing("--queue", `bullmq ${isRedis ? "ioredis" : "pg"}`));
  const build = await buildName();
  const where = withoutPassword(url);
  const connection = isRedis ? await redisConnection(url, session) : await postgresConnection(url, session);
  const options = { connection, prefix: "quern" } as unknown as QueueOptions;
  const factory = isRedis ? [] : [bullmq.createPostgresBackend];
  const open = <T>(Class: unknown, ...args: unknown[]) =>
    new (Class as new (...all: unknown[]) => T)(...args, ...factory);
  const complain = complainer(session, where);
  const queues = new Map<string, Queue<SweepJob>>();
  const closing: (() => Promise<void>)[] = [];
  return {
    build,
    queue(name) {
      const known = queues.get(name);
      if (known !== undefined) return known;
      const queue = open<Queue<SweepJob>>(bullmq.Queue, name, { ...options, defaultJobOptions: JOB_OPTIONS });
      queue.on("error", complain);
      closing.push(() => queue.close());
      queues.set(name, queue);
      return queue;
    },
    worker(name, run, { jobs, lease }) {
      const wish: Partial<WorkerOptions> = {
        ...{
          concurrency: jobs,
          lockDuration: lease * 1000,
          stalledInterval: lease * 1000,
          maxStalledCount: MOST_STALLS,
        },
        ...{ drainDelay: 1, runRetryDelay: 1000, removeOnComplete: JOB_OPTIONS.removeOnComplete },
      };
      const worker = open<Worker<SweepJob>>(bullmq.Worker, name, run, { ...options, ...wish });
      worker.on("error", complain);
      // The server no longer knows that this worker has the job, so another one may begin it.
      worker.on("lockRenewalFailed", (ids) => {
        for (const id of ids) worker.cancelJob(id, "the lease is lost");
      });
      closing.push(() => worker.close());
      return worker;
    },
    async [Symbol.asyncDispose]() {
      for (const close of closing.reverse()) await closedInTime(close);
      if (isRedis) (connection as unknown as { disconnect(): void }).disconnect();
    },
  };
}

const JOB_OPTIONS = {
  attempts: ATTEMPTS,
  backoff: { type: "fixed", delay: RETRY_MS },
  removeOnComplete: { age: KEPT_SECONDS },
} as const;

async function redisConnection(url: string, session: CommandSession): Promise<ConnectionOptions> {
  const { Redis } = await import("ioredis").catch(explainMissing("--queue", "ioredis bullmq"));
  const redis = new Redis(url, { maxRetriesPerRequest: null, lazyConnect: true, retryStrategy: () => RETRY_MS / 5 });
  await probeRedis(redis, withoutPassword(url), session);
  return redis as unknown as ConnectionOptions;
}

async function postgresConnection(url: string, session: CommandSession): Promise<ConnectionOptions> {
  const { default: pg } = (await import("pg" as string).catch(explainMissing("--queue", "pg bullmq"))) as {
    readonly default: PgModule;
  };
  await probePostgres(() => new pg.Client({ connectionString: url }), withoutPassword(url), session);
  return { connectionString: url, migrate: true, schema: "quern_sweep" } as unknown as ConnectionOptions;
}

interface PgModule {
  readonly Client: new (options: object) => ReturnType<Parameters<typeof probePostgres>[0]>;
}

/** Says once what is wrong with the server until something else is: a server that is away gives an error every second. */
function complainer(session: CommandSession, where: string): (error: Error) => void {
  let last = "";
  return ({ message }) => {
    if (message === last || session.signal.aborted) return;
    last = message;
    session.note(`${where}: ${message || "the server does not answer"}; trying again`);
  };
}

/** An address without its password, for messages. */
export function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^:@/]*):[^@/]*@/, "$1@");
}
