/** The parts of `@huggingface/tokenizers` that are used here, with types: the package's own types do not resolve in a module. */
import { Tokenizer } from "@huggingface/tokenizers";

export interface Library {
  readonly normalizer: LibraryNormalizer | null;
  readonly pre_tokenizer: LibraryPreTokenizer | null;
  readonly model: LibraryModel;
  readonly decoder: LibraryDecoder | null;
}

export interface LibraryDecoder {
  (tokens: readonly string[]): string;
  /** Of a `Sequence`. */
  readonly decoders?: readonly LibraryDecoder[];
  /** Of a `ByteFallback`: decodes a run of bytes. */
  text_decoder?: { decode(bytes: Uint8Array): string };
}

export interface LibraryNormalizer {
  (text: string): string;
  readonly config: { readonly type: string; readonly content?: string };
  /** Of a `Sequence`. */
  readonly normalizers?: readonly LibraryNormalizer[];
  /** Of a `Replace`. */
  readonly pattern?: RegExp;
}

export interface LibraryPreTokenizer {
  (text: string, options: { readonly section_index: number }): string[];
  readonly config?: { readonly type: string; readonly invert?: boolean; readonly behavior?: string };
  /** Of a `Sequence`. */
  readonly tokenizers?: readonly LibraryPreTokenizer[];
  /** Of a `Split`. */
  readonly pattern?: RegExp;
}

export interface LibraryModel {
  (pieces: readonly string[]): string[];
  /** Of a BPE model: the tokens of a word. */
  bpe?(word: string): string[];
}

/** @param parts the parts of a `tokenizer.json`; the library throws plain errors for parts that it cannot use. */
export function openLibrary(parts: Readonly<Record<string, unknown>>): Library {
  const absent = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
  const library = new Tokenizer({ ...absent, ...parts }, {}) as unknown as Library;
  if (library.decoder !== null) keepBytes(library.decoder);
  return library;
}

/** As in the original, each byte of a run that is not UTF-8 becomes one U+FFFD, and a byte order mark is a character. */
function keepBytes(decoder: LibraryDecoder): void {
  decoder.decoders?.forEach(keepBytes);
  if (decoder.text_decoder !== undefined) decoder.text_decoder = { decode: textOfRun };
}

function textOfRun(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return "\ufffd".repeat(bytes.length);
  }
}

/** A pattern of a `tokenizer.json` as the library rewrites it for JavaScript. */
export function libraryPattern(source: string): RegExp {
  const normalizer = { type: "Replace", pattern: { Regex: source }, content: "" };
  return openLibrary({ normalizer, model: { type: "WordLevel", vocab: {} } }).normalizer!.pattern!;
}
