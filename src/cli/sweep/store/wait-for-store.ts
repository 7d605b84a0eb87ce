/** What a worker has computed is not lost when the store is full or away: it is written when there is room again. */
import { setTimeout as wait } from "node:timers/promises";
import { errorCode } from "../../../adapter/file-errors.ts";
import { FileError, RemoteError } from "../../../base/errors.ts";

const LOOK_MS = 2000;
/** Codes of a disk and of a quota that is used up. */
const FULL = ["ENOSPC", "EDQUOT"];
/** Above it the server is at fault, and may recover. */
const MOST_STATUS_OF_ASKER = 499;

export interface StoreWait {
  readonly note: (message: string) => void;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  readonly lookMs?: number;
}

/** Writes to a store, and again until there is room. @throws what else goes wrong, and the signal's reason. */
export async function writeWhenRoom(
  write: () => Promise<void>,
  { note, signal, lookMs = LOOK_MS }: StoreWait,
): Promise<void> {
  for (let isTold = false; ; isTold = true) {
    try {
      return await write();
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (!isTold) note(`${(error as Error).message}; what was computed is kept here and written as soon as it can be`);
    }
    await wait(lookMs, undefined, { signal });
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof RemoteError) return (error.status ?? Number.POSITIVE_INFINITY) > MOST_STATUS_OF_ASKER;
  return error instanceof FileError && FULL.includes(errorCode(error.cause) ?? "");
}
