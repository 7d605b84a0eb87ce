/**
 * Where bytes come from: one file (`ByteSource`) or a folder of files (`FolderSource`). Code that reads from these does not know
 * whether they are disks, blobs or URLs.
 */

import { FileError, FormatError, UsageError } from "../base/errors.ts";
import { isBlob, isBuffer, isPromise, isResponse, requireGivenFile, requireRecord } from "./given-files.ts";

/** Random access to one file. Readers ask for exact ranges, straight into their own view (often one on wasm memory). */
export interface ByteSource {
  readonly name: string;
  /** Bytes in the file. */
  readonly size: number;
  /** Fills all of `into` with the bytes from `offset` on, or throws: a short read is a `FormatError`. */
  read(offset: number, into: Uint8Array): Promise<void>;
  /** Brings the whole file to where reads are cheap, such as a cache on the disk. Loading calls it; reading headers does not. */
  prepare?(run: PrepareRun): Promise<void>;
  /** @throws FileError if the file was written to since it was opened. */
  requireUnchanged?(): Promise<void>;
  close?(): Promise<void>;
}

export interface PrepareRun {
  readonly signal?: AbortSignal;
  /** Called with bytes that have arrived since the last call, those that were there already included: `size` in all. */
  readonly onBytes?: (bytes: number) => void;
}

/** A flat folder: the files of a model. */
export interface FolderSource {
  readonly name: string;
  list(): Promise<string[]>;
  /** `undefined` where there is no such file. */
  open(file: string): Promise<ByteSource | undefined>;
  /** Closes every file opened through it. */
  close(): Promise<void>;
}

/** Large reads are done in pieces of this size, which keeps the event loop alive and costs no speed. */
export const PIECE_BYTES: number = 8 * 1024 * 1024;

/** Throws unless `length` bytes from `offset` lie inside the source. */
export function checkRange(source: ByteSource, offset: number, length: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && offset + length <= source.size) return;
  throw new FormatError(
    source.name,
    `found ${source.size} bytes, expected at least ${offset + length} (${length} bytes from offset ${offset}); the file is cut short`,
  );
}

/** The error for a source that ends sooner than its own size said. */
export function shortRead(name: string, offset: number, found: number, expected: number): FormatError {
  return new FormatError(name, `found ${found} bytes at offset ${offset}, expected ${expected}; the file is cut short`);
}

/** A file in memory as a source; a range beyond its end is a `FormatError`. */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  const source: ByteSource = {
    name,
    size: bytes.byteLength,
    async read(offset, into) {
      checkRange(source, offset, into.byteLength);
      into.set(bytes.subarray(offset, offset + into.byteLength));
    },
  };
  return source;
}

/** A `Blob` or `File`, as a browser's file picker gives it. */
export function blobSource(name: string, blob: Blob): ByteSource {
  const source: ByteSource = {
    name,
    size: blob.size,
    async read(offset, into) {
      checkRange(source, offset, into.byteLength);
      for (let done = 0; done < into.byteLength; ) {
        const wanted = Math.min(PIECE_BYTES, into.byteLength - done);
        const piece = await blob.slice(offset + done, offset + done + wanted).arrayBuffer();
        if (piece.byteLength !== wanted) throw shortRead(name, offset + done, piece.byteLength, wanted);
        into.set(new Uint8Array(piece), done);
        done += wanted;
      }
    },
  };
  return source;
}

/** The whole file, refused before anything is allocated when it is larger than `limitBytes`. */
export async function readAll(source: ByteSource, limitBytes: number): Promise<Uint8Array> {
  if (source.size > limitBytes)
    throw new FormatError(source.name, `found ${source.size} bytes, expected at most ${limitBytes}`);
  const bytes = new Uint8Array(source.size);
  await source.read(0, bytes);
  return bytes;
}

/** `size` is the sum of their lengths. */
export function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

/** What a repository holds instead of a large file that was not fetched. */
const LFS_POINTER = new TextEncoder().encode("version https://git-lfs");

/** @throws FormatError for a Git LFS pointer, which would otherwise be reported as a broken file. */
export function refuseLfsPointer(start: Uint8Array, where: string): void {
  if (start.length < LFS_POINTER.length || LFS_POINTER.some((byte, i) => start[i] !== byte)) return;
  throw new FormatError(
    where,
    "found a Git LFS pointer, expected the file itself; run `git lfs pull` in its repository",
  );
}

/** A file that a caller gives: bytes in memory, a `Blob` or `File`, the response to a request, or an object that reads ranges. */
export type GivenFile = ByteSource | ArrayBufferLike | ArrayBufferView | Blob | Response;

/**
 * The file as a source.
 * @param name the name in messages, and the name of bytes and blobs, which have none.
 * @throws FileError for a response that reports a failure; UsageError for one whose body was read before, and for other values.
 */
export async function sourceOf(name: string, given: GivenFile | PromiseLike<GivenFile>): Promise<ByteSource> {
  const file = await given;
  if (ArrayBuffer.isView(file)) return bytesSource(name, new Uint8Array(file.buffer, file.byteOffset, file.byteLength));
  if (isBuffer(file)) return bytesSource(name, new Uint8Array(file));
  if (isBlob(file)) return blobSource(name, file);
  if (isResponse(file)) return bodySource(name, file);
  requireGivenFile(name, file);
  return file;
}

/** Bytes of a response that are held as they are. Larger ones are a `Blob`, which browsers may keep on disk. */
const HELD_BYTES = 1 << 26;

/** The body of a response. On workerd a later request may read it only if it is held as bytes. */
async function bodySource(name: string, response: Response): Promise<ByteSource> {
  if (!response.ok)
    throw new FileError(name, `found a response with status ${response.status}, expected the file (status 200)`);
  if (response.bodyUsed) throw new UsageError(name, "a response whose body was read before", "a response that was not");
  const blob = await response.blob();
  return blob.size > HELD_BYTES ? blobSource(name, blob) : bytesSource(name, new Uint8Array(await blob.arrayBuffer()));
}

/** Files by name. Each may also be the promise of a file. */
export type FilesByName = Readonly<Record<string, GivenFile | PromiseLike<GivenFile>>>;

/** A folder of files that are in memory: picked in a browser, fetched, or made in a test. @throws UsageError naming the value that is not a file. */
export function filesFolder(name: string, files: FilesByName): FolderSource {
  requireRecord(name, files);
  for (const [file, given] of Object.entries(files)) requireGivenFile(`${name}/${file}`, given);
  const byName = new Map(Object.entries(files));
  // A response gives its body only once, so each file becomes a source once.
  const opened = new Map<string, Promise<ByteSource>>();
  const open = (file: string, given: GivenFile | PromiseLike<GivenFile>) => {
    const source = opened.get(file) ?? sourceOf(`${name}/${file}`, given);
    opened.set(file, source);
    return source;
  };
  return {
    name,
    /** Waits for files that are on their way: what a request fetched on workerd, no later one may read. */
    async list() {
      const coming = [...byName].filter(([, given]) => isResponse(given) || isPromise(given));
      await Promise.allSettled(coming.map(([file, given]) => open(file, given)));
      return [...byName.keys()].sort();
    },
    async open(file) {
      const given = byName.get(file);
      return given === undefined ? undefined : open(file, given);
    },
    async close() {
      for (const source of opened.values()) await (await source.catch(() => undefined))?.close?.();
    },
  };
}
