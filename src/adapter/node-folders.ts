/** Folders that were made on the way to an output, and go with it. */
import { rmdir } from "node:fs/promises";
import { dirname } from "node:path";

/** Removes the folders from `parent` up to `topmost`, which were made for an output, as long as they are empty. */
export async function removeEmptyFolders(parent: string, topmost: string): Promise<void> {
  for (let folder = parent; folder.startsWith(topmost); folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      return;
    }
  }
}
