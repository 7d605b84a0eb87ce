/** `quern work`: runs cells of sweeps that other machines drive (`quern sweep --queue`). */
import type { Worker } from "bullmq";
import type { Command } from "commander";
import { claimOutputs } from "../input/claim-outputs.ts";
import { exampleText, integerIn } from "../options/common-options.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";
import { type MetricsAddress, metricsAddress, SweepMetrics, serveMetrics } from "../sweep/spread/sweep-metrics.ts";
import type { RunJob, SweepJob } from "../sweep/spread/sweep-queue.ts";

interface Options {
  readonly queue: string;
  readonly store: string;
  readonly scratch: string;
  readonly jobs?: number;
  readonly lease: number;
  readonly idle?: number;
  readonly metrics?: MetricsAddress;
}

const LOOK_MS = 200;
/** Between two looks of a worker that has had no work whether the store is one of another build. */
const LOOK_AT_BUILDS_MS = 10_000;

const EXAMPLE = `quern work --queue redis://queue.example:6379 --store /srv/study --scratch /tmp/quern-work`;

export function registerWork(program: Command, run: RunCommand): void {
  program
    .command("work")
    .description(
      "Run cells of sweeps that share a queue (quern sweep --queue), until Ctrl-C, on any number of machines.",
    )
    .requiredOption("--queue <url>", "the queue: redis://HOST:PORT or postgres://USER@HOST/DATABASE")
    .requiredOption("--store <dir>", "folder that all machines see, or s3://BUCKET/PREFIX, for inputs and results")
    .requiredOption("--scratch <dir>", "folder of this worker's own, for copies of inputs and what its cells write")
    .option("--jobs <n>", "number of cells that run at a time (default: --threads)", integerIn("--jobs", 1, 256))
    .option(
      "--lease <s>",
      "seconds of silence after which another worker takes its cells",
      integerIn("--lease", 5, 3600),
      60,
    )
    .option("--idle <s>", "end after so many seconds without work (default: never)", integerIn("--idle", 1, 1_000_000))
    .option("--metrics <[host:]port>", "answer GET /metrics in the text format of Prometheus", metricsAddress)
    .addHelpText("after", exampleText(EXAMPLE))
    .action(run(work));
}

const work: Action<Options> = async (session, _, options) => {
  const { openStore } = await import("../sweep/store/open-store.ts");
  const { jobId, openQueue } = await import("../sweep/spread/sweep-queue.ts");
  const store = await openStore(options.store);
  await using _claim = await claimOutputs({
    outputs: [options.scratch],
    inputs: options.store.startsWith("s3:") ? [] : [options.store],
  });
  await using opened = await openQueue(session, options.queue);
  const { otherBuilds } = await import("../sweep/spread/builds.ts");
  const { SweepWorker } = await import("../sweep/spread/sweep-worker.ts");
  const { threads } = session.options;
  const { jobs = threads, lease, idle, scratch } = options;
  const stop = new AbortController();
  const addCells = async (study: string, keys: readonly string[]) => {
    const ofCell = (key: string) => ({
      ...{ name: "cell", data: { study, keys: [key] }, opts: { jobId: jobId("cell", key) } },
    });
    await opened.queue.addBulk(keys.map(ofCell));
  };
  const perCell = Math.max(1, Math.floor(threads / jobs));
  const worker = new SweepWorker(session, { store, scratch, threads: perCell, addCells, signal: stop.signal });
  await worker.begin();
  const activity = new Activity();
  const run: RunJob = async (job, token, signal) => {
    using _busy = activity.begin();
    const runJob = () => worker.run(job, token, signal);
    await (job.name === "cell" ? metrics.count(runJob, signal) : runJob());
  };
  const running = opened.worker(run, { jobs, lease });
  const metrics = metricsOf(running);
  await using _serving = options.metrics && (await serveMetrics(session, metrics, options.metrics));
  session.output.result({ queue: running.name, scratch }, () => `works on ${running.name}; Ctrl-C stops it`);
  session.endsByCtrlC();
  using _looking = tellOtherBuilds(session, () => otherBuilds(store, running.name), activity);
  await endOf(session, activity, idle);
  // Cells that run are put back, so that another worker can begin them at once.
  stop.abort();
  await running.close();
};

function metricsOf(worker: Worker<SweepJob>): SweepMetrics {
  const metrics = new SweepMetrics();
  [metrics.lostLeases, metrics.stalls] = [0, 0];
  worker.on("lockRenewalFailed", (ids) => {
    metrics.lostLeases = (metrics.lostLeases ?? 0) + ids.length;
  });
  worker.on("stalled", () => {
    metrics.stalls = (metrics.stalls ?? 0) + 1;
  });
  return metrics;
}

/** Says once what keeps a worker from having any work, if a look finds that. */
function tellOtherBuilds({ note }: CommandSession, look: () => Promise<string | undefined>, activity: Activity) {
  const looking = setInterval(async () => {
    // A store that is away is told of by the work itself.
    const found = activity.hasBegun ? undefined : await look().catch(() => undefined);
    if (found !== undefined) note(found);
    if (found !== undefined || activity.hasBegun) clearInterval(looking);
  }, LOOK_AT_BUILDS_MS);
  return { [Symbol.dispose]: () => clearInterval(looking) };
}

/** How many jobs run, and since when none does. */
class Activity {
  hasBegun = false;
  #running = 0;
  #last: number = performance.now();

  begin(): Disposable {
    this.#running++;
    this.hasBegun = true;
    return {
      [Symbol.dispose]: () => {
        this.#running--;
        this.#last = performance.now();
      },
    };
  }

  get idleSeconds(): number {
    return this.#running > 0 ? 0 : (performance.now() - this.#last) / 1000;
  }
}

/** Resolves at Ctrl-C, when another program asks this one to end, and after `idle` seconds without a job. */
function endOf({ signal }: CommandSession, activity: Activity, idle = Number.POSITIVE_INFINITY): Promise<void> {
  return new Promise((resolve) => {
    const looking = setInterval(() => activity.idleSeconds >= idle && end(), LOOK_MS);
    const end = () => {
      clearInterval(looking);
      resolve();
    };
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    process.once("SIGTERM", end);
  });
}
