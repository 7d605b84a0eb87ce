/** What callers give as files. Errors about other values say what was found, and how to make a file of it. */

import { UsageError } from "../base/errors.ts";
import { quoted } from "../base/json.ts";

const FILE = "a Uint8Array, an ArrayBuffer, a Blob, a Response or a ByteSource";

/** @throws UsageError for a value that does not hold files by name. */
export function requireRecord(where: string, files: unknown): void {
  if (typeof files === "object" && files !== null && !isList(files) && !isFile(files) && !isPromise(files)) return;
  throw new UsageError(
    where,
    describeGiven(files),
    'files by name such as { "config.json": bytes, ... }, or a FolderSource',
  );
}

/** @throws UsageError for a value that is neither a file nor a promise of one. */
export function requireGivenFile(where: string, file: unknown): void {
  if (!isFile(file) && !isPromise(file)) throw new UsageError(where, describeGiven(file), `${FILE}${remedy(file)}`);
}

/** Whether the value is a file by itself. */
export function isFile(value: unknown): boolean {
  if (ArrayBuffer.isView(value) || isBuffer(value) || isBlob(value) || isResponse(value)) return true;
  const { read, size } = (value ?? {}) as { readonly read?: unknown; readonly size?: unknown };
  return typeof read === "function" && typeof size === "number";
}

export function isBuffer(value: unknown): value is ArrayBufferLike {
  return (
    value instanceof ArrayBuffer || (typeof SharedArrayBuffer !== "undefined" && value instanceof SharedArrayBuffer)
  );
}

export function isBlob(value: unknown): value is Blob {
  return typeof Blob !== "undefined" && value instanceof Blob;
}

/** The name is compared first: merely to mention `Response` makes Node load its HTTP client, which takes 50 ms. */
export function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === "[object Response]" && value instanceof Response;
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";
}

function remedy(file: unknown): string {
  return typeof file === "string" ? "; new TextEncoder().encode(text) makes bytes of a text, fetch reads a URL" : "";
}

export function isList(value: object): value is ArrayLike<unknown> {
  return Array.isArray(value) || (typeof FileList !== "undefined" && value instanceof FileList);
}

export function describeGiven(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return `the text ${quoted(value)}`;
  if (typeof value !== "object") return `a ${typeof value}`;
  if (isList(value)) return `a list of ${value.length}`;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" && name !== "Object" ? `a value of type ${name}` : "an object";
}
