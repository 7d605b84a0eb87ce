/** Files and folders through node:fs: Node, Deno and Bun alike. */

import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { FileError } from "../errors.ts";
import { type ByteSource, checkRange, type FolderSource, PIECE_BYTES, shortRead } from "../format/source.ts";
import { errorCode, fileError } from "./file-errors.ts";

/** One file, read piece by piece straight into the caller's view. */
export async function nodeFile(path: string): Promise<ByteSource> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const status = await handle.stat();
    if (!status.isFile())
      throw new FileError(path, `found ${status.isDirectory() ? "a folder" : "a device or pipe"}, expected a file`);
    return handleSource(path, status.size, handle);
  } catch (cause) {
    await handle?.close();
    throw fileError(path, cause);
  }
}

/** The files of a folder. Its subfolders do not exist for it. */
export async function nodeFolder(path: string): Promise<FolderSource> {
  const name = path.replace(/(?<=[^/\\])[/\\]+$/, "");
  try {
    if (!(await stat(path)).isDirectory()) throw new FileError(path, "found a file, expected a folder");
  } catch (cause) {
    throw fileError(path, cause);
  }
  const opened: ByteSource[] = [];
  return {
    name,
    async list() {
      try {
        const found = await readdir(path, { withFileTypes: true });
        return found
          .filter((entry) => !entry.isDirectory())
          .map((entry) => entry.name)
          .sort();
      } catch (cause) {
        throw fileError(path, cause);
      }
    },
    async open(file) {
      if (file === "" || file === "." || file === ".." || /[/\\\0]/.test(file))
        throw new FileError(`${name}/${file}`, "found a path, expected the plain name of a file in the folder");
      try {
        const source = await nodeFile(`${name}/${file}`);
        opened.push(source);
        return source;
      } catch (cause) {
        if (errorCode((cause as Error).cause) === "ENOENT") return undefined;
        throw cause;
      }
    },
    async close() {
      for (const source of opened.splice(0)) await source.close?.();
    },
  };
}

function handleSource(path: string, size: number, handle: FileHandle): ByteSource {
  let closing: Promise<void> | undefined;
  const source: ByteSource = {
    name: path,
    size,
    async read(offset, into) {
      checkRange(source, offset, into.byteLength);
      for (let done = 0; done < into.byteLength; ) {
        const wanted = Math.min(PIECE_BYTES, into.byteLength - done);
        let bytesRead: number;
        try {
          ({ bytesRead } = await handle.read(into, done, wanted, offset + done));
        } catch (cause) {
          throw fileError(path, cause);
        }
        if (bytesRead === 0) throw shortRead(path, offset + done, 0, into.byteLength - done);
        done += bytesRead;
      }
    },
    // A second close is no error: a folder closes what it opened, and so may a reader.
    async close() {
      closing ??= handle.close();
      await closing;
    },
  };
  return source;
}
