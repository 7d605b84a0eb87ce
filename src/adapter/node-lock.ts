/** A lock beside an output, for work that one process at a time may do; what a killed process left does not hold. */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { UsageError } from "../base/errors.ts";
import { errorCode, fileError, withFileErrors } from "./file-errors.ts";
import { realPlace, removeEmptyFolders } from "./node-place.ts";
import { isAlive, lifeText, ownLife, type ProcessLife, parseLife } from "./process-life.ts";

/** Processes that find each other's leftovers at the same moment may try so often. */
const TRIES = 5;

/** Locks of this process, and whether their file is made: one that names it and is not among them is from another life. */
const held = new Map<string, boolean>();
let removedAtExit = false;

/**
 * Makes the file `path.lock`, beside what `path` leads to, with this process's number; gone when the lock is disposed, and
 * when the process ends by itself before that.
 * @throws UsageError where a process that runs has it, which may be this one.
 */
export async function nodeLock(path: string): Promise<AsyncDisposable> {
  try {
    const lock = `${await realPlace(path)}.lock`;
    const made = await mkdir(dirname(lock), { recursive: true });
    const tidy = async () => {
      if (made !== undefined) await removeEmptyFolders(dirname(lock), made);
    };
    try {
      await acquire(lock, path);
    } catch (error) {
      await tidy();
      throw error;
    }
    return {
      async [Symbol.asyncDispose]() {
        if (held.delete(lock)) await withFileErrors(lock, () => rm(lock, { force: true }));
        await tidy();
      },
    };
  } catch (cause) {
    throw fileError(path, cause);
  }
}

async function acquire(lock: string, path: string): Promise<void> {
  for (let left = TRIES; left > 0; left--) {
    if (held.has(lock)) throw taken(path, lock, ownLife());
    if (await take(lock)) return;
    const holder = await holderOf(lock);
    if (holder !== undefined && holds(holder)) throw taken(path, lock, holder);
    await clear(lock, path);
  }
  throw new UsageError(path, "other processes that begin with it", `one at a time (${lock})`);
}

/** Only one process can make a file that is not there. */
async function take(lock: string): Promise<boolean> {
  if (!removedAtExit) process.once("exit", removeAll);
  removedAtExit = true;
  held.set(lock, false);
  try {
    await writeFile(lock, lifeText(ownLife()), { flag: "wx" });
    held.set(lock, true);
    return true;
  } catch (cause) {
    held.delete(lock);
    if (errorCode(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** A second Ctrl-C waits for nothing that is disposed in its time. */
function removeAll(): void {
  for (const [lock, isMade] of held) if (isMade) rmSync(lock, { force: true });
}

/** Moved aside first and looked at again: meanwhile another process may have cleared it and taken the lock. */
async function clear(lock: string, path: string): Promise<void> {
  const aside = `${lock}.${randomUUID()}`;
  try {
    await rename(lock, aside);
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return;
    throw cause;
  }
  const holder = await holderOf(aside);
  const isTheirs = holder !== undefined && holds(holder);
  if (isTheirs) await link(aside, lock).catch(() => {});
  await rm(aside, { force: true });
  if (isTheirs) throw taken(path, lock, holder);
}

/** The process that a lock names; undefined where it was killed before it wrote its number, or let the lock go. */
async function holderOf(lock: string): Promise<ProcessLife | undefined> {
  try {
    return parseLife(await readFile(lock, "utf8"));
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw cause;
  }
}

/** A number of one's own is from another life: of a container that was killed, say, where every process has the same number again. */
function holds(holder: ProcessLife): boolean {
  return holder.pid !== process.pid && isAlive(holder);
}

function taken(path: string, lock: string, { pid }: ProcessLife): UsageError {
  return new UsageError(path, `process ${pid} at work on it`, `one at a time (it holds ${lock})`);
}
