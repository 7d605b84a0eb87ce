/** A lock beside an output, for work that only one process may do at a time. The lock of a killed process is ignored. */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { UsageError } from "../base/errors.ts";
import { errorCode, fileError, withFileErrors } from "./file-errors.ts";
import { realPlace, removeEmptyFolders } from "./node-place.ts";
import { isAlive, lifeText, ownLife, type ProcessLife, parseLife } from "./process-life.ts";

/** How often processes that find each other's leftovers at the same moment may try. */
const TRIES = 5;

/** Locks of this process, and whether their file is made. A lock with this process's number that is not here is from an earlier process. */
const held = new Map<string, boolean>();
let removedAtExit = false;

/**
 * Makes the file `path.lock`, beside what `path` leads to, with this process's number; gone when the lock is disposed, and
 * when the process ends by itself before that.
 * @throws UsageError if a running process has the lock, which may be this one.
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

/**
 * Takes the lock: only one process can make a file that does not exist. It is written under another name and linked, so that no process finds it
 * empty and takes its holder for dead.
 */
async function take(lock: string): Promise<boolean> {
  if (!removedAtExit) process.once("exit", removeAll);
  removedAtExit = true;
  held.set(lock, false);
  try {
    await makeWhole(lock, lifeText(ownLife()));
    held.set(lock, true);
    return true;
  } catch (cause) {
    held.delete(lock);
    if (errorCode(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** Makes a file that is not there with its content at once. File systems without hard links make it empty first. */
async function makeWhole(path: string, text: string): Promise<void> {
  const own = `${path}.${randomUUID()}`;
  try {
    await writeFile(own, text, { flag: "wx" });
    await link(own, path).catch((cause) => {
      if (errorCode(cause) === "EEXIST") throw cause;
      return writeFile(path, text, { flag: "wx" });
    });
  } finally {
    await rm(own, { force: true });
  }
}

/** Removes all locks of this process at its end: after a second Ctrl-C nothing is disposed. */
function removeAll(): void {
  for (const [lock, isMade] of held) if (isMade) rmSync(lock, { force: true });
}

/** Removes a lock that is not held. It is moved aside first and read again, since another process may have taken the lock meanwhile. */
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

/** The process that a lock names; undefined if it was killed before it wrote its number, or has released the lock. */
async function holderOf(lock: string): Promise<ProcessLife | undefined> {
  try {
    return parseLife(await readFile(lock, "utf8"));
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw cause;
  }
}

/** Whether the holder holds the lock. This process's own number is from an earlier process, such as one of a killed container. */
function holds(holder: ProcessLife): boolean {
  return holder.pid !== process.pid && isAlive(holder);
}

function taken(path: string, lock: string, { pid }: ProcessLife): UsageError {
  return new UsageError(path, `process ${pid} at work on it`, `one at a time (it holds ${lock})`);
}
