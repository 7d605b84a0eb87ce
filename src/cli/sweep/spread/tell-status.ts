/** `quern sweep --status`: how far a sweep over many machines is. */
import type { CommandSession } from "../../session/command-session.ts";
import type { SweepCell } from "../cell-list.ts";
import { openStore } from "../store/open-store.ts";
import { resultNames } from "./results.ts";
import { openQueue } from "./sweep-queue.ts";

export async function tellStatus(
  session: CommandSession,
  cells: readonly SweepCell[],
  { queue: url, store }: { readonly queue: string; readonly store: string },
): Promise<void> {
  const results = await resultNames(await openStore(store));
  await using opened = await openQueue(session, url);
  const counts = await opened.queue.getJobCounts("active", "waiting", "delayed", "failed");
  const done = cells.filter(({ key }) => results.has(key)).length;
  const status = {
    ...{ cells: cells.length, done },
    jobs: { running: counts["active"], waiting: counts["waiting"] + counts["delayed"], failed: counts["failed"] },
  };
  const { running, waiting, failed } = status.jobs;
  session.output.result(
    status,
    () =>
      `${done} of ${cells.length} cells are done; jobs of this queue: ${running} running, ${waiting} waiting, ${failed} failed`,
  );
}
