/** A file of a web server as a source. It is read by ranges, or taken whole from a server that cannot send parts. */
import { FormatError, MemoryError, RemoteError } from "../../base/errors.ts";
import { type ByteSource, bytesSource, checkRange, joined } from "../source.ts";
import { BlockCache } from "./block-cache.ts";
import { contentLength, contentRange, versionOf } from "./content-range.ts";
import {
  HttpClient,
  type RemoteOptions,
  type RemotePlace,
  type Reply,
  remotePlace,
  requireUrl,
} from "./http-client.ts";
import { refusal } from "./http-refusal.ts";
import { pour, pourAll } from "./pour.ts";
import { discard, RangeReader } from "./range-reader.ts";

/** The first request: its answer tells the size, and most configurations fit in it. */
const PROBE_BYTES = 256 * 1024;
const MOST_DOWNLOAD_BYTES: number = 2 ** 31;
/** A whole download of more than this is worth a warning. */
const WARN_BYTES = 16 * 1024 * 1024;

/** @throws RemoteError where the server does not give the file; its `status` is 404 where there is none. */
export async function remoteFile(url: string | URL, options: RemoteOptions = {}): Promise<ByteSource> {
  const client = new HttpClient(options);
  return openRemote(client, remotePlace(requireUrl(url)), options);
}

/** The file by a client that others share. */
export async function openRemote(client: HttpClient, place: RemotePlace, options: RemoteOptions): Promise<ByteSource> {
  const headers = { range: `bytes=0-${PROBE_BYTES - 1}` };
  const reply = await client.send(place, { headers, signal: options.signal });
  try {
    return await openReply({ client, place, options }, reply);
  } catch (error) {
    await discard(reply);
    throw error;
  }
}

async function openReply(opening: Opening, reply: Reply): Promise<ByteSource> {
  const { place } = opening;
  const { response } = reply;
  if (isPage(response))
    throw new RemoteError(place.name, "found a web page (text/html), expected the file", { status: 404 });
  if (response.status === 206) return rangedFile(opening, reply);
  if (response.status === 200) return wholeFile(opening, reply);
  await discard(reply);
  // A range of a file without bytes cannot be served.
  if (response.status === 416 && /^bytes\s+\*\/0$/i.test(response.headers.get("content-range") ?? ""))
    return bytesSource(place.name, new Uint8Array());
  throw refusal(place, response);
}

/** Servers of programs with a single page answer with it, and with status 200, whatever file does not exist. */
function isPage({ ok, headers }: Response): boolean {
  return ok && /^text\/html\b/i.test(headers.get("content-type") ?? "");
}

interface Opening {
  readonly client: HttpClient;
  readonly place: RemotePlace;
  readonly options: RemoteOptions;
}

async function rangedFile({ client, place, options }: Opening, reply: Reply): Promise<ByteSource> {
  const { headers } = reply.response;
  const range = contentRange(headers, place.name);
  const size = range?.total ?? (await sizeByHead(client, place));
  const length = Math.min(PROBE_BYTES, size);
  if (range !== undefined && (range.first !== 0 || range.last >= length))
    throw new RemoteError(place.name, `found bytes ${range.first}-${range.last}, expected bytes 0-${length - 1}`);
  const start = new Uint8Array(length);
  const { bytes } = await pour(reply, start, place.name).finally(() => reply.watchdog[Symbol.dispose]());
  const file = { size, version: versionOf(headers) };
  const reader = new RangeReader(client, place, { file, signal: options.signal });
  const ranges = { size, read: (offset: number, into: Uint8Array) => reader.read(offset, into) };
  const blocks = new BlockCache(ranges, bytes === length ? start : undefined);
  const source: ByteSource = {
    name: place.name,
    size,
    async read(offset, into) {
      checkRange(source, offset, into.byteLength);
      await (BlockCache.serves(into.byteLength) ? blocks : reader).read(offset, into);
    },
  };
  return source;
}

/** A page sees Content-Range only if the server allows it, but it always sees Content-Length. */
async function sizeByHead(client: HttpClient, place: RemotePlace): Promise<number> {
  const reply = await client.send(place, { method: "HEAD", headers: { "accept-encoding": "identity" } });
  await discard(reply);
  const size = reply.response.status === 200 ? contentLength(reply.response.headers) : undefined;
  if (size !== undefined) return size;
  throw new RemoteError(
    place.name,
    "found neither Content-Range nor Content-Length, expected the file's size; a server of another origin must expose these headers",
  );
}

/** Takes the file whole. The first answer is read on if it is the whole file already; a download that is cut begins anew. */
async function wholeFile({ client, place, options }: Opening, first: Reply): Promise<ByteSource> {
  const limit = options.maxDownloadBytes ?? MOST_DOWNLOAD_BYTES;
  const attempts = client.attempts(place, options.signal);
  for (let reply = first; ; reply = await client.send(place, { signal: options.signal })) {
    using _watchdog = reply.watchdog;
    const size = contentLength(reply.response.headers);
    if (reply.response.status !== 200 || (size ?? 0) > limit) {
      await discard(reply);
      throw reply.response.status === 200 ? tooLarge(place, size, limit) : refusal(place, reply.response);
    }
    const warn = (all: number) =>
      options.onWarning?.(`${place.name}: the server cannot send parts of a file, so all ${all} bytes are downloaded`);
    if (reply === first && size !== undefined && size > WARN_BYTES) warn(size);
    const { whole, bytes, broken } = await (size === undefined
      ? gather(reply, limit, place)
      : receive(reply, size, place));
    if (broken === undefined && size === undefined && bytes > WARN_BYTES) warn(bytes);
    if (broken === undefined) return bytesSource(place.name, whole());
    await attempts.again({ problem: `the download was cut after ${bytes} bytes (${broken})` });
  }
}

function tooLarge(place: RemotePlace, size: number | undefined, limit: number): FormatError {
  return new FormatError(
    place.name,
    `found ${size} bytes on a server that cannot send parts of a file, expected at most ${limit}`,
  );
}

interface Received {
  readonly whole: () => Uint8Array;
  readonly bytes: number;
  /** Why the body ended too soon, if it did. */
  readonly broken?: string;
}

/** A body whose length is known goes straight to its place. */
async function receive(reply: Reply, size: number, { name }: RemotePlace): Promise<Received> {
  const into = allocate(size, name);
  return { ...(await pour(reply, into, name)), whole: () => into };
}

async function gather(reply: Reply, limit: number, { name }: RemotePlace): Promise<Received> {
  const { pieces, ...found } = await pourAll(reply, limit, name);
  return { ...found, whole: () => joined(pieces, found.bytes) };
}

function allocate(bytes: number, name: string): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new MemoryError(name, { askedBytes: bytes, limitBytes: bytes - 1 }, { cause });
  }
}
