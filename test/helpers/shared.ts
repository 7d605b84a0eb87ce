/** Larger data from outside the repository: its folder, or undefined where it is not there. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The path of a file under `QUERN_SHARED` (default: `../shared` beside the repository), or undefined where it is missing. */
export function sharedFile(path: string): string | undefined {
  const full = `${process.env["QUERN_SHARED"] ?? `${ROOT}../shared`}/${path}`;
  return existsSync(full) ? full : undefined;
}

/** The path of a file in the repository. */
export function repositoryFile(path: string): string {
  return `${ROOT}${path}`;
}

/** A text file, unpacked where its name ends in `.gz`. */
export function readText(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
}

/** One JSON value per line. */
export function readJsonLines<T>(path: string): T[] {
  return readText(path)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}
