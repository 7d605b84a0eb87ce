/** Reads the hub's lists of files. Names, sizes and hashes come from a stranger and are checked. */
import { FormatError } from "../../base/errors.ts";
import { asObject, describeJson, isObject, type JsonObject, type JsonValue } from "../../base/json.ts";
import { isSafePath } from "./hub-reference.ts";

/** A file of a repository at one commit. */
export interface HubFile {
  readonly path: string;
  /** Undefined where the list does not tell it: the file's own headers do. */
  readonly size: number | undefined;
  /** SHA-256 of a large file (LFS), git's SHA-1 of another one, or another tag. It is the file's name in the cache. */
  readonly etag: string | undefined;
}

/** A tag that can be a file's name. The hub's own are hashes; those of other servers that speak its protocol need not be. */
const ETAG = /^(?!\.)[\w.-]{1,200}$/;

/** One page of `/api/models/OWNER/NAME/tree/REVISION`. Entries that are no files, and names that lead out of a folder, are left out. */
export function readTree(json: JsonValue, where: string): HubFile[] {
  if (!Array.isArray(json)) throw new FormatError(where, `found ${describeJson(json)}, expected a list of files`);
  return (json as readonly JsonValue[]).flatMap((value, i) => {
    const entry = asObject(value, `${where}: [${i}]`);
    const lfs = isObject(entry["lfs"]) ? entry["lfs"] : undefined;
    if (entry["type"] === "directory") return [];
    return file(entry["path"], {
      size: lfs?.["size"] ?? entry["size"],
      etag: lfs?.["oid"] ?? (lfs === undefined ? entry["oid"] : undefined),
      where: `${where}: [${i}]`,
    });
  });
}

/** `siblings` of `/api/models/OWNER/NAME/revision/REVISION`, for a hub without trees. */
export function readSiblings(json: JsonObject, where: string): HubFile[] {
  const siblings = json["siblings"];
  if (!Array.isArray(siblings)) return [];
  return (siblings as readonly JsonValue[]).flatMap((value, i) => {
    const entry = asObject(value, `${where}: siblings[${i}]`);
    const lfs = isObject(entry["lfs"]) ? entry["lfs"] : undefined;
    return file(entry["rfilename"], {
      size: lfs?.["size"] ?? entry["size"],
      etag: lfs?.["sha256"] ?? (lfs === undefined ? entry["blobId"] : undefined),
      where: `${where}: siblings[${i}]`,
    });
  });
}

interface Facts {
  readonly size: JsonValue | undefined;
  readonly etag: JsonValue | undefined;
  readonly where: string;
}

function file(path: JsonValue | undefined, { size, etag, where }: Facts): HubFile[] {
  if (typeof path !== "string") throw new FormatError(where, `found ${describeJson(path)}, expected a file's name`);
  if (!isSafePath(path)) return [];
  if (size !== undefined && size !== null && (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0))
    throw new FormatError(`${where}: size`, `found ${describeJson(size)}, expected a number of bytes`);
  return [{ path, size: size ?? undefined, etag: readEtag(etag) }];
}

/** A hash or another tag as in a header or in JSON, without `sha256:` and quotation marks; undefined where it can be no file's name. */
export function readEtag(value: JsonValue | undefined): string | undefined {
  if (typeof value !== "string") return undefined;
  const bare = value
    .replace(/^W\//, "")
    .replace(/^"|"$/g, "")
    .replace(/^sha256:/, "");
  return ETAG.test(bare) ? bare : undefined;
}

/** The address of the next page in a `Link` header (RFC 8288). */
export function nextPage(link: string | null): string | undefined {
  return link === null ? undefined : /<([^<>]*)>\s*;[^,]*\brel="?next"?/i.exec(link)?.[1];
}
