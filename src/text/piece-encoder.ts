/** Encodes pieces of text with the library's model; no text is left out, and long words do not block the event loop. */
import { UsageError } from "../base/errors.ts";
import { byteToken, type TextModel } from "./checks/tokenizer-model.ts";
import { LongWords } from "./long-text/long-words.ts";
import type { Work } from "./long-text/stepwise.ts";
import { bytesOfToken } from "./parts/byte-level.ts";
import type { LibraryModel } from "./parts/tokenizers-library.ts";

/** Shorter words are left to the library, unless merges share ranks. */
const LONG_WORD = 256;
/** The library puts all tokens of a piece of a Unigram model on the call stack. */
const MAX_UNIGRAM_PIECE = 50_000;

export class PieceEncoder {
  readonly #library: LibraryModel;
  readonly #model: TextModel;
  readonly #isByteLevel: boolean;
  readonly #longWords: LongWords;
  #prepared: { readonly word: string; readonly tokens: string[] } | undefined;

  constructor(library: LibraryModel, model: TextModel, isByteLevel: boolean) {
    this.#library = library;
    this.#model = model;
    this.#isByteLevel = isByteLevel;
    this.#longWords = new LongWords(model);
    if (library.bpe !== undefined) {
      const merge = library.bpe.bind(library);
      library.bpe = (word) => (this.#prepared?.word === word ? this.#prepared.tokens : merge(word));
    }
  }

  /** @throws UsageError for a piece that the vocabulary cannot spell, and for one that is too long for a Unigram model. */
  *encode(piece: string, ids: number[]): Work {
    if (this.#model.type === "Unigram" && piece.length > MAX_UNIGRAM_PIECE)
      throw new UsageError("text", `a word of ${piece.length} characters`, `at most ${MAX_UNIGRAM_PIECE}`);
    const prepared: string[] = [];
    if (this.#model.type === "BPE" && (piece.length > LONG_WORD || this.#model.ranks !== undefined))
      yield* this.#longWords.merge(piece, prepared);
    this.#prepared = prepared.length > 0 ? { word: piece, tokens: prepared } : undefined;
    const tokens = this.#library([piece]);
    this.#prepared = undefined;
    for (const token of tokens) {
      const id = this.#model.ids.get(token);
      if (id !== undefined) ids.push(id);
      else this.#encodeUnknown(token, piece, ids);
    }
  }

  #encodeUnknown(token: string, piece: string, ids: number[]): void {
    const bytes = this.#model.usesBytes
      ? Array.from(new TextEncoder().encode(token), (byte) => this.#model.ids.get(byteToken(byte)))
      : [undefined];
    if (bytes.every((id) => id !== undefined)) for (const id of bytes) ids.push(id);
    else if (this.#model.unkId !== undefined) ids.push(this.#model.unkId);
    else throw this.#unknown(piece);
  }

  #unknown(piece: string): UsageError {
    const part = [...piece].find((character) => !this.#model.ids.has(character)) ?? piece.slice(0, 20);
    const text = this.#isByteLevel ? `a byte 0x${bytesOfToken(part)[0].toString(16)}` : JSON.stringify(part);
    return new UsageError("text", text, "characters that the tokenizer's vocabulary can spell: it has no unk_token");
  }
}
