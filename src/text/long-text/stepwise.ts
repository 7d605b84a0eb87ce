/** Long work in small parts: sync callers run them through, async ones let the event loop turn between them. */
import type { Turns } from "../../base/turns.ts";

/** Each `yield` is a place where one may pause. */
export type Work = Generator<undefined, void>;

export function runThrough(work: Work): void {
  while (!work.next().done);
}

/** @throws the signal's reason when it is aborted. */
export async function runInTurns(work: Work, turns: Turns): Promise<void> {
  do await turns.pause();
  while (!work.next().done);
}
