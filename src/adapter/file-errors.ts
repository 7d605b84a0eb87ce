/** Turns error codes of the operating system into sentences. */

import { FileError } from "../base/errors.ts";

const REMEDY = "; nothing half-written was kept, free some space or choose another place";
const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: "found no such file or folder, expected it to exist",
  EACCES: "found no permission, expected to be allowed to open it",
  EPERM: "found no permission, expected to be allowed to change it",
  ENOTDIR: "found a file in the path, expected a folder",
  EISDIR: "found a folder, expected a file",
  EROFS: "found a file system that is read-only, expected one that can be written; choose another place",
  ENOSPC: `the disk is full${REMEDY}`,
  EDQUOT: `the disk quota is used up${REMEDY}`,
  EMFILE: "found too many open files, expected fewer; close some or raise the limit",
  ENAMETOOLONG: "found a name that is too long for the file system, expected a shorter one",
  ELOOP: "found links that lead in a circle, expected a file or folder",
  EBADF: "found it closed, expected it open to read",
  EIO: "the device failed to read or write; check the disk",
};

/** Turns an error of node:fs into a `FileError` for `path`; other errors pass through. */
export function fileError(path: string, cause: unknown): Error {
  const code = errorCode(cause);
  if (code === undefined) return cause as Error;
  return new FileError(path, SENTENCES[code] ?? `${(cause as Error).message}`, { cause });
}

/** `ENOENT` and the like, or `undefined` for an error that is not the operating system's. */
export function errorCode(cause: unknown): string | undefined {
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** Runs what touches `path` on the disk; what node:fs throws becomes a `FileError` that names it. */
export async function withFileErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw fileError(path, cause);
  }
}
