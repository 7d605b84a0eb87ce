/** Turns a text file into one stream of ids: document by document if it has separators, as one string otherwise. */
import { UsageError } from "../base/errors.ts";
import type { Tokenizer } from "./tokenizer.ts";

const SEPARATOR = "<|endoftext|>";

/** The documents between lines `<|endoftext|>`, stripped of newlines, without empty ones; undefined for a text without such lines. */
export function splitDocuments(text: string): string[] | undefined {
  if (!text.includes(SEPARATOR)) return undefined;
  const parts = text.split(/^<\|endoftext\|>\r?$/m);
  if (parts.length === 1) return undefined;
  return parts.map((part) => part.replace(/^[\r\n]+|[\r\n]+$/g, "")).filter((part) => part !== "");
}

export interface DocumentOptions {
  /** The id that each document begins with. Default: the tokenizer's BOS id, or its EOS id if it has no BOS id. */
  readonly startId?: number;
  readonly signal?: AbortSignal;
}

/** The ids of a text: each document after its start id; a text without documents as it is. Lets the event loop run meanwhile. */
export async function encodeDocuments(
  tokenizer: Tokenizer,
  text: string,
  options: DocumentOptions = {},
): Promise<number[]> {
  const { signal } = options;
  const documents = splitDocuments(text);
  if (documents === undefined) return tokenizer.encodeAsync(text, { signal });
  const startId = options.startId ?? tokenizer.bosId ?? tokenizer.eosId;
  if (startId === undefined)
    throw new UsageError(
      "text",
      "documents for a model without a BOS and an EOS id",
      "a BOS id, an EOS id or a startId to begin each document with",
    );
  const ids: number[] = [];
  for (const document of documents) {
    ids.push(startId);
    for (const id of await tokenizer.encodeAsync(document, { signal })) ids.push(id);
  }
  return ids;
}
