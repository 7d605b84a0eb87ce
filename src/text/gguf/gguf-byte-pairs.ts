/** tokenizer.json of a GGUF file whose tokenizer is `gpt2`: byte-level BPE. */
import { FormatError } from "../../base/errors.ts";
import { ggufPreTokenizer } from "./gguf-pre-tokenizers.ts";
import type { GgufTextSource } from "./gguf-text-source.ts";
import { addedTokensJson, type GgufVocabulary, vocabJson } from "./gguf-vocabulary.ts";

/** A tokenizer without its post-processor. */
export interface GgufTokenizerModel {
  readonly json: Readonly<Record<string, unknown>>;
  readonly mergeRanks: readonly number[] | undefined;
  /** Whether a text begins with BOS where the file does not say. */
  readonly addsBos: boolean;
}

const MERGES = "tokenizer.ggml.merges";

export function bytePairTokenizer(metadata: GgufTextSource, vocabulary: GgufVocabulary): GgufTokenizerModel {
  const name = metadata.text("tokenizer.ggml.pre") ?? "default";
  const { patterns, ignoresMerges = false, composes = false, addsBos = false } = ggufPreTokenizer(name, metadata.where);
  const splits = patterns.map((Regex) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false }));
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  const prefix = metadata.flag("tokenizer.ggml.add_space_prefix") === true;
  const json = {
    ...{ version: "1.0", truncation: null, padding: null },
    added_tokens: addedTokensJson(vocabulary.added),
    normalizer: normalizer(prefix, composes),
    pre_tokenizer: { type: "Sequence", pretokenizers: [...splits, bytes] },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      ...{ type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
      ...{ fuse_unk: false, byte_fallback: false, ignore_merges: ignoresMerges },
      vocab: vocabJson(vocabulary.ids),
      merges: mergesOf(metadata),
    },
  };
  return { json, mergeRanks: undefined, addsBos };
}

function normalizer(prefix: boolean, composes: boolean): Readonly<Record<string, unknown>> | null {
  const steps = [...(prefix ? [{ type: "Prepend", prepend: " " }] : []), ...(composes ? [{ type: "NFC" }] : [])];
  return steps.length > 1 ? { type: "Sequence", normalizers: steps } : (steps[0] ?? null);
}

function mergesOf(metadata: GgufTextSource): (readonly [string, string])[] {
  const merges = metadata.texts(MERGES);
  if (merges === undefined)
    throw new FormatError(`${metadata.where}: ${MERGES}`, "found none, expected the merges of a gpt2 tokenizer");
  return merges.map((merge, i) => {
    // The first character may be a space itself.
    const at = merge.indexOf(" ", 1);
    if (at > 0 && at < merge.length - 1) return [merge.slice(0, at), merge.slice(at + 1)];
    const found = JSON.stringify(merge.slice(0, 60));
    throw new FormatError(
      `${metadata.where}: ${MERGES}`,
      `found ${found} at ${i}, expected two tokens with a space between them`,
    );
  });
}
