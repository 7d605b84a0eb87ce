/** The headers that say which bytes of which version of a file a response holds. */
import { RemoteError } from "../../base/errors.ts";

export interface ContentRange {
  readonly first: number;
  /** The last byte, which is part of the range. */
  readonly last: number;
  /** Bytes of the whole file, where the server says so. */
  readonly total: number | undefined;
}

const RANGE = /^bytes\s+(\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i;

/** Reads `bytes FIRST-LAST/TOTAL`; undefined where a page may not see the header. @throws RemoteError for anything else. */
export function contentRange(headers: Headers, where: string): ContentRange | undefined {
  const text = headers.get("content-range");
  if (text === null) return undefined;
  const match = RANGE.exec(text.trim());
  const [first, last] = match === null ? [0, -1] : [Number(match[1]), Number(match[2])];
  const total = match === null || match[3] === "*" ? undefined : Number(match[3]);
  if (first <= last && Number.isSafeInteger(last) && (total ?? last + 1) > last) return { first, last, total };
  throw new RemoteError(where, `found a Content-Range of "${text.slice(0, 80)}", expected bytes FIRST-LAST/TOTAL`);
}

/** Bytes of the body by its header; undefined for a body that is sent in chunks or packed. */
export function contentLength(headers: Headers): number | undefined {
  const packed = headers.get("content-encoding");
  const text = headers.get("content-length");
  if (text === null || !/^\d{1,16}$/.test(text) || (packed !== null && packed !== "identity")) return undefined;
  return Number(text);
}

/** What names a file's version: its ETag, or the time of its last change. */
export interface Version {
  readonly etag: string | undefined;
  readonly modified: string | undefined;
}

export function versionOf(headers: Headers): Version {
  return { etag: headers.get("etag") ?? undefined, modified: headers.get("last-modified") ?? undefined };
}

/** The header for which a server sends the whole file if it has changed. It needs an exact tag: a weak one (`W/`) does not do. */
export function ifRange({ etag }: Version): Readonly<Record<string, string>> {
  return etag === undefined || /^W\//i.test(etag) ? {} : { "if-range": etag };
}

/** Whether two responses are of the same version, as far as their headers tell. Tags decide where both have one. */
export function sameVersion(a: Version, b: Version): boolean {
  if (a.etag !== undefined && b.etag !== undefined) return bare(a.etag) === bare(b.etag);
  return a.modified === undefined || b.modified === undefined || a.modified === b.modified;
}

function bare(etag: string): string {
  return etag.replace(/^W\//i, "");
}
