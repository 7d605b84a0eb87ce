/** Makes tokenizer.json, tokenizer_config.json and generation_config.json from the metadata of a GGUF file. */
import { FormatError, UnsupportedError } from "../../base/errors.ts";
import { bytePairTokenizer } from "./gguf-byte-pairs.ts";
import { sentencePieceTokenizer } from "./gguf-sentence-pieces.ts";
import type { GgufTextSource } from "./gguf-text-source.ts";
import { type GgufVocabulary, readGgufVocabulary } from "./gguf-vocabulary.ts";

type Json = Readonly<Record<string, unknown>>;

/** What a folder in Hugging Face layout would hold as three files. */
export interface GgufText {
  readonly tokenizerJson: Json;
  readonly tokenizerConfig: Json;
  readonly generationConfig: Json;
  /** The order of the merges of `tokenizerJson` where several are of the same rank: only this one gives SentencePiece's own ids. */
  readonly mergeRanks: readonly number[] | undefined;
}

/**
 * Undefined for a file without a tokenizer.
 * @throws UnsupportedError for a model or a pre-tokenizer that is not known here; FormatError for metadata that do not fit together.
 */
export function readGgufText(metadata: GgufTextSource): GgufText | undefined {
  const model = metadata.text("tokenizer.ggml.model");
  if (model === undefined || model === "none" || model === "no_vocab") return undefined;
  if (model !== "gpt2" && model !== "llama")
    throw new UnsupportedError(`${metadata.where}: tokenizer.ggml.model`, JSON.stringify(model.slice(0, 60)), [
      "gpt2",
      "llama",
    ]);
  const vocabulary = readGgufVocabulary(metadata, model === "llama");
  const { json, mergeRanks, addsBos } =
    model === "gpt2" ? bytePairTokenizer(metadata, vocabulary) : sentencePieceTokenizer(metadata, vocabulary);
  const adds = {
    bos: (metadata.flag("tokenizer.ggml.add_bos_token") ?? addsBos) && vocabulary.bosId !== undefined,
    eos: (metadata.flag("tokenizer.ggml.add_eos_token") ?? false) && vocabulary.eosId !== undefined,
  };
  return {
    tokenizerJson: { ...json, post_processor: postProcessor(vocabulary, adds) },
    tokenizerConfig: tokenizerConfig(metadata, vocabulary, adds),
    generationConfig: generationConfig(vocabulary),
    mergeRanks,
  };
}

interface Additions {
  readonly bos: boolean;
  readonly eos: boolean;
}

function postProcessor({ tokens, bosId, eosId }: GgufVocabulary, adds: Additions): Json | null {
  if (!adds.bos && !adds.eos) return null;
  const used = [adds.bos ? bosId : undefined, adds.eos ? eosId : undefined].filter((id) => id !== undefined);
  const part = (id: number | undefined) => ({ SpecialToken: { id: tokens[id!], type_id: 0 } });
  const around = (sequences: readonly Json[]) => [
    ...(adds.bos ? [part(bosId)] : []),
    ...sequences,
    ...(adds.eos ? [part(eosId)] : []),
  ];
  const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  return {
    type: "TemplateProcessing",
    single: around([sequence("A", 0)]),
    pair: around([sequence("A", 0), sequence("B", 1)]),
    special_tokens: Object.fromEntries(
      used.map((id) => [tokens[id], { id: tokens[id], ids: [id], tokens: [tokens[id]] }]),
    ),
  };
}

function tokenizerConfig(metadata: GgufTextSource, vocabulary: GgufVocabulary, adds: Additions): Json {
  const { tokens, bosId, eosId, unkId, padId } = vocabulary;
  const named = Object.entries({ bos_token: bosId, eos_token: eosId, unk_token: unkId, pad_token: padId });
  const present = named.filter(([, id]) => id !== undefined).map(([name, id]) => [name, tokens[id!]]);
  const templates = chatTemplates(metadata);
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...{ add_bos_token: adds.bos, add_eos_token: adds.eos, clean_up_tokenization_spaces: false },
    ...Object.fromEntries(present),
    ...(templates === undefined ? {} : { chat_template: templates }),
  };
}

/** One template, or a list of named ones, as tokenizer_config.json has them. */
function chatTemplates(metadata: GgufTextSource): string | readonly Json[] | undefined {
  const plain = metadata.text("tokenizer.chat_template");
  const names = metadata.texts("tokenizer.chat_templates") ?? [];
  if (names.length === 0) return plain;
  const named = names.map((name) => {
    const template = metadata.text(`tokenizer.chat_template.${name}`);
    if (template !== undefined) return { name, template };
    const where = `${metadata.where}: tokenizer.chat_templates`;
    throw new FormatError(where, `found ${JSON.stringify(name.slice(0, 60))}, expected names of templates in the file`);
  });
  return plain === undefined ? named : [{ name: "default", template: plain }, ...named];
}

/** Tokens that end a turn or a text, by the names that models give them; a file's metadata name only some of them. */
const ENDS = new Set([
  ...["<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<end_of_turn>", "<|endoftext|>"],
  ...[
    "<|eom_id|>",
    "<EOT>",
    "[EOT]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
  ],
]);

function generationConfig({ tokens, added, bosId, eosId, padId, endIds }: GgufVocabulary): Json {
  const named = added.filter(({ content, special }) => special && ENDS.has(content)).map(({ id }) => id);
  const ends = [...new Set([...(eosId === undefined ? [] : [eosId]), ...endIds, ...named])];
  const ids = Object.entries({ bos_token_id: bosId, pad_token_id: padId });
  return {
    ...Object.fromEntries(ids.filter(([, id]) => id !== undefined && id < tokens.length)),
    ...(ends.length === 0 ? {} : { eos_token_id: ends.length === 1 ? ends[0] : ends }),
  };
}
