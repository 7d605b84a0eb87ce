/** Long work in small parts: synchronous callers run all at once, asynchronous ones let the event loop run in between. */
import type { Turns } from "../../base/turns.ts";

/** Work that may pause at each `yield`. */
export type Work = Generator<undefined, void>;

export function runThrough(work: Work): void {
  while (!work.next().done);
}

/** @throws the signal's reason when it is aborted. */
export async function runInTurns(work: Work, turns: Turns): Promise<void> {
  do await turns.pause();
  while (!work.next().done);
}
