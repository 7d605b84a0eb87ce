/** `quern work`: runs cells of sweeps that other machines drive (`quern sweep --queue`). */
import { totalmem } from "node:os";
import type { Command } from "commander";
import { memoryBytes } from "../../files/byte-size.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import { exampleText, integerIn } from "../options/common-options.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";
import { type MetricsAddress, metricsAddress, SweepMetrics, serveMetrics } from "../sweep/spread/sweep-metrics.ts";

interface Options {
  readonly queue: string;
  readonly store: string;
  readonly scratch: string;
  readonly jobs?: number;
  readonly memory?: string;
  readonly lease: number;
  readonly idle?: number;
  readonly metrics?: MetricsAddress;
}

const LOOK_MS = 200;

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
      "--memory <size>",
      "memory for all its cells, such as 6GB; it takes those that fit (default: this machine's)",
    )
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
  // A connection that could not be closed would keep the process.
  if (!(await workUntilEnd(session, options))) process.exit(0);
};

/** @returns whether all connections are closed. */
async function workUntilEnd(session: CommandSession, options: Options): Promise<boolean> {
  const { openStore } = await import("../sweep/store/open-store.ts");
  const { openQueue } = await import("../sweep/spread/sweep-queue.ts");
  const { threads } = session.options;
  const { jobs = threads, lease, idle, scratch } = options;
  const memory = options.memory === undefined ? totalmem() : memoryBytes(options.memory, "--memory");
  const store = await openStore(options.store);
  await using _claim = await claimOutputs({
    outputs: [scratch],
    inputs: options.store.startsWith("s3:") ? [] : [options.store],
  });
  const metrics = new SweepMetrics();
  await using _serving = options.metrics && (await serveMetrics(session, metrics, options.metrics));
  await using opened = await openQueue(session, options.queue);
  const { JobTaker } = await import("../sweep/spread/work/take-jobs.ts");
  const perCell = { threads: Math.max(1, Math.floor(threads / jobs)), memory: memory / jobs };
  const taker = new JobTaker(session, { store, opened, metrics, scratch, jobs, lease, ...perCell });
  await taker.begin();
  session.output.result({ queue: opened.build, scratch }, () => `works on ${opened.build}; Ctrl-C stops it`);
  session.endsByCtrlC();
  await endOf(session, taker, idle);
  return await taker.end();
}

/** Resolves at Ctrl-C, when another program asks this one to end, and after `idle` seconds without a job. */
function endOf(
  { signal }: CommandSession,
  activity: { readonly idleSeconds: number },
  idle = Number.POSITIVE_INFINITY,
): Promise<void> {
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
