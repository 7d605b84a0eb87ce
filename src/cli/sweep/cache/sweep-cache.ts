/**
 * The folder of files that a sweep's cells share. It must be empty or made by a sweep, which a file in it shows; only files that
 * a sweep has put there are ever removed.
 */
import { mkdir, mkdtemp, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, fileError, withFileErrors } from "../../../adapter/file-errors.ts";
import { isTemporary } from "../../../adapter/node-leftovers.ts";
import { isAlive, lifeText, ownLife, parseLife } from "../../../adapter/process-life.ts";
import { FileError } from "../../../base/errors.ts";
import type { SweepConfig } from "../config/sweep-config.ts";
import { FLOAT_BLOCK, KEPT_ANSWERS, OWN_TEXT, SHARED_FILE } from "./shared-names.ts";

const MARKER = ".quern-sweep-cache";
const MEANING = "Made by quern sweep for what its cells share. It goes when the sweep is done.\n";
const CONFIG_COPY = "config.json";
const CELL_FOLDER = /^cell-(\d+-\d+)-[A-Za-z0-9]{6}$/;

/** The folder of a sweep. */
export interface SweepFolder {
  readonly cache: string;
  /** Whether a sweep runs the cells, draw by draw. */
  readonly isInOrder: boolean;
}

/** Makes the folder if there is none. @throws FileError for a folder with files in it that no sweep made. */
export async function openCache(cache: string): Promise<void> {
  await withFileErrors(cache, async () => {
    await mkdir(cache, { recursive: true });
    const names = await readdir(cache);
    if (names.includes(MARKER)) return;
    if (names.length > 0)
      throw new FileError(
        cache,
        `found ${names[0]} in it and no ${MARKER}, expected a cache that quern sweep made, an empty folder or none; choose another with --cache`,
      );
    await writeFile(join(cache, MARKER), MEANING);
  });
}

/** Keeps a copy of the configuration for the cells' processes, because the file may change while they run. @returns the copy. */
export async function keepConfig(cache: string, config: SweepConfig): Promise<string> {
  const copy = join(cache, CONFIG_COPY);
  await withFileErrors(copy, () => writeFile(copy, JSON.stringify(config)));
  return copy;
}

/** Makes a folder for one cell. Its name contains the process that will remove it. */
export function cellFolder(cache: string): Promise<string> {
  return withFileErrors(cache, () => mkdtemp(join(cache, `cell-${lifeText(ownLife())}-`)));
}

/** Removes the folders of cells whose process was killed. */
export async function removeDeadCells(cache: string): Promise<void> {
  await removeOwn(cache, (name) => isOfDeadCell(name));
}

/** Removes all files that a sweep has put there, and the folder if nothing else is in it. */
export async function removeCache(cache: string): Promise<void> {
  await removeOwn(
    cache,
    (name) =>
      [SHARED_FILE, OWN_TEXT, FLOAT_BLOCK, KEPT_ANSWERS].some((form) => form.test(name)) ||
      name === CONFIG_COPY ||
      isTemporary(name) ||
      isOfDeadCell(name),
  );
  await removeOwn(cache, (name, all) => name === MARKER && all.length === 1);
  try {
    await rmdir(cache);
  } catch (cause) {
    if (!["ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR"].includes(errorCode(cause) ?? "")) throw fileError(cache, cause);
  }
}

function isOfDeadCell(name: string): boolean {
  const [, life] = CELL_FOLDER.exec(name) ?? [];
  const cell = life === undefined ? undefined : parseLife(life);
  return cell !== undefined && !isAlive(cell);
}

async function removeOwn(cache: string, isOwn: (name: string, all: readonly string[]) => boolean): Promise<void> {
  await withFileErrors(cache, async () => {
    const names = await readdir(cache);
    for (const name of names) if (isOwn(name, names)) await rm(join(cache, name), { recursive: true, force: true });
  });
}
