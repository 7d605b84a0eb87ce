/** Checks a parsed `tokenizer.json` before anything believes it. */
import { FormatError } from "../errors.ts";
import type { AddedToken } from "./added-tokens.ts";

type Node = Readonly<Record<string, unknown>>;

/** What the rest of the room needs of the file; `json` is the file itself, checked. */
export interface TokenizerJson {
  readonly json: Node;
  readonly addedTokens: readonly AddedToken[];
}

export function parseTokenizerJson(value: unknown, where: string): TokenizerJson {
  const json = objectAt(value, where, "the file");
  const model = objectAt(json["model"], where, "model");
  const { vocab, merges } = model;
  const sized = (typeof vocab === "object" && vocab !== null) || Array.isArray(vocab);
  if (!sized) throw new FormatError(where, `model.vocab: found ${kindOf(vocab)}, expected an object of token ids`);
  if (!Array.isArray(vocab)) checkIds(vocab as Node, where);
  if (model["type"] === "BPE") checkMerges(merges, where);
  return { json, addedTokens: addedTokensOf(json["added_tokens"], where) };
}

function objectAt(value: unknown, where: string, field: string): Node {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Node;
  throw new FormatError(where, `${field}: found ${kindOf(value)}, expected an object`);
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

function checkIds(vocab: Node, where: string): void {
  for (const [token, id] of Object.entries(vocab))
    if (!isId(id))
      throw new FormatError(
        where,
        `model.vocab[${JSON.stringify(token)}]: found ${JSON.stringify(id)}, expected an id`,
      );
}

function checkMerges(merges: unknown, where: string): void {
  if (!Array.isArray(merges)) throw new FormatError(where, `model.merges: found ${kindOf(merges)}, expected an array`);
  merges.forEach((merge, i) => {
    const isPair = Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string");
    if (isPair || (typeof merge === "string" && merge.includes(" "))) return;
    throw new FormatError(where, `model.merges[${i}]: found ${JSON.stringify(merge)}, expected a pair of tokens`);
  });
}

/** Ids above 2^24 are taken for damage: no vocabulary is near, and they would size arrays. */
function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 24;
}

function addedTokensOf(list: unknown, where: string): AddedToken[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw new FormatError(where, `added_tokens: found ${kindOf(list)}, expected an array`);
  return list.map((value, i) => {
    const entry = objectAt(value, where, `added_tokens[${i}]`);
    const { id, content } = entry;
    if (!isId(id) || typeof content !== "string")
      throw new FormatError(where, `added_tokens[${i}]: found ${JSON.stringify(value)}, expected an id and a content`);
    const special = entry["special"] === true;
    return {
      id,
      content,
      special,
      normalized: typeof entry["normalized"] === "boolean" ? entry["normalized"] : !special,
      singleWord: entry["single_word"] === true,
      lstrip: entry["lstrip"] === true,
      rstrip: entry["rstrip"] === true,
    };
  });
}
