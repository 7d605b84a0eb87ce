/**
 * Finds the version of a model in a folder of the hub's cache. Such a folder is called `models--OWNER--NAME`; it keeps each version in
 * `snapshots/COMMIT`, and `refs/BRANCH` contains the commit of a branch (huggingface_hub, "Understand caching").
 */

import { readdir, readFile } from "node:fs/promises";
import { FileError } from "../../base/errors.ts";

/** The commit of a version: 40 hexadecimal digits. Anything else in a ref must not become a part of a path. */
const COMMIT = /^[0-9a-f]{40}$/;

/**
 * The path of the version that `refs/main` names, or of the only version.
 * @returns undefined for a folder that has no `snapshots`.
 * @throws FileError for a folder of the cache without a version, or with several and none of them that of `main`.
 */
export async function hubSnapshot(path: string): Promise<string | undefined> {
  const versions = await readdir(`${path}/snapshots`).catch(() => undefined);
  if (versions === undefined) return undefined;
  const main = (await readFile(`${path}/refs/main`, "utf8").catch(() => "")).trim();
  if (COMMIT.test(main) && versions.includes(main)) return `${path}/snapshots/${main}`;
  if (versions.length === 1) return `${path}/snapshots/${versions[0]}`;
  const found =
    versions.length === 0
      ? "a folder of the hub's cache without a version"
      : `a folder of the hub's cache with ${versions.length} versions and none for main`;
  const examples = versions.length === 0 ? "VERSION" : versions.slice(0, 3).sort().join(", ");
  throw new FileError(path, `found ${found}, expected the model in it: snapshots/${examples}`);
}
