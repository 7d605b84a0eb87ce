/** Where bytes go: a file is written front to back, and a folder or file appears under its name only when it is whole. */

import { FileError } from "../base/errors.ts";

/** One file, written front to back. A write that fails discards the whole output it belongs to. */
export interface FileSink {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** An output that has a temporary name until `commit`. Leaving an `await using` block without `commit` discards it. */
interface Pending extends AsyncDisposable {
  /** The final name, for messages. */
  readonly name: string;
  /** Moves the output to its final name. An older output of that name is replaced only now. */
  commit(): Promise<void>;
  /** Removes everything; after `commit` it does nothing. */
  abort(): Promise<void>;
}

/** A folder of files, without subfolders. */
export interface OutputFolder extends Pending {
  /** Creates a file in the folder; close it before `commit`. */
  file(name: string): Promise<FileSink>;
}

/** A single file. `close` ends the writing; `commit` closes the file if it is still open. */
export interface OutputFile extends Pending, FileSink {}

export interface OutputOptions {
  /** Replace what exists, instead of refusing. */
  readonly force?: boolean;
}

/** An output in memory, for browsers and tests. */
export interface MemoryOutput extends OutputFolder {
  /** The committed files: none before `commit`, none after an abort. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A folder of outputs in memory: `files` has them after `commit`. A file that is written twice is a `FileError`. */
export function memoryOutput(name: string = "memory"): MemoryOutput {
  const pending = new Map<string, Uint8Array[]>();
  const files = new Map<string, Uint8Array>();
  const open = new Set<string>();
  const abort = async (): Promise<void> => {
    pending.clear();
    open.clear();
  };
  return {
    name,
    files,
    async file(file) {
      checkOutputName(name, file);
      if (pending.has(file))
        throw new FileError(`${name}/${file}`, "found it written already, expected each file once");
      const pieces: Uint8Array[] = [];
      pending.set(file, pieces);
      open.add(file);
      return {
        async write(bytes) {
          if (!open.has(file)) throw new FileError(`${name}/${file}`, "found it closed, expected it open to write");
          pieces.push(bytes.slice());
        },
        async close() {
          open.delete(file);
        },
      };
    },
    async commit() {
      if (open.size > 0) throw stillOpen(name, [...open]);
      for (const [file, pieces] of pending) files.set(file, joined(pieces));
      pending.clear();
    },
    abort,
    [Symbol.asyncDispose]: abort,
  };
}

/** The plain name of a file in the folder, or an error. */
export function checkOutputName(folder: string, file: string): void {
  if (file === "" || file === "." || file === ".." || /[/\\\0]/.test(file))
    throw new FileError(`${folder}/${file}`, "found a path, expected the plain name of a file in the folder");
}

export function stillOpen(folder: string, files: readonly string[]): FileError {
  return new FileError(
    folder,
    `found ${files.join(", ")} still open, expected every file to be closed before the folder is finished`,
  );
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Runs `work`, commits what it wrote, or removes every trace when it throws or is aborted. */
export async function committed<T>(
  output: { commit(): Promise<void>; abort(): Promise<void> },
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    await output.commit();
    return result;
  } catch (error) {
    await output.abort();
    throw error;
  }
}
