/** Reads the inputs of commands: texts (plain, packed, stdin) and token ids (in arguments or files). */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { fileError } from "../../adapter/file-errors.ts";
import { FormatError, UsageError } from "../../base/errors.ts";
import { parseJson, quoted } from "../../base/json.ts";
import { Turns } from "../../base/turns.ts";
import { isGzip, unpacked } from "../../files/gzip.ts";
import { joined } from "../../files/source.ts";

/** Token ids as one stream, or as windows that each begin at position 0. */
export type IdsInput =
  | { readonly kind: "stream"; readonly ids: readonly number[] }
  | { readonly kind: "windows"; readonly windows: readonly (readonly number[])[] };

/** The text of a `.txt` or `.raw` file, of either packed as `.gz`, or of stdin (`-`) to its end, exactly as it is. */
export async function readTextInput(path: string, signal: AbortSignal): Promise<string> {
  const name = path === "-" ? "stdin" : path;
  return decodeUtf8(await readInput(path, signal, TEXT_LIMIT_BYTES), name);
}

/** Reads ids from an argument: `1,2,3`, or with spaces between them. */
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
  const bytes = await readInput(path, signal, IDS_LIMIT_BYTES);
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

/** Limit on a text and on a file of ids, unpacked: more tokens than any run can process. */
export const TEXT_LIMIT_BYTES = 64_000_000;
export const IDS_LIMIT_BYTES = 32_000_000;

async function readInput(path: string, signal: AbortSignal, limitBytes: number): Promise<Uint8Array> {
  const name = path === "-" ? "stdin" : path;
  const bytes = await readWhole(path === "-" ? process.stdin : createReadStream(path), name, signal, limitBytes);
  if (path.endsWith(".gz") && !isGzip(bytes))
    throw new FormatError(path, "found no gzip data, expected a file of that name to be packed");
  return unpacked(bytes, name, limitBytes, new Turns(signal));
}

/** Reads a stream to its end. Devices and pipes do not tell their size, so bytes are counted while they are read. */
async function readWhole(stream: Readable, name: string, signal: AbortSignal, limitBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const stop = () => stream.destroy(signal.reason as Error);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const piece of stream as AsyncIterable<Uint8Array>) {
      size += piece.byteLength;
      if (size > limitBytes)
        throw new FormatError(name, `found more than ${limitBytes} bytes, expected at most ${limitBytes}`);
      pieces.push(piece);
    }
  } catch (cause) {
    throw fileError(name, cause);
  } finally {
    signal.removeEventListener("abort", stop);
  }
  return pieces.length === 1 ? pieces[0] : joined(pieces, size);
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
