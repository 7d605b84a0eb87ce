/** A lock beside an output, for work that one process at a time may do; what a killed process left does not hold. */
import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { UsageError } from "../errors.ts";
import { errorCode, fileError } from "./file-errors.ts";

/** Processes that find each other's leftovers at the same moment may try so often. */
const TRIES = 5;

/**
 * Makes the file `path.lock` with this process's number, gone when the lock is disposed.
 * @throws UsageError where a process that runs has it.
 */
export async function nodeLock(path: string): Promise<AsyncDisposable> {
  const lock = `${path}.lock`;
  try {
    await mkdir(dirname(lock), { recursive: true });
    for (let left = TRIES; left > 0; left--) {
      if (await take(lock)) return { [Symbol.asyncDispose]: () => rm(lock, { force: true }) };
      const holder = await holderOf(lock);
      if (isRunning(holder)) throw taken(path, holder);
      await clear(lock, path);
    }
  } catch (cause) {
    throw fileError(lock, cause);
  }
  throw new UsageError(path, "other processes that begin with it", `one at a time (${lock})`);
}

/** Only one process can make a file that is not there. */
async function take(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (cause) {
    if (errorCode(cause) === "EEXIST") return false;
    throw cause;
  }
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
  if (isRunning(holder)) await link(aside, lock).catch(() => {}); // It is still theirs.
  await rm(aside, { force: true });
  if (isRunning(holder)) throw taken(path, holder);
}

/** The process that a lock names; 0 where it was killed before it wrote its number, or let the lock go. */
async function holderOf(lock: string): Promise<number> {
  try {
    return Number(await readFile(lock, "utf8"));
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return 0;
    throw cause;
  }
}

/** A number of one's own is from another life: of a container that was killed, say, where every process has the same number again. */
function isRunning(holder: number): boolean {
  if (!Number.isInteger(holder) || holder <= 0 || holder === process.pid) return false;
  try {
    return process.kill(holder, 0);
  } catch (cause) {
    return errorCode(cause) === "EPERM"; // It runs, and is somebody else's.
  }
}

function taken(path: string, holder: number): UsageError {
  return new UsageError(path, `process ${holder} at work on it`, `one at a time (it holds ${path}.lock)`);
}
