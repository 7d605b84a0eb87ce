/** `quern sweep --status`: how far a sweep over many machines is. */
import type { CommandSession } from "../../session/command-session.ts";
import type { SweepCell } from "../cell-list.ts";
import { openStore } from "../store/open-store.ts";
import { memoryClasses } from "./memory-class.ts";
import { resultNames } from "./results.ts";
import { classQueue, noWorkers } from "./store-queues.ts";
import { openQueue } from "./sweep-queue.ts";

export async function tellStatus(
  session: CommandSession,
  cells: readonly SweepCell[],
  { queue: url, store }: { readonly queue: string; readonly store: string },
): Promise<void> {
  const results = await resultNames(await openStore(store));
  const classes = await memoryClasses(cells);
  const left = cells.filter(({ key }) => !results.has(key));
  await using opened = await openQueue(session, url);
  const jobs = { running: 0, waiting: 0, failed: 0 };
  const alone: string[] = [];
  for (const gigabytes of new Set(classes.values())) {
    const queue = opened.queue(classQueue(opened.build, gigabytes));
    const counts = await queue.getJobCounts("active", "waiting", "delayed", "failed");
    jobs.running += counts["active"];
    jobs.waiting += counts["waiting"] + counts["delayed"];
    jobs.failed += counts["failed"];
    const waiting = left.filter(({ model }) => classes.get(model.path) === gigabytes).length;
    if (waiting > 0 && (await queue.getWorkersCount()) === 0) alone.push(noWorkers(queue.name, waiting));
  }
  const status = { cells: cells.length, done: cells.length - left.length, jobs, alone };
  const { running, waiting, failed } = jobs;
  const text = `${status.done} of ${cells.length} cells are done; jobs of this queue: ${running} running, ${waiting} waiting, ${failed} failed`;
  session.output.result(status, () => [text, ...alone].join("\n"));
}
