/** A journal: lines that are safe on disk as soon as they are written, for work that may be killed and resumed. */
import { existsSync } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { FileError, FormatError } from "../base/errors.ts";
import { errorCode, fileError, withFileErrors } from "./file-errors.ts";

export interface JournalOptions {
  /** First line of a new journal. */
  readonly head?: string;
  /** Go on with an existing journal; if there is none, a new one is begun. */
  readonly resume?: boolean;
  /** Replace an existing journal. */
  readonly force?: boolean;
  /**
   * Tells what a last line without a line end is: whole, or cut off. Undefined means that it is not from such a journal, and the file
   * is refused. Default: every such line was cut off.
   */
  readonly recognise?: (line: string) => "whole" | "cut" | undefined;
}

export interface Journal extends AsyncDisposable {
  readonly name: string;
  /** The whole lines that were found when the journal was opened, without a last one that was cut off. */
  readonly lines: readonly string[];
  /** Resolves when the lines are on the device. */
  append(...lines: readonly string[]): Promise<void>;
  /** Removes the file, when its work is done. */
  remove(): Promise<void>;
}

/**
 * The file is made, or begun anew, by the first `append`: work that fails before it has done anything leaves nothing to resume.
 * @throws FileError for an existing journal without either option; FormatError for a file to resume that is not a journal.
 */
export async function nodeJournal(path: string, options: JournalOptions = {}): Promise<Journal> {
  const found = options.resume === true ? await readFound(path, options.recognise ?? (() => "cut")) : NOTHING;
  const known = found.lines;
  if (options.resume !== true && options.force !== true && existsSync(path)) throw interrupted(path);
  let handle: FileHandle | undefined;
  // Lines wait until earlier ones are written: a file that is opened twice would be cut behind the first line.
  let written: Promise<void> = Promise.resolve();
  const close = async () => {
    await written;
    await handle?.close();
    handle = undefined;
  };
  const write = async (lines: readonly string[]) => {
    const isNew = handle === undefined && known.length === 0;
    const head = isNew && options.head !== undefined ? [options.head] : [];
    handle ??= await begin(path, options, found);
    const { size } = await handle.stat();
    try {
      await handle.appendFile([...head, ...lines].map((line) => `${line}\n`).join(""));
      await handle.datasync();
    } catch (cause) {
      // The next line must not be joined to the part of these lines that a full disk still took.
      await handle.truncate(size).catch(() => {});
      throw fileError(path, cause);
    }
  };
  return {
    name: path,
    lines: known,
    append(...lines) {
      const turn = written.then(() => write(lines));
      written = turn.catch(() => {}); // The caller gets the error; the next line tries again.
      return turn;
    },
    async remove() {
      await close();
      await withFileErrors(path, () => rm(path, { force: true }));
    },
    [Symbol.asyncDispose]: close,
  };
}

async function begin(path: string, options: JournalOptions, found: Found): Promise<FileHandle> {
  const mayExist = options.resume === true || options.force === true;
  try {
    await mkdir(dirname(path), { recursive: true });
    // Opened to append: after a line that a full disk cut off is removed again, the next one begins at the end of the file.
    const handle = await open(path, mayExist ? "a" : "ax");
    // New lines must not be joined to a line that was cut off, or to one that lacks only its line end.
    if (mayExist) await handle.truncate(found.bytes);
    if (found.lacksEnd) await handle.appendFile("\n");
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

/** What was found in a file, and how much of it is kept. */
interface Found {
  readonly lines: readonly string[];
  readonly bytes: number;
  /** Whether the last line is whole except for its line end. */
  readonly lacksEnd: boolean;
}

const NOTHING: Found = { lines: [], bytes: 0, lacksEnd: false };

async function readFound(path: string, recognise: NonNullable<JournalOptions["recognise"]>): Promise<Found> {
  const content = await readIfAny(path);
  const end = content.lastIndexOf("\n") + 1;
  const lines = textOf(content.subarray(0, end), path).split("\n").slice(0, -1);
  if (end === content.length) return { lines, bytes: end, lacksEnd: false };
  // A line may be cut off inside a character.
  const rest = content.subarray(end).toString("utf8");
  const kind = recognise(rest);
  if (kind === "whole") return { lines: [...lines, rest], bytes: content.length, lacksEnd: true };
  if (kind === "cut") return { lines, bytes: end, lacksEnd: false };
  const shown = JSON.stringify(rest.length > 40 ? `${rest.slice(0, 40)}...` : rest);
  throw new FormatError(
    `${path}: line ${lines.length + 1}`,
    `found ${shown}, expected a file that this command wrote; choose another name, or pass --force to replace it`,
  );
}

async function readIfAny(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return Buffer.alloc(0);
    throw fileError(path, cause);
  }
}

function textOf(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(path, "found bytes that are not UTF-8, expected lines of JSON", { cause });
  }
}

/** Whether a text may be what is left of a line that begins in one of these ways and was cut off. */
export function isCutFrom(text: string, beginnings: readonly string[]): boolean {
  return beginnings.some((beginning) => text.startsWith(beginning) || beginning.startsWith(text));
}
