/** How a text file becomes one stream of ids: as documents where it says so, as one string otherwise. */
import { UsageError } from "../base/errors.ts";
import type { Tokenizer } from "./tokenizer.ts";

const SEPARATOR = "<|endoftext|>";

/** The documents of a text with lines `<|endoftext|>`, without newlines at both ends and without empty ones; else undefined. */
export function splitDocuments(text: string): string[] | undefined {
  if (!text.includes(SEPARATOR)) return undefined;
  const parts = text.split(/^<\|endoftext\|>\r?$/m);
  if (parts.length === 1) return undefined;
  return parts.map((part) => part.replace(/^[\r\n]+|[\r\n]+$/g, "")).filter((part) => part !== "");
}

export interface DocumentOptions {
  /** The id each document begins with; by default the tokenizer's BOS id, its EOS id where it has no BOS. */
  readonly startId?: number;
  readonly signal?: AbortSignal;
}

/** The ids of a text input: each document after its start id, any other text as it is. The event loop turns meanwhile. */
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
    throw new UsageError("text", "documents for a model without a BOS and an EOS id", "a BOS id to begin each with");
  const ids: number[] = [];
  for (const document of documents) {
    ids.push(startId);
    for (const id of await tokenizer.encodeAsync(document, { signal })) ids.push(id);
  }
  return ids;
}
