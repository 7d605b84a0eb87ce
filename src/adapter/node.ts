/** Files and folders through node:fs, for Node, Deno and Bun. */

import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { FileError } from "../base/errors.ts";
import { type ByteSource, checkRange, type FolderSource, PIECE_BYTES, shortRead } from "../files/source.ts";
import { errorCode, fileError, withFileErrors } from "./file-errors.ts";
import { Descriptor } from "./node-descriptor.ts";

/** One file, read piece by piece straight into the caller's view. */
export async function nodeFile(path: string): Promise<ByteSource> {
  let file: Descriptor | undefined;
  try {
    file = await Descriptor.open(path);
    const status = await file.status();
    if (!status.isFile())
      throw new FileError(path, `found ${status.isDirectory() ? "a folder" : "a device or pipe"}, expected a file`);
    return descriptorSource(path, status, file);
  } catch (cause) {
    await file?.close();
    throw fileError(path, cause);
  }
}

/** The only folder within a model's folder that is read. */
const TEMPLATES = "additional_chat_templates";

/** The files of a folder, without those of its subfolders; of a model's named chat templates, `additional_chat_templates/NAME.jinja`. */
export function nodeFolder(path: string): Promise<FolderSource> {
  return folderSource(path, {
    async list() {
      const found = await readdir(path, { withFileTypes: true });
      const files = found.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
      if (!found.some((entry) => entry.isDirectory() && entry.name === TEMPLATES)) return files;
      const templates = (await readdir(join(path, TEMPLATES))).filter((name) => name.endsWith(".jinja"));
      return [...files, ...templates.map((name) => `${TEMPLATES}/${name}`)];
    },
    fault: (file) =>
      isPlainName(file.endsWith(".jinja") ? file.replace(`${TEMPLATES}/`, "") : file)
        ? undefined
        : "found a path, expected the plain name of a file in the folder",
  });
}

/** The files of a folder and of all folders in it, named by their paths from it with `/`. Links are followed. */
export function nodeTree(path: string): Promise<FolderSource> {
  return folderSource(path, {
    async list() {
      const found = await readdir(path, { withFileTypes: true, recursive: true });
      return found
        .filter((entry) => !entry.isDirectory())
        .map((entry) => relative(path, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
    },
    fault: (file) =>
      file.split("/").every(isPlainName)
        ? undefined
        : 'found a path that leaves the folder, expected one inside it, such as "folder/file"',
  });
}

interface FolderRules {
  list(): Promise<string[]>;
  /** The fault of a file's name, if it has one. */
  fault(file: string): string | undefined;
}

async function folderSource(path: string, rules: FolderRules): Promise<FolderSource> {
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
        return (await rules.list()).sort();
      } catch (cause) {
        throw fileError(path, cause);
      }
    },
    async open(file) {
      const fault = rules.fault(file);
      if (fault !== undefined) throw new FileError(`${name}/${file}`, fault);
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

function isPlainName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\\\0]/.test(name);
}

function descriptorSource(path: string, { size, mtimeMs }: Stats, file: Descriptor): ByteSource {
  const source: ByteSource = {
    name: path,
    size,
    async read(offset, into) {
      checkRange(source, offset, into.byteLength);
      for (let done = 0; done < into.byteLength; ) {
        const wanted = Math.min(PIECE_BYTES, into.byteLength - done);
        const bytesRead = await withFileErrors(path, () => file.read(into, done, wanted, offset + done));
        if (bytesRead === 0) throw shortRead(path, offset + done, 0, into.byteLength - done);
        done += bytesRead;
      }
    },
    async requireUnchanged() {
      const now = await withFileErrors(path, () => file.status());
      if (now.size !== size || now.mtimeMs !== mtimeMs)
        throw new FileError(
          path,
          "found a file that was written to since it was opened, expected one that stays as it is",
        );
    },
    // A second close is not an error: a folder closes the files that it opened, and so may a reader.
    close: () => file.close(),
  };
  return source;
}
