/** Errors about values that a caller gave instead of files: what was found, and how to make files of it. */

import { UsageError } from "../base/errors.ts";
import { quoted } from "../base/json.ts";

/** @throws UsageError for a value that does not hold files by name. */
export function requireRecord(where: string, files: unknown): void {
  if (typeof files === "object" && files !== null && !isList(files) && !isBytes(files) && !(files instanceof Map))
    return;
  throw new UsageError(
    where,
    describeGiven(files),
    'files by name such as { "config.json": bytes, ... }, or a FolderSource',
  );
}

/** @throws UsageError for a file that is not bytes, a Blob or a ByteSource. */
export function requireGivenFile(where: string, file: unknown): void {
  if (file instanceof Uint8Array || (typeof Blob !== "undefined" && file instanceof Blob)) return;
  const { read, size } = (file ?? {}) as { readonly read?: unknown; readonly size?: unknown };
  if (typeof read === "function" && typeof size === "number") return;
  throw new UsageError(where, describeGiven(file), `a Uint8Array, a Blob or a ByteSource${remedy(file)}`);
}

function remedy(file: unknown): string {
  if (typeof file === "string") return "; new TextEncoder().encode(text) makes bytes of a text, fetch reads a URL";
  if (file instanceof ArrayBuffer) return "; new Uint8Array(buffer) is one";
  if (typeof Response !== "undefined" && file instanceof Response) return "; await response.blob() is one";
  if (file instanceof Promise) return "; await it";
  return "";
}

export function isList(value: object): boolean {
  return Array.isArray(value) || (typeof FileList !== "undefined" && value instanceof FileList);
}

export function isBytes(value: object): boolean {
  const isBlob = typeof Blob !== "undefined" && value instanceof Blob;
  const isResponse = typeof Response !== "undefined" && value instanceof Response;
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer || isBlob || isResponse || value instanceof Promise;
}

export function describeGiven(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return `the text ${quoted(value)}`;
  if (typeof value !== "object") return `a ${typeof value}`;
  if (isList(value)) return `a list of ${(value as ArrayLike<unknown>).length}`;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" && name !== "Object" ? `a value of type ${name}` : "an object";
}
