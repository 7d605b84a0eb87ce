/** Text to token ids and back, by a `tokenizer.json`: the library's own steps, with added tokens and bytes done here. */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { FormatError, QuernError, UnsupportedError, UsageError } from "../errors.ts";
import { type AddedToken, createSplitter, type Needle, type Splitter } from "./added-tokens.ts";
import { bytesOfToken } from "./byte-level.ts";
import { cureTokenizer } from "./cures.ts";
import { parseTokenizerJson } from "./tokenizer-json.ts";

export interface EncodeOptions {
  /** Whether `<|endoftext|>` and the like in the text become their ids (the default) or are plain text. */
  readonly specialTokens?: "recognise" | "text";
}

export interface DecodeOptions {
  /** Leaves special tokens out of the text. */
  readonly skipSpecial?: boolean;
}

export interface Tokenizer {
  /** One more than the highest id; a model's vocabulary may be padded beyond it. */
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  /** Whether the model's own pipeline begins a text with BOS; `encode` never does. */
  readonly addsBos: boolean;
  readonly specialIds: ReadonlySet<number>;
  /** The ids of `text`; nothing is put before or after it. */
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** As the vocabulary spells it. */
  tokenOf(id: number): string | undefined;
  idOf(token: string): number | undefined;
  /** Whether every id stands for bytes of its own, whatever its neighbours are. */
  readonly isByteLevel: boolean;
  /** Those bytes; undefined where the decoder does not work on bytes. */
  bytesOf(id: number): Uint8Array | undefined;
}

/**
 * `tokenizerJson` and `tokenizerConfig` are the parsed `tokenizer.json` and `tokenizer_config.json`;
 * `where` names the first in errors.
 */
export function createTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown, where: string): Tokenizer {
  const { json, addedTokens } = parseTokenizerJson(tokenizerJson, where);
  return new LibraryTokenizer(openLibrary(json, where), json, addedTokens, tokenizerConfig);
}

function openLibrary(json: Readonly<Record<string, unknown>>, where: string): Library {
  try {
    return new Library(cureTokenizer(json, where), {});
  } catch (error) {
    if (error instanceof QuernError) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    if (problem.startsWith("Unknown "))
      throw new UnsupportedError(where, problem.replace("Unknown", "the unknown"), []);
    throw new FormatError(where, `cannot be used: ${problem}`, { cause: error });
  }
}

class LibraryTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly addsBos: boolean;
  readonly specialIds: ReadonlySet<number>;
  readonly #library: Library;
  readonly #tokens: string[];
  readonly #ids: Map<string, number>;
  readonly #added: ReadonlyMap<number, AddedToken>;
  readonly #splitRaw: Splitter;
  readonly #splitNormalized: Splitter;
  readonly isByteLevel: boolean;
  readonly #bytes: (Uint8Array | undefined)[] = [];

  constructor(
    library: Library,
    json: Readonly<Record<string, unknown>>,
    added: readonly AddedToken[],
    tokenizerConfig: unknown,
  ) {
    this.#library = library;
    this.#tokens = [...library.model!.vocab];
    this.#ids = new Map(library.model!.tokens_to_ids);
    for (const { id, content } of added) {
      this.#tokens[id] = content;
      this.#ids.set(content, id);
    }
    this.#added = new Map(added.map((token) => [token.id, token]));
    this.#splitRaw = createSplitter(added.filter((token) => !token.normalized).map(asNeedle));
    const normalize = (content: string) => library.normalizer?.(content) ?? content;
    const normalized = added.filter((token) => token.normalized);
    this.#splitNormalized = createSplitter(normalized.map((token) => ({ content: normalize(token.content), token })));
    this.isByteLevel = decodesBytes(json["decoder"]);
    this.vocabSize = this.#tokens.length;
    this.specialIds = new Set(added.filter((token) => token.special).map((token) => token.id));
    const templateBos = this.#idOfTemplate(json["post_processor"]);
    this.bosId = this.#idNamed(tokenizerConfig, "bos_token") ?? templateBos;
    const wish = (tokenizerConfig as { add_bos_token?: unknown } | null | undefined)?.add_bos_token;
    this.addsBos = this.bosId !== undefined && (typeof wish === "boolean" ? wish : templateBos !== undefined);
    this.eosId = this.#idNamed(tokenizerConfig, "eos_token");
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const asText = options.specialTokens === "text";
    const ids: number[] = [];
    for (const section of this.#splitRaw(text, asText)) {
      if (section.token !== undefined) ids.push(section.token.id);
      else this.#encodeSection(section.text, section.start === 0, asText, ids);
    }
    return ids;
  }

  #encodeSection(text: string, isFirst: boolean, asText: boolean, ids: number[]): void {
    const { normalizer, pre_tokenizer: preTokenizer, model } = this.#library;
    const normalized = normalizer === null ? text : normalizer(text);
    for (const section of this.#splitNormalized(normalized, asText)) {
      if (section.token !== undefined) {
        ids.push(section.token.id);
        continue;
      }
      const index = isFirst && section.start === 0 ? 0 : 1;
      const pieces = preTokenizer === null ? [section.text] : preTokenizer(section.text, { section_index: index });
      for (const token of model!(pieces)) {
        const id = this.#ids.get(token) ?? model!.unk_token_id;
        if (id !== undefined) ids.push(id);
      }
    }
  }

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const kept: number[] = [];
    for (const id of ids) {
      if (this.#tokens[id] === undefined)
        throw new UsageError("ids", `id ${id}`, `ids of the tokenizer's vocabulary of ${this.vocabSize} tokens`);
      if (!(options.skipSpecial === true && this.specialIds.has(id))) kept.push(id);
    }
    if (this.isByteLevel) return decodeUtf8(concat(kept.map((id) => this.bytesOf(id)!)));
    const tokens = kept.map((id) => this.#tokens[id]);
    return this.#library.decoder === null ? tokens.join(" ") : this.#library.decoder(tokens);
  }

  tokenOf(id: number): string | undefined {
    return this.#tokens[id];
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  bytesOf(id: number): Uint8Array | undefined {
    const token = this.#tokens[id];
    if (!this.isByteLevel || token === undefined) return undefined;
    this.#bytes[id] ??= this.#added.has(id) ? new TextEncoder().encode(token) : bytesOfToken(token);
    return this.#bytes[id];
  }

  /** `"bos_token": "<s>"`, or an object with the token as `content`. */
  #idNamed(config: unknown, key: string): number | undefined {
    const value = (config as Record<string, unknown> | null | undefined)?.[key];
    const token = typeof value === "object" && value !== null ? (value as Record<string, unknown>)["content"] : value;
    return typeof token === "string" ? this.#ids.get(token) : undefined;
  }

  /** Where the configuration says nothing: the special token that the post-processor's template begins with. */
  #idOfTemplate(postProcessor: unknown): number | undefined {
    const single = (postProcessor as { single?: { SpecialToken?: { id?: unknown } }[] } | null | undefined)?.single;
    const token = Array.isArray(single) && single.length > 1 ? single[0]?.SpecialToken?.id : undefined;
    return typeof token === "string" ? this.#ids.get(token) : undefined;
  }
}

function asNeedle(token: AddedToken): Needle {
  return { content: token.content, token };
}

function decodesBytes(decoder: unknown): boolean {
  const node = decoder as { type?: unknown; decoders?: unknown } | null | undefined;
  if (node?.type === "ByteLevel") return true;
  return node?.type === "Sequence" && Array.isArray(node.decoders) && node.decoders.length === 1
    ? decodesBytes(node.decoders[0])
    : false;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A byte order mark is a character like others here. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
