/** Temporary names beside an output. They contain the process, so that a later one can tell which of them are no longer needed. */
import { randomUUID } from "node:crypto";
import { readdir, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errorCode } from "./file-errors.ts";
import { isAlive, lifeText, ownLife, parseLife } from "./process-life.ts";

/** Names for an output that is not finished, and for an old one that is set aside while a new one takes its place. */
export interface TemporaryNames {
  readonly partial: string;
  readonly old: string;
}

/** `.NAME.PID-STARTED-UNIQUE.partial` and `.old` in the target's folder, on its file system. */
export function temporaryNames(target: string): TemporaryNames {
  const unique = `${lifeText(ownLife())}-${randomUUID().slice(0, 8)}`;
  const name = join(dirname(target), `.${basename(target)}.${unique}`);
  return { partial: `${name}.partial`, old: `${name}.old` };
}

/** Whether a name is a temporary one, also of earlier versions, which did not contain the process. */
export function isTemporary(name: string): boolean {
  return /^\..+\.(?:\d+-\d+-)?[0-9a-f]{8}\.(?:partial|old)$/.test(name);
}

/**
 * Removes what processes that are gone have left beside `target` or the place that it links to. Before that, an output that was set
 * aside and never replaced is moved back.
 */
export async function clearLeftovers(target: string): Promise<void> {
  const real = await realpath(target).catch(() => target);
  for (const place of new Set([target, real])) await clearBeside(place);
}

async function clearBeside(target: string): Promise<void> {
  const folder = dirname(target);
  const left = (await namesIn(folder)).filter((name) => isLeftBy(name, basename(target)));
  for (const name of left.filter((each) => each.endsWith(".old"))) await bringBack(join(folder, name), target);
  for (const name of left) await rm(join(folder, name), { recursive: true, force: true });
}

/** Moves an old output back unless there is a new one: a folder would replace an empty folder, a file any file. */
async function bringBack(old: string, target: string): Promise<void> {
  try {
    if (!(await namesIn(dirname(target))).includes(basename(target))) await rename(old, target);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause; // Another process was faster.
  }
}

function isLeftBy(name: string, target: string): boolean {
  const prefix = `.${target}.`;
  if (!name.startsWith(prefix)) return false;
  const [, life] = /^(\d+-\d+)-[0-9a-f]{8}\.(?:partial|old)$/.exec(name.slice(prefix.length)) ?? [];
  const process = life === undefined ? undefined : parseLife(life);
  return process !== undefined && !isAlive(process);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errorCode(cause) ?? "")) return [];
    throw cause;
  }
}
