/** Reads what commands take in: texts (plain, packed, stdin) and token ids (in the arguments or in files). */
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { fileError } from "../adapter/file-errors.ts";
import { FormatError, UsageError } from "../errors.ts";
import { parseJson } from "../format/json.ts";
import { quoted } from "./options.ts";

/** Token ids as one stream, or as windows that each begin at position 0. */
export type IdsInput =
  | { readonly kind: "stream"; readonly ids: readonly number[] }
  | { readonly kind: "windows"; readonly windows: readonly (readonly number[])[] };

/** The text of a `.txt` or `.raw` file, of either packed as `.gz`, or of stdin (`-`) to its end, exactly as it is. */
export async function readTextInput(path: string, signal: AbortSignal): Promise<string> {
  const name = path === "-" ? "stdin" : path;
  return decodeUtf8(await readInput(path, signal), name);
}

/** Ids as arguments give them: `1,2,3`, or with spaces between. */
export function parseIds(option: string, text: string): number[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  return words.map((word) => {
    const id = /^\d+$/.test(word) ? Number(word) : Number.NaN;
    if (isId(id)) return id;
    throw new UsageError(option, quoted(word), "token ids such as 1,2,3");
  });
}

/** `.u16` and `.i32` hold little endian numbers; any other name a JSON array, or an object with `windows`. */
export async function readIdsFile(path: string, signal: AbortSignal): Promise<IdsInput> {
  const bytes = await readInput(path, signal);
  const plain = path.replace(/\.gz$/, "");
  if (plain.endsWith(".u16")) return { kind: "stream", ids: readIntegers(bytes, 2, path) };
  if (plain.endsWith(".i32")) return { kind: "stream", ids: readIntegers(bytes, 4, path) };
  const value: unknown = parseJson(decodeUtf8(bytes, path), path);
  if (Array.isArray(value)) return { kind: "stream", ids: idsOf(value, path) };
  const windows = (value as { windows?: unknown } | null)?.windows;
  if (!Array.isArray(windows))
    throw new FormatError(path, "found no array of ids, expected one or { windows: [[...]] }");
  return { kind: "windows", windows: windows.map((window, i) => idsOf(window, `${path}: windows[${i}]`)) };
}

async function readInput(path: string, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = path === "-" ? await readStdin(signal) : await readWhole(path, signal);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    if (path.endsWith(".gz")) throw new FormatError(path, "found no gzip data, expected it by the name");
    return bytes;
  }
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw new FormatError(path === "-" ? "stdin" : path, `cannot be unpacked: ${(cause as Error).message}`, { cause });
  }
}

async function readWhole(path: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await readFile(path, { signal });
  } catch (cause) {
    throw fileError(path, cause);
  }
}

async function readStdin(signal: AbortSignal): Promise<Uint8Array> {
  const stop = () => process.stdin.destroy(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await buffer(process.stdin);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(where, "found bytes that are not UTF-8, expected text", { cause });
  }
}

function readIntegers(bytes: Uint8Array, size: 2 | 4, where: string): number[] {
  if (bytes.length % size !== 0)
    throw new FormatError(where, `found ${bytes.length} bytes, expected a multiple of ${size}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ids = Array.from({ length: bytes.length / size }, (_, i) =>
    size === 2 ? view.getUint16(2 * i, true) : view.getInt32(4 * i, true),
  );
  return idsOf(ids, where);
}

function idsOf(value: unknown, where: string): number[] {
  if (!Array.isArray(value)) throw new FormatError(where, "found no array, expected an array of token ids");
  value.forEach((id: unknown, i) => {
    if (!isId(id))
      throw new FormatError(where, `found ${quoted(JSON.stringify(id))} at index ${i}, expected a token id`);
  });
  return value as number[];
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}
