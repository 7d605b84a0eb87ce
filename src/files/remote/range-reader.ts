/** Reads ranges of one file of a server. A connection that is cut is taken up at the byte that it reached. */
import { RemoteError } from "../../base/errors.ts";
import { contentRange, ifRange, sameVersion, type Version, versionOf } from "./content-range.ts";
import type { HttpClient, RemotePlace, Reply } from "./http-client.ts";
import { refusal } from "./http-refusal.ts";
import { onAbort } from "./on-abort.ts";
import { pour } from "./pour.ts";

/** What the first response told of the file. */
export interface KnownFile {
  readonly size: number;
  readonly version: Version;
}

/** Large reads are parted into ranges of this size, of which some are read at once. */
const PART_BYTES = 4 * 1024 * 1024;
const AT_ONCE = 4;
/** So much must arrive for an attempt to count as progress: a server cannot hold a reader for ever, a byte at a time. */
const PROGRESS_BYTES = 64 * 1024;
/** Answers of a server to an address that has run out, such as the signed one that it redirected to. */
const RUN_OUT = [400, 401, 403, 404, 410];

export class RangeReader {
  readonly #client: HttpClient;
  readonly #place: RemotePlace;
  readonly #file: KnownFile;
  readonly #signal: AbortSignal | undefined;

  constructor(client: HttpClient, place: RemotePlace, { file, signal }: { file: KnownFile; signal?: AbortSignal }) {
    this.#client = client;
    this.#place = place;
    this.#file = file;
    this.#signal = signal;
  }

  /** Fills `into` with the bytes from `offset` on, in parts that are read side by side. The first failure ends all of them. */
  async read(offset: number, into: Uint8Array): Promise<void> {
    const stop = new AbortController();
    this.#signal?.throwIfAborted();
    const unfollow = onAbort(this.#signal, () => stop.abort(this.#signal?.reason));
    let next = 0;
    const work = async (): Promise<void> => {
      for (let start = next; start < into.byteLength; start = next) {
        next = Math.min(start + PART_BYTES, into.byteLength);
        await this.#part(offset + start, into.subarray(start, next), stop.signal);
      }
    };
    const workers = Array.from({ length: Math.min(AT_ONCE, Math.ceil(into.byteLength / PART_BYTES)) }, work);
    try {
      await Promise.all(workers);
    } catch (error) {
      stop.abort(error);
      // Nothing may write into the caller's view after this call.
      await Promise.allSettled(workers);
      throw error;
    } finally {
      unfollow();
    }
  }

  async #part(offset: number, into: Uint8Array, signal: AbortSignal): Promise<void> {
    const attempts = this.#client.attempts(this.#place, signal);
    for (let done = 0; done < into.byteLength; ) {
      const reply = await this.#open({ first: offset + done, last: offset + into.byteLength - 1, signal });
      using _watchdog = reply.watchdog;
      const length = this.#check(reply, offset + done, into.byteLength - done);
      const { bytes, broken } = await pour(reply, into.subarray(done, done + length), this.#place.name);
      done += bytes;
      if (bytes >= PROGRESS_BYTES) attempts.progressed();
      const missing = into.byteLength - done;
      if (broken !== undefined)
        await attempts.again({ problem: `the connection was cut ${missing} bytes before the end (${broken})` });
    }
  }

  async #open({ first, last, signal }: { first: number; last: number; signal: AbortSignal }): Promise<Reply> {
    const headers = { range: `bytes=${first}-${last}`, ...ifRange(this.#file.version) };
    const wasAt = this.#place.location;
    const reply = await this.#client.send(this.#place, { headers, signal });
    if (wasAt === this.#place.url || !RUN_OUT.includes(reply.response.status)) return reply;
    // The address that the first request was redirected to may have run out: the first address gives a new one.
    this.#place.location = this.#place.url;
    await discard(reply);
    return this.#client.send(this.#place, { headers, signal });
  }

  /** How many bytes the response holds, which may be fewer than were asked for. @throws RemoteError for other bytes than these. */
  #check({ response, watchdog }: Reply, first: number, length: number): number {
    const { name } = this.#place;
    const { size, version } = this.#file;
    const { status, headers } = response;
    try {
      if (status !== 206 && status !== 200) {
        if (status === 416) throw changed(name, `range ${first}-${first + length - 1} is outside the file`);
        throw refusal(this.#place, response);
      }
      if (!sameVersion(version, versionOf(headers)))
        throw changed(name, `its tag is ${headers.get("etag") ?? headers.get("last-modified")}`);
      if (status === 200) {
        if (first === 0 && length === size) return size;
        throw new RemoteError(name, "found the whole file, expected the range that was asked for", { status });
      }
      const range = contentRange(headers, name);
      if (range === undefined) return length;
      if ((range.total ?? size) !== size) throw changed(name, `it has ${range.total} bytes`);
      if (range.first === first && range.last < first + length) return range.last - first + 1;
      const wanted = `${first}-${first + length - 1}`;
      throw new RemoteError(name, `found bytes ${range.first}-${range.last}, expected bytes ${wanted}`);
    } catch (error) {
      watchdog[Symbol.dispose]();
      void response.body?.cancel().catch(() => {});
      throw error;
    }
  }
}

/** Leaves a response unread. */
export async function discard({ response, watchdog }: Reply): Promise<void> {
  watchdog[Symbol.dispose]();
  await response.body?.cancel().catch(() => {});
}

function changed(name: string, how: string): RemoteError {
  return new RemoteError(name, `the file changed while it was read (${how}); open it again`);
}
