/** tokenizer.json of a GGUF file whose tokenizer is `llama`: SentencePiece BPE with bytes for what the vocabulary cannot spell. */
import { FormatError } from "../../base/errors.ts";
import type { GgufTokenizerModel } from "./gguf-byte-pairs.ts";
import type { GgufTextSource } from "./gguf-text-source.ts";
import { addedTokensJson, type GgufVocabulary, numbersOf, vocabJson } from "./gguf-vocabulary.ts";
import { scoredMerges } from "./scored-merges.ts";

const SCORES = "tokenizer.ggml.scores";
/** SentencePiece writes a space as this character. */
const SPACE = "\u2581";

export function sentencePieceTokenizer(metadata: GgufTextSource, vocabulary: GgufVocabulary): GgufTokenizerModel {
  const { tokens, ids, added, unkId } = vocabulary;
  const scores = numbersOf(metadata, SCORES, tokens.length);
  if (scores === undefined)
    throw new FormatError(`${metadata.where}: ${SCORES}`, "found none, expected the scores of a llama tokenizer");
  for (let id = 0; id < tokens.length; id++)
    if (!Number.isFinite(scores[id]))
      throw new FormatError(`${metadata.where}: ${SCORES}`, `found ${scores[id]} at ${id}, expected a number`);
  const { merges, ranks } = scoredMerges(ids, scores, `${metadata.where}: ${SCORES}`);
  const prefix = metadata.flag("tokenizer.ggml.add_space_prefix") ?? true;
  const toSign = { type: "Replace", pattern: { String: " " }, content: SPACE };
  const toSpace = { type: "Replace", pattern: { String: SPACE }, content: " " };
  const json = {
    ...{ version: "1.0", truncation: null, padding: null },
    added_tokens: addedTokensJson(added),
    normalizer: prefix ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: SPACE }, toSign] } : toSign,
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        ...[toSpace, { type: "ByteFallback" }, { type: "Fuse" }],
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      ...{ type: "BPE", dropout: null, unk_token: unkId === undefined ? null : tokens[unkId] },
      ...{ continuing_subword_prefix: null, end_of_word_suffix: null },
      ...{ fuse_unk: true, byte_fallback: true, ignore_merges: false },
      vocab: vocabJson(ids),
      merges,
    },
  };
  return { json, mergeRanks: ranks, addsBos: true };
}
