/** Runs the cells of a sweep on workers (`quern work`) that share a queue and a store. */
import type { CommandSession } from "../../session/command-session.ts";
import type { SweepCell } from "../cell-list.ts";
import type { FailedCell } from "../run-sweep.ts";
import { openStore } from "../store/open-store.ts";
import { type Drive, driveCells } from "./drive-cells.ts";
import { memoryClasses } from "./memory-class.ts";
import { keepStudy } from "./spread-study.ts";
import { classQueue, keepQueue } from "./store-queues.ts";
import { type MetricsAddress, SweepMetrics, serveMetrics } from "./sweep-metrics.ts";
import { openQueue } from "./sweep-queue.ts";

export interface SpreadRun extends Pick<Drive, "config" | "journal" | "onResult"> {
  /** The queue's address. */
  readonly url: string;
  readonly store: string | undefined;
  readonly address: MetricsAddress | undefined;
}

/** @returns the cells that failed; the others are in the journal. */
export async function runSpread(
  session: CommandSession,
  cells: readonly SweepCell[],
  { url, store: place, address, config, journal, onResult }: SpreadRun,
): Promise<readonly FailedCell[]> {
  const store = await openStore(place);
  const metrics = new SweepMetrics();
  await using _serving = address && (await serveMetrics(session, metrics, address));
  await using opened = await openQueue(session, url);
  const study = await keepStudy(store, config);
  const classes = await memoryClasses(cells);
  const queueOf = ({ model }: SweepCell) => opened.queue(classQueue(opened.build, classes.get(model.path) ?? 1));
  for (const { name } of new Set(cells.map(queueOf))) await keepQueue(store, name);
  session.goesOn(
    "workers go on with the jobs that are in the queue, and the same command collects what they have done",
  );
  // Not a plain return: the queue would be closed before the work begins.
  return await driveCells(session, cells, { store, queueOf, study, config, metrics, journal, onResult });
}
