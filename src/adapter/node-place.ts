/** The place on the disk that a path leads to, and the check that outputs lie apart from inputs. */
import { lstat, readdir, readlink, realpath, rmdir } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { FileError } from "../base/errors.ts";
import { errorCode, fileError, withFileErrors } from "./file-errors.ts";

/** Limit on links that lead to links; beyond it the system reports a circle. */
const MOST_LINKS = 40;

/** The path without links. For a path that does not exist yet, that of its nearest existing parent is used. */
export async function realPlace(path: string, links: number = MOST_LINKS): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT" || links === 0) throw fileError(path, cause);
  }
  const isLink = (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true;
  const [parent, name] = [dirname(path), basename(path)];
  if (isLink) return realPlace(resolve(await realPlace(parent), await readlink(path)), links - 1);
  // What "a/.." and "." mean is known only once the rest of the path exists.
  if (parent === path || [".", ".."].includes(name)) return resolve(path);
  return join(await realPlace(parent, links), name);
}

/**
 * Refuses outputs that are one of the inputs, lie inside one, or hold one, and outputs that are in each other's way.
 * @param outputs files and folders that will be made, replaced or changed; undefined ones are passed over
 * @param inputs files and folders that are read; of a folder also what its links lead to
 * @throws FileError naming both.
 */
export async function requireApart(
  outputs: readonly (string | undefined)[],
  inputs: readonly (string | undefined)[],
): Promise<void> {
  const read = (await Promise.all(given(inputs).map(placesRead))).flat();
  const written: Place[] = [];
  for (const path of given(outputs)) {
    const places = (await withFileErrors(path, () => bothPlaces(path))).map((place) => ({ path, place }));
    for (const output of places) {
      const input = read.find((other) => overlap(output.place, other.place));
      if (input !== undefined) throw inTheWay(output, input, "which is read");
      const other = written.find(({ place }) => overlap(output.place, place));
      if (other !== undefined) throw inTheWay(output, other, "which is written too");
    }
    written.push(...places);
  }
}

/** Both readings of a path: some writers resolve ".." before links, as people read a path, some after them, as the system does. */
async function bothPlaces(path: string): Promise<readonly string[]> {
  return [await realPlace(path), await realPlace(resolve(path))];
}

interface Place {
  /** The path as it was given. */
  readonly path: string;
  readonly place: string;
}

/** `-` is stdin. */
function given(paths: readonly (string | undefined)[]): readonly string[] {
  return paths.filter((path): path is string => path !== undefined && path !== "" && path !== "-");
}

async function placesRead(path: string): Promise<readonly Place[]> {
  const place = await realPlace(path);
  const entries = await readdir(place, { withFileTypes: true }).catch(() => []);
  const links = entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => join(place, name));
  const targets = await Promise.all(links.map((link) => realPlace(link)));
  return [place, ...targets].map((found) => ({ path, place: found }));
}

function overlap(a: string, b: string): boolean {
  return a === b || isInside(a, b) || isInside(b, a);
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function inTheWay(output: Place, other: Place, how: string): FileError {
  const relation = output.place === other.place ? "is" : isInside(output.place, other.place) ? "lies inside" : "holds";
  return new FileError(
    output.path,
    `${relation} ${other.path}, ${how}, expected a place of its own; choose another name`,
  );
}

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
