/** A directory handle as a folder: of the origin's private file system (OPFS), or from `showDirectoryPicker`. */

import { FileError } from "../../base/errors.ts";
import { blobSource, type FolderSource } from "../source.ts";

/** The part of `FileSystemDirectoryHandle` that is needed. */
export interface DirectoryHandle {
  readonly kind: "directory";
  readonly name: string;
  values(): AsyncIterable<{ readonly kind: "file" | "directory"; readonly name: string }>;
  getFileHandle(name: string): Promise<{ getFile(): Promise<File> }>;
}

export function isDirectoryHandle(value: unknown): value is DirectoryHandle {
  const { kind, getFileHandle } = (value ?? {}) as Partial<DirectoryHandle>;
  return kind === "directory" && typeof getFileHandle === "function";
}

/** The files of the directory, without those of its sub-directories. */
export function directoryFolder(directory: DirectoryHandle): FolderSource {
  const name = directory.name === "" ? "model" : directory.name;
  return {
    name,
    async list() {
      const names: string[] = [];
      for await (const entry of directory.values()) if (entry.kind === "file") names.push(entry.name);
      return names.sort();
    },
    async open(file) {
      const where = `${name}/${file}`;
      try {
        const handle = await directory.getFileHandle(file);
        return blobSource(where, await handle.getFile());
      } catch (cause) {
        const { name: fault, message } = cause as Error;
        if (fault === "NotFoundError") return undefined;
        throw new FileError(where, `found a file that cannot be opened (${message}), expected a file of the model`, {
          cause,
        });
      }
    },
    async close() {},
  };
}
