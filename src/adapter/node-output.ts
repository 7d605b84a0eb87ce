/** Output on a disk: written under a temporary name beside the target, renamed when whole. */
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileError } from "../errors.ts";
import type { FileSink, OutputFile, OutputFolder } from "../format/output.ts";
import { fileError } from "./file-errors.ts";

export interface OutputOptions {
  /** Replaces a target that exists; the old one is there until the new one is whole. */
  readonly force?: boolean;
}

/** @throws FileError where the target exists (without `force`), or its folder is missing or not writable. */
export async function nodeOutput(path: string, options: OutputOptions = {}): Promise<OutputFolder> {
  await requireFree(path, options);
  const temporary = temporaryName(path);
  await guarded(path, () => mkdir(temporary));
  const open: Set<FileHandle> = new Set();
  return {
    name: path,
    file: (name) => openSink(join(temporary, name), join(path, name), open),
    commit: () => replace(temporary, path),
    abort: () => removeAll(temporary, open),
  };
}

/** The same for one file. */
export async function nodeOutputFile(path: string, options: OutputOptions = {}): Promise<OutputFile> {
  await requireFree(path, options);
  const temporary = temporaryName(path);
  const open: Set<FileHandle> = new Set();
  const sink = await openSink(temporary, path, open);
  return {
    name: path,
    write: sink.write,
    close: sink.close,
    async commit() {
      await sink.close();
      await replace(temporary, path);
    },
    abort: () => removeAll(temporary, open),
  };
}

function temporaryName(path: string): string {
  const unique = `${process.pid}-${Math.floor(performance.now() * 1000).toString(36)}`;
  return `${path.replace(/[/\\]+$/, "")}.partial-${unique}`;
}

async function requireFree(path: string, { force = false }: OutputOptions): Promise<void> {
  if (!force && (await exists(path)))
    throw new FileError(path, "found it there already, expected a new path (or --force to replace it)");
  const parent = dirname(path);
  if (!(await exists(parent))) throw new FileError(parent, "found no such folder, expected one to write into");
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function openSink(path: string, shown: string, handles: Set<FileHandle>): Promise<FileSink> {
  const handle = await guarded(shown, () => open(path, "wx"));
  handles.add(handle);
  return {
    write: (bytes) =>
      guarded(shown, async () => {
        for (let done = 0; done < bytes.byteLength; )
          done += (await handle.write(bytes, done, bytes.byteLength - done)).bytesWritten;
      }),
    async close() {
      if (!handles.delete(handle)) return;
      await guarded(shown, () => handle.close());
    },
  };
}

/** A file is replaced in one step; an old folder steps aside until the new one has its name. */
async function replace(temporary: string, path: string): Promise<void> {
  const aside = `${temporary}-old`;
  await guarded(path, async () => {
    const old = await stat(path).catch(() => undefined);
    if (old?.isDirectory() !== true) return rename(temporary, path);
    await rename(path, aside);
    try {
      await rename(temporary, path);
    } catch (error) {
      await rename(aside, path);
      throw error;
    }
    await rm(aside, { recursive: true, force: true });
  });
}

async function removeAll(temporary: string, handles: Set<FileHandle>): Promise<void> {
  for (const handle of handles) await handle.close().catch(() => {});
  handles.clear();
  await rm(temporary, { recursive: true, force: true });
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw fileError(path, cause);
  }
}
