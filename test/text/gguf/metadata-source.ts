/** Metadata for tests, as a plain record. */
import type { GgufTextSource } from "../../../src/text/gguf/gguf-text-source.ts";

export type Metadata = Readonly<Record<string, unknown>>;

/** Keys of the tokenizer are given without `tokenizer.`. */
export function metadataSource(keys: Metadata, where = "m.gguf"): GgufTextSource {
  const get = <T>(key: string) => keys[key.replace(/^tokenizer\./, "")] as T | undefined;
  return { where, text: get, flag: get, number: get, texts: get, numbers: get };
}

/** A small SentencePiece vocabulary: the bytes, then pieces with their scores. */
export function sentencePieces(pieces: readonly (readonly [string, number])[], more: Metadata = {}): Metadata {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const all = [["<unk>", 0, 2], ["<s>", 0, 3], ["</s>", 0, 3], ...bytes.map((token) => [token, 0, 6])];
  const tokens = [...all, ...pieces.map(([token, score]) => [token, score, 1])] as [string, number, number][];
  return {
    "ggml.model": "llama",
    "ggml.tokens": tokens.map(([token]) => token),
    "ggml.scores": tokens.map(([, score]) => score),
    "ggml.token_type": tokens.map(([, , type]) => type),
    ...more,
  };
}
