/** A journal: lines that are safe on disk as soon as they are written, for work that may be killed and goes on later. */
import { existsSync } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { FileError, FormatError } from "../base/errors.ts";
import { errorCode, fileError, withFileErrors } from "./file-errors.ts";

export interface JournalOptions {
  /** First line of a new journal. */
  readonly head?: string;
  /** Goes on with a journal that exists; a new one is begun where there is none. */
  readonly resume?: boolean;
  /** Begins anew where one exists. */
  readonly force?: boolean;
  /**
   * Of a last line that lacks its end: a whole one, the beginning of one that was cut off, or undefined for what no such journal
   * has: a file with such an end is refused. By default every one was cut off.
   */
  readonly recognise?: (line: string) => "whole" | "cut" | undefined;
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
 * @throws FileError for a journal that exists where neither option is given; FormatError for a file to resume that is none.
 */
export async function nodeJournal(path: string, options: JournalOptions = {}): Promise<Journal> {
  const found = options.resume === true ? await readFound(path, options.recognise ?? (() => "cut")) : NOTHING;
  const known = found.lines;
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
    handle ??= await begin(path, options, found);
    const { size } = await handle.stat();
    try {
      await handle.appendFile([...head, ...lines].map((line) => `${line}\n`).join(""));
      await handle.datasync();
    } catch (cause) {
      // The next line must not join what a full disk took of these.
      await handle.truncate(size).catch(() => {});
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
      await withFileErrors(path, () => rm(path, { force: true }));
    },
    [Symbol.asyncDispose]: close,
  };
}

async function begin(path: string, options: JournalOptions, found: Found): Promise<FileHandle> {
  const mayExist = options.resume === true || options.force === true;
  try {
    await mkdir(dirname(path), { recursive: true });
    // To append, not to write: after a line that a full disk cut off and that is taken back, the next one begins where the file ends.
    const handle = await open(path, mayExist ? "a" : "ax");
    // What follows must not join the rest of a line that was cut off, or one that lacks only its end.
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

/** What a file has, and what of it stays. */
interface Found {
  readonly lines: readonly string[];
  readonly bytes: number;
  /** The last line is whole but for its end. */
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

/** Whether a text may be the rest of a line that begins in one of these ways and was cut off. */
export function isCutFrom(text: string, beginnings: readonly string[]): boolean {
  return beginnings.some((beginning) => text.startsWith(beginning) || beginning.startsWith(text));
}
