/** Tells which process left something on the disk, and whether that process still runs. */
import { readFileSync } from "node:fs";
import { errorCode } from "./file-errors.ts";

/** A process by its number and, if the system tells it, its start: numbers of processes are used again. */
export interface ProcessLife {
  readonly pid: number;
  /** Clock ticks between the machine's start and the process's; 0 if that is not known. */
  readonly started: number;
}

let known: ProcessLife | undefined;

/** This process. */
export function ownLife(): ProcessLife {
  known ??= { pid: process.pid, started: startOf(process.pid) };
  return known;
}

/** The text in names of files and in locks: `PID-STARTED`. */
export function lifeText({ pid, started }: ProcessLife): string {
  return `${pid}-${started}`;
}

/** Reads `PID-STARTED`, or a number alone; undefined for any other text. */
export function parseLife(text: string): ProcessLife | undefined {
  const [, pid, started = "0"] = /^([1-9]\d{0,9})(?:-(\d{1,15}))?$/.exec(text) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), started: Number(started) };
}

/** Whether this process still runs. If its start is not known, only the number is compared. */
export function isAlive({ pid, started }: ProcessLife): boolean {
  if (!hasProcess(pid)) return false;
  const found = startOf(pid);
  return started === 0 || found === 0 || started === found;
}

function hasProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (cause) {
    return errorCode(cause) === "EPERM"; // It runs, and belongs to another user.
  }
}

/** Field 22 of /proc/PID/stat; the second one, the program's name, is in brackets and may hold anything. */
function startOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const started = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    return Number.isSafeInteger(started) ? started : 0;
  } catch {
    return 0; // Not Linux, or the process has just ended.
  }
}
