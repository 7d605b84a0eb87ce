/** Folders and files written through node:fs: under a temporary name beside the target, renamed when they are whole. */

import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FileError } from "../base/errors.ts";
import {
  checkOutputName,
  type FileSink,
  type OutputFile,
  type OutputFolder,
  type OutputOptions,
  stillOpen,
} from "../files/output.ts";
import { errorCode, fileError, withFileErrors } from "./file-errors.ts";
import { clearLeftovers, temporaryNames } from "./node-leftovers.ts";
import { removeEmptyFolders } from "./node-place.ts";

export interface NodeOutputOptions extends OutputOptions {
  /** Temporary path of the output, on the same file system. What a killed run left there is removed; an output that is replaced waits beside it, as `.old`. */
  readonly staging?: string;
}

/** A folder at `path`. An existing one is refused, or with `force` replaced at `commit` and not touched before. */
export async function nodeOutput(path: string, options: NodeOutputOptions = {}): Promise<OutputFolder> {
  const staged = await stage(path, "folder", options.force === true, options.staging);
  const open = new Map<string, HandleSink>();
  try {
    if (options.staging !== undefined) await rm(options.staging, { recursive: true, force: true });
    await mkdir(staged.temporary);
  } catch (cause) {
    await staged.discard();
    throw fileError(path, cause);
  }
  const abort = async (): Promise<void> => {
    for (const sink of open.values()) await sink.release();
    open.clear();
    await staged.discard();
  };
  return {
    name: path,
    async file(name) {
      checkOutputName(path, name);
      const sink = await HandleSink.create(join(staged.temporary, name), join(path, name), abort);
      open.set(name, sink);
      return {
        write: (bytes) => sink.write(bytes),
        async close() {
          await sink.close();
          open.delete(name);
        },
      };
    },
    async commit() {
      if (open.size > 0) throw stillOpen(path, [...open.keys()]);
      await staged.commit();
    },
    abort,
    [Symbol.asyncDispose]: abort,
  };
}

/** A single file at `path`, under the same rules. */
export async function nodeOutputFile(path: string, options: OutputOptions = {}): Promise<OutputFile> {
  const staged = await stage(path, "file", options.force === true);
  const abort = async (): Promise<void> => {
    await sink?.release();
    await staged.discard();
  };
  let sink: HandleSink | undefined;
  sink = await HandleSink.create(staged.temporary, path, abort);
  const created = sink;
  return {
    name: path,
    write: (bytes) => created.write(bytes),
    close: () => created.close(),
    async commit() {
      await created.close();
      await staged.commit();
    },
    abort,
    [Symbol.asyncDispose]: abort,
  };
}

/** A file handle that discards the whole output when it fails, so that nothing half-written stays on a full disk. */
class HandleSink implements FileSink {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #abort: () => Promise<void>;
  #closed = false;

  private constructor(handle: FileHandle, path: string, abort: () => Promise<void>) {
    this.#handle = handle;
    this.#path = path;
    this.#abort = abort;
  }

  static async create(temporary: string, path: string, abort: () => Promise<void>): Promise<HandleSink> {
    try {
      return new HandleSink(await open(temporary, "wx"), path, abort);
    } catch (cause) {
      await abort();
      throw errorCode(cause) === "EEXIST"
        ? new FileError(path, "found it written already, expected each file once", { cause })
        : fileError(path, cause);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw new FileError(this.#path, "found it closed, expected it open to write");
    await this.#orAbort(async () => {
      for (let done = 0; done < bytes.byteLength; )
        done += (await this.#handle.write(bytes, done, bytes.byteLength - done)).bytesWritten;
    });
  }

  /** Waits until the bytes are on the device, which must happen before the rename. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#orAbort(async () => {
      await this.#handle.sync();
      this.#closed = true;
      await this.#handle.close();
    });
  }

  /** Closes without errors, for a file that will be removed. */
  async release(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close().catch(() => undefined);
  }

  async #orAbort(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      await this.#abort();
      throw fileError(this.#path, cause);
    }
  }
}

/** A place under a temporary name beside the target, on the same file system, so that a rename finishes it. */
interface Staged {
  readonly temporary: string;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

async function stage(path: string, kind: "file" | "folder", force: boolean, staging?: string): Promise<Staged> {
  await withFileErrors(path, () => clearLeftovers(resolve(path)));
  const target = await resolveTarget(path, kind, force);
  const names = temporaryNames(target);
  const temporary = staging ?? names.partial;
  const aside = staging === undefined ? names.old : `${staging}.old`;
  const home = dirname(resolve(temporary));
  let finished = false;
  let made: string | undefined;
  try {
    made = await mkdir(home, { recursive: true });
  } catch (cause) {
    throw fileError(path, cause);
  }
  return {
    temporary,
    async commit() {
      if (finished) throw new FileError(path, "found it finished or discarded already, expected one commit");
      await resolveTarget(path, kind, force);
      try {
        // Renaming a file replaces an existing one; renaming a folder replaces only an empty one.
        if (force && kind === "folder") await replace(temporary, target, aside);
        else await rename(temporary, target);
      } catch (cause) {
        throw fileError(path, cause);
      }
      finished = true;
    },
    async discard() {
      if (finished) return;
      finished = true;
      await withFileErrors(temporary, () => rm(temporary, { recursive: true, force: true }));
      if (made !== undefined) await removeEmptyFolders(home, made);
    },
  };
}

/** The path that will be replaced or made. @throws FileError if something is in the way. */
async function resolveTarget(path: string, kind: "file" | "folder", force: boolean): Promise<string> {
  const target = resolve(path);
  try {
    await lstat(target);
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return target;
    throw fileError(path, cause);
  }
  if (!force)
    throw new FileError(path, `exists, expected a new ${kind}; choose another name or pass --force to replace it`);
  try {
    // A link stays; the file or folder that it leads to is replaced.
    const real = await realpath(target);
    await checkReplaceable(path, real, kind);
    return real;
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/** Allows to replace only what this program could have written: a plain file, or a folder of plain files. */
async function checkReplaceable(path: string, real: string, kind: "file" | "folder"): Promise<void> {
  const status = await lstat(real);
  if (kind === "file" ? !status.isFile() : !status.isDirectory()) {
    const found = status.isDirectory() ? "a folder" : status.isFile() ? "a file" : "a device, pipe or socket";
    throw new FileError(path, `found ${found}, expected a ${kind} to replace; choose another name`);
  }
  if (kind === "file") return;
  const inside = (await readdir(real, { withFileTypes: true })).find((entry) => entry.isDirectory());
  if (inside !== undefined)
    throw new FileError(
      path,
      `found the folder ${inside.name} in it, expected a model folder (plain files only) to replace; remove it yourself or choose another name`,
    );
}

/** The old output is set aside first and removed last, so that at every moment one of the two is whole. */
async function replace(temporary: string, target: string, aside: string): Promise<void> {
  let old = true;
  try {
    await rename(target, aside);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
    old = false;
  }
  try {
    await rename(temporary, target);
  } catch (cause) {
    if (old) await rename(aside, target);
    throw cause;
  }
  if (old) await rm(aside, { recursive: true, force: true });
}
