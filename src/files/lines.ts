/** Reads text files line by line. Lines are numbered from 1, as editors show them. */

import { FormatError } from "../base/errors.ts";

export interface Line {
  readonly line: number;
  readonly text: string;
}

/** `file: line 3`: the place that every error about a line begins with. */
export function lineOf(file: string, line: number): string {
  return `${file}: line ${line}`;
}

/** UTF-8 to text, without a byte order mark; bytes that are not UTF-8 are refused, and the error names the first line that holds some. */
export function decodeText(bytes: Uint8Array, where: string): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new FormatError(lineOf(where, firstBadLine(bytes)), "found bytes that are not UTF-8, expected text", {
      cause,
    });
  }
}

/** Every line without its end (`\n` or `\r\n`). Text behind the last line end is a line unless it is empty. */
export function* linesOf(text: string): Generator<Line> {
  let line = 1;
  for (let start = 0; start < text.length; line++) {
    const found = text.indexOf("\n", start);
    const end = found < 0 ? text.length : found;
    yield { line, text: text.slice(start, end > start && text[end - 1] === "\r" ? end - 1 : end) };
    start = end + 1;
  }
}

function firstBadLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.byteLength; line++) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.byteLength : found;
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end + 1;
  }
  return line;
}
