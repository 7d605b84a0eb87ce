/** A journal: lines that are safe on disk as soon as they are written, for work that may be killed and goes on later. */
import { existsSync } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { FileError } from "../errors.ts";
import { errorCode, fileError } from "./file-errors.ts";

export interface JournalOptions {
  /** First line of a new journal. */
  readonly head?: string;
  /** Goes on with a journal that exists; a new one is begun where there is none. */
  readonly resume?: boolean;
  /** Begins anew where one exists. */
  readonly force?: boolean;
}

export interface Journal extends AsyncDisposable {
  readonly name: string;
  /** Whole lines found at the start; a last one that was cut off is gone. */
  readonly lines: readonly string[];
  /** Resolves when the lines are on the device. */
  append(...lines: readonly string[]): Promise<void>;
  /** Removes the file: its work is done. */
  remove(): Promise<void>;
}

/**
 * The file is made, or begun anew, by the first `append`: work that fails before it has done anything leaves nothing to resume.
 * @throws FileError for a journal that exists where neither option is given.
 */
export async function nodeJournal(path: string, options: JournalOptions = {}): Promise<Journal> {
  const known = options.resume === true ? await readLines(path) : [];
  if (options.resume !== true && options.force !== true && existsSync(path)) throw interrupted(path);
  let handle: FileHandle | undefined;
  // Lines that come while others are written wait for these: a file opened twice would be cut behind the first of them.
  let written: Promise<void> = Promise.resolve();
  const close = async () => {
    await written;
    await handle?.close();
    handle = undefined;
  };
  const write = async (lines: readonly string[]) => {
    const isNew = handle === undefined && known.length === 0;
    const head = isNew && options.head !== undefined ? [options.head] : [];
    handle ??= await begin(path, options, known);
    try {
      await handle.appendFile([...head, ...lines].map((line) => `${line}\n`).join(""));
      await handle.datasync();
    } catch (cause) {
      throw fileError(path, cause);
    }
  };
  return {
    name: path,
    lines: known,
    append(...lines) {
      const turn = written.then(() => write(lines));
      written = turn.catch(() => {}); // Its caller is told; the next line tries again.
      return turn;
    },
    async remove() {
      await close();
      await rm(path, { force: true });
    },
    [Symbol.asyncDispose]: close,
  };
}

async function begin(path: string, options: JournalOptions, known: readonly string[]): Promise<FileHandle> {
  const goesOn = options.resume === true;
  try {
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, goesOn ? "a" : options.force === true ? "w" : "wx");
    // What follows must not join the rest of a line that was cut off.
    if (goesOn) await handle.truncate(known.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0));
    return handle;
  } catch (cause) {
    throw errorCode(cause) === "EEXIST" ? interrupted(path, cause) : fileError(path, cause);
  }
}

function interrupted(path: string, cause?: unknown): FileError {
  return new FileError(
    path,
    "found the journal of an interrupted run; go on with --resume, or begin anew with --force",
    { cause },
  );
}

async function readLines(path: string): Promise<readonly string[]> {
  try {
    return (await readFile(path, "utf8")).split("\n").slice(0, -1);
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return [];
    throw fileError(path, cause);
  }
}
