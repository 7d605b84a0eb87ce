/** A store in a folder that all machines see, such as a network drive. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode, fileError, withFileErrors } from "../../../adapter/file-errors.ts";
import type { Store } from "./store.ts";

/** Files that are being written. Readers never see them. */
const UNFINISHED = ".writing";

export function folderStore(folder: string): Store {
  const at = (object: string) => join(folder, object);
  return {
    name: folder,
    has: async (object) => existsSync(at(object)),
    text: (object) => readIfThere(at(object)),
    writeText: (object, text) => placeWhole(at(object), (path) => writeFile(path, text, { flush: true })),
    download: (object, path) => placeWhole(path, (temporary) => copyFile(at(object), temporary)),
    upload: (object, path) => placeWhole(at(object), (temporary) => copyFile(path, temporary)),
    list: (name) => namesIn(at(name)),
  };
}

/** Writes to a temporary name beside `path`, then renames. */
export async function placeWhole(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomUUID()}${UNFINISHED}`;
  await withFileErrors(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    try {
      await write(temporary);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw fileError(path, cause);
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).filter((name) => !name.endsWith(UNFINISHED));
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return [];
    throw fileError(path, cause);
  }
}
