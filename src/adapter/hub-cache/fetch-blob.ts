/**
 * Downloads a blob into the cache: as `HASH.incomplete`, which a later run or another program resumes, then checked by size and hash,
 * then renamed. Parts arrive side by side but are written in order, so an incomplete file is always the beginning of the whole.
 */
import type { Hash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { RemoteError, UsageError } from "../../base/errors.ts";
import { pause } from "../../files/remote/attempts.ts";
import type { ByteSource, PrepareRun } from "../../files/source.ts";
import { withFileErrors } from "../file-errors.ts";
import { nodeLock } from "../node-lock.ts";
import { blobHash, isHash } from "./blob-hash.ts";
import { type CachePlace, sizeOf } from "./cache-place.ts";

const PIECE_BYTES = 8 * 1024 * 1024;
/** Pieces that are read at once; each of them is read in parts again. */
const AT_ONCE = 3;
const POLL_MS = 200;

export interface WantedBlob {
  readonly place: CachePlace;
  readonly hash: string;
  readonly size: number;
  /** Opens the file on its server; the signal ends all its reads. */
  open(signal: AbortSignal): Promise<ByteSource>;
}

/** Does nothing where the blob is there. A process that finds another one at work on the blob waits for it. */
export async function fetchBlob(wanted: WantedBlob, run: PrepareRun): Promise<void> {
  const { place, hash, size } = wanted;
  for (;;) {
    run.signal?.throwIfAborted();
    if (await place.hasBlob(hash, size)) return run.onBytes?.(size);
    const lock = await nodeLock(place.lock(hash)).catch((error: unknown) => {
      if (error instanceof UsageError) return undefined;
      throw error;
    });
    if (lock === undefined) {
      await pause(POLL_MS, run.signal);
      continue;
    }
    await using _held = lock;
    if (await place.hasBlob(hash, size)) continue;
    // Without this await the lock would be released at once.
    await download(wanted, run);
    return;
  }
}

async function download(wanted: WantedBlob, run: PrepareRun): Promise<void> {
  const blob = wanted.place.blob(wanted.hash);
  const incomplete = `${blob}.incomplete`;
  await withFileErrors(blob, () => mkdir(dirname(blob), { recursive: true }));
  const hadStart = ((await sizeOf(incomplete)) ?? 0) > 0;
  let found = await complete(wanted, incomplete, run);
  if (found !== wanted.hash && hadStart) {
    // The beginning may have been damaged, or another program's.
    await rm(incomplete, { force: true });
    found = await complete(wanted, incomplete, { signal: run.signal });
  }
  if (found !== wanted.hash) {
    await rm(incomplete, { force: true });
    throw new RemoteError(blob, `found bytes with the hash ${found}, expected ${wanted.hash}; download it again`);
  }
  await withFileErrors(blob, () => rename(incomplete, blob));
}

/** Reads what the incomplete file lacks. Returns the name that its bytes have. */
async function complete({ size, hash, open: openSource }: WantedBlob, path: string, run: PrepareRun): Promise<string> {
  const file = await withFileErrors(path, () => open(path, "a+"));
  try {
    const sum = blobHash(hash, size);
    let start = (await file.stat()).size;
    if (start > size) {
      await file.truncate(0);
      start = 0;
    }
    await hashStart(file, { sum, start, run });
    if (start < size) {
      const stop = new AbortController();
      const source = await openSource(
        run.signal === undefined ? stop.signal : AbortSignal.any([run.signal, stop.signal]),
      );
      try {
        if (source.size !== size)
          throw new RemoteError(source.name, `found ${source.size} bytes, expected ${size} as the hub's list says`);
        await append(file, { source, start, sum, run, path });
      } finally {
        // After a failure, pieces that were asked for ahead must not go on.
        stop.abort();
        await source.close?.();
      }
    }
    await withFileErrors(path, () => file.datasync());
    return isHash(hash) ? sum.digest("hex") : hash;
  } finally {
    await file.close();
  }
}

interface Start {
  readonly sum: Hash;
  readonly start: number;
  readonly run: PrepareRun;
}

async function hashStart(file: FileHandle, { sum, start, run }: Start): Promise<void> {
  const piece = new Uint8Array(Math.min(PIECE_BYTES, start));
  for (let done = 0; done < start; ) {
    run.signal?.throwIfAborted();
    const { bytesRead } = await file.read(piece, 0, Math.min(piece.length, start - done), done);
    if (bytesRead === 0) break;
    sum.update(piece.subarray(0, bytesRead));
    run.onBytes?.(bytesRead);
    done += bytesRead;
  }
}

interface Rest extends Start {
  readonly source: ByteSource;
  readonly path: string;
}

async function append(file: FileHandle, { source, start, sum, run, path }: Rest): Promise<void> {
  const pieces: Promise<Uint8Array>[] = [];
  let next = start;
  const request = () => {
    if (next >= source.size) return;
    const piece = new Uint8Array(Math.min(PIECE_BYTES, source.size - next));
    const read = source.read(next, piece).then(() => piece);
    // A piece that is waited for later must not end the process meanwhile.
    read.catch(() => {});
    pieces.push(read);
    next += piece.byteLength;
  };
  for (let i = 0; i < AT_ONCE; i++) request();
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    run.signal?.throwIfAborted();
    const bytes = await piece;
    request();
    await withFileErrors(path, () => file.appendFile(bytes));
    sum.update(bytes);
    run.onBytes?.(bytes.byteLength);
  }
}
