/** The result of a command on stdout: text for people, or exactly one JSON document. */
import { NumericsError } from "../../base/errors.ts";
import type { TextSink } from "./screen.ts";

export interface Output {
  readonly isJson: boolean;
  /** The whole result: `document` with `--json`, otherwise the text, which is made only if it is shown. */
  result(document: Readonly<Record<string, unknown>>, text: () => string): void;
  /** A part of a text result, as it comes; nothing with `--json`. */
  piece(text: string): void;
  /** One line of JSON, for results that are streams of documents (JSON Lines). */
  line(document: Readonly<Record<string, unknown>>): void;
}

export function createOutput(stdout: TextSink, isJson: boolean): Output {
  return {
    isJson,
    result(document, text) {
      if (isJson) stdout.write(`${toJson(document)}\n`);
      else stdout.write(ensureNewline(text()));
    },
    piece(text) {
      if (!isJson) stdout.write(text);
    },
    line(document) {
      stdout.write(`${toJson(document)}\n`);
    },
  };
}

function ensureNewline(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

/** Typed arrays become arrays. JSON cannot hold numbers that are not finite: @throws NumericsError naming their path. */
export function toJson(document: unknown): string {
  const paths = new Map<unknown, string>();
  return JSON.stringify(document, function (this: unknown, key, value: unknown) {
    const parent = paths.get(this) ?? "";
    const path = parent === "" ? key : Array.isArray(this) ? `${parent}[${key}]` : `${parent}.${key}`;
    if (typeof value === "number" && !Number.isFinite(value))
      throw new NumericsError(`result ${path}`, `found ${value}, expected a finite number`);
    const plain = ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value;
    if (typeof plain === "object" && plain !== null) paths.set(plain, path);
    return plain;
  });
}
