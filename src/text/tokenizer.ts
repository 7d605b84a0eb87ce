/** Text to token ids and back, as a `tokenizer.json` says: by the steps of the library, with added tokens and bytes done here. */
import { FormatError, QuernError, UsageError } from "../base/errors.ts";
import { Turns } from "../base/turns.ts";
import { fixTokenizer } from "./checks/tokenizer-fixes.ts";
import { parseTokenizerJson, type TokenizerJson } from "./checks/tokenizer-json.ts";
import type { GgufText } from "./gguf/gguf-text.ts";
import { normalizeInTurns, piecesOf, stepsOf } from "./long-text/encode-in-turns.ts";
import { runInTurns, runThrough, type Work } from "./long-text/stepwise.ts";
import { type AddedToken, createSplitter, type Needle, type Splitter } from "./parts/added-tokens.ts";
import { bytesOfToken, decodeUtf8 } from "./parts/byte-level.ts";
import { type Library, type LibraryPreTokenizer, openLibrary } from "./parts/tokenizers-library.ts";
import { PieceEncoder } from "./piece-encoder.ts";

export interface EncodeOptions {
  /** Whether special tokens in the text, such as `<|endoftext|>`, become their ids (the default) or are plain text. */
  readonly specialTokens?: "recognise" | "text";
}

export interface AsyncEncodeOptions extends EncodeOptions {
  readonly signal?: AbortSignal;
}

export interface DecodeOptions {
  /** Leaves special tokens out of the text. */
  readonly skipSpecial?: boolean;
}

export interface Tokenizer {
  /** The highest id plus one; the vocabulary of a model may be padded beyond it. */
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  /** Whether the model's own pipeline begins a text with BOS; `encode` never does. */
  readonly addsBos: boolean;
  readonly specialIds: ReadonlySet<number>;
  /** The ids of `text`, without ids before or after it. */
  encode(text: string, options?: EncodeOptions): number[];
  /** The ids of a text of any length. Lets the event loop run meanwhile; rejects with the signal's reason when it is aborted. */
  encodeAsync(text: string, options?: AsyncEncodeOptions): Promise<number[]>;
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** The token of an id as the vocabulary spells it. */
  tokenOf(id: number): string | undefined;
  idOf(token: string): number | undefined;
  /** Whether each id stands for the same bytes whatever its neighbours are. */
  readonly isByteLevel: boolean;
  /** The bytes of an id; undefined if the decoder does not work on bytes. */
  bytesOf(id: number): Uint8Array | undefined;
}

/**
 * `tokenizerJson` and `tokenizerConfig` are the parsed `tokenizer.json` and `tokenizer_config.json`;
 * `where` names the first in errors.
 */
export function createTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown, where: string): Tokenizer {
  return openTokenizer(parseTokenizerJson(tokenizerJson, where), tokenizerConfig, where);
}

/** The tokenizer of a GGUF file; `where` names the file in errors. */
export function createGgufTokenizer(
  { tokenizerJson, tokenizerConfig, mergeRanks }: GgufText,
  where: string,
): Tokenizer {
  const parsed = parseTokenizerJson(tokenizerJson, where);
  const model = mergeRanks === undefined ? parsed.model : { ...parsed.model, ranks: mergeRanks };
  return openTokenizer({ ...parsed, model }, tokenizerConfig, where);
}

function openTokenizer(parsed: TokenizerJson, tokenizerConfig: unknown, where: string): Tokenizer {
  return new LibraryTokenizer(openFixed(parsed, where), parsed, tokenizerConfig);
}

/** A checked file should open. If the library still finds a fault, the error names the file. */
function openFixed({ json, model }: TokenizerJson, where: string): Library {
  try {
    return openLibrary(fixTokenizer(json, model.node, where));
  } catch (error) {
    if (error instanceof QuernError) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    throw new FormatError(where, `found a tokenizer that cannot be used: ${problem}`, { cause: error });
  }
}

const PIECES_BETWEEN_PAUSES = 500;

class LibraryTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly addsBos: boolean;
  readonly specialIds: ReadonlySet<number>;
  readonly isByteLevel: boolean;
  readonly #library: Library;
  readonly #steps: readonly LibraryPreTokenizer[];
  readonly #model: PieceEncoder;
  readonly #tokens: string[] = [];
  readonly #ids: ReadonlyMap<string, number>;
  /** What the decoder sees of tokens that are looked for in normalised text: their normalised form. */
  readonly #decoded: ReadonlyMap<number, string>;
  readonly #splitRaw: Splitter;
  readonly #splitNormalized: Splitter;
  readonly #bytes: (Uint8Array | undefined)[] = [];

  constructor(library: Library, parsed: TokenizerJson, tokenizerConfig: unknown) {
    const { addedTokens: added, model } = parsed;
    this.#library = library;
    this.#steps = stepsOf(library.pre_tokenizer);
    this.isByteLevel = decodesBytes(parsed.json["decoder"]);
    this.#model = new PieceEncoder(library.model, model, this.isByteLevel);
    const isWhole = added.every(({ id, content }) => model.ids.get(content) === id);
    this.#ids = isWhole
      ? model.ids
      : new Map([...model.ids, ...added.map(({ id, content }) => [content, id] as const)]);
    for (const [token, id] of this.#ids) this.#tokens[id] = token;
    this.#splitRaw = createSplitter(added.filter((token) => !token.normalized).map(asNeedle));
    const normal = added.filter((token) => token.normalized).map(this.#asNormalNeedle);
    this.#splitNormalized = createSplitter(normal);
    this.#decoded = new Map(normal.map(({ token, content }) => [token.id, content]));
    this.vocabSize = this.#tokens.length;
    this.specialIds = new Set(added.filter((token) => token.special).map((token) => token.id));
    const templateBos = parsed.templateStart === undefined ? undefined : this.#ids.get(parsed.templateStart);
    this.bosId = this.#idNamed(tokenizerConfig, "bos_token") ?? templateBos;
    const wish = (tokenizerConfig as { add_bos_token?: unknown } | null | undefined)?.add_bos_token;
    this.addsBos = this.bosId !== undefined && (typeof wish === "boolean" ? wish : templateBos !== undefined);
    this.eosId = this.#idNamed(tokenizerConfig, "eos_token");
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const ids: number[] = [];
    runThrough(this.#encode(text, options.specialTokens === "text", ids));
    return ids;
  }

  async encodeAsync(text: string, options: AsyncEncodeOptions = {}): Promise<number[]> {
    const ids: number[] = [];
    const turns = new Turns(options.signal);
    await runInTurns(this.#encode(text, options.specialTokens === "text", ids), turns);
    turns.check();
    return ids;
  }

  *#encode(text: string, asText: boolean, ids: number[]): Work {
    for (const section of this.#splitRaw(text, asText)) {
      if (section === undefined) yield section;
      else if (section.token !== undefined) ids.push(section.token.id);
      else yield* this.#encodeSection(section.text, section.start === 0, asText, ids);
    }
  }

  *#encodeSection(text: string, isFirst: boolean, asText: boolean, ids: number[]): Work {
    const normal = yield* normalizeInTurns(this.#library.normalizer, text);
    for (const section of this.#splitNormalized(normal, asText)) {
      if (section === undefined) yield section;
      else if (section.token !== undefined) ids.push(section.token.id);
      else yield* this.#encodePieces(section.text, isFirst && section.start === 0 ? 0 : 1, ids);
    }
  }

  *#encodePieces(text: string, index: number, ids: number[]): Work {
    let count = 0;
    for (const piece of piecesOf(this.#steps, text, index)) {
      if (piece === undefined || ++count % PIECES_BETWEEN_PAUSES === 0) yield undefined;
      if (piece !== undefined) yield* this.#model.encode(piece, ids);
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
    const tokens = kept.map((id) => this.#decoded.get(id) ?? this.#tokens[id]);
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
    this.#bytes[id] ??= bytesOfToken(this.#decoded.get(id) ?? token);
    return this.#bytes[id];
  }

  /** `"bos_token": "<s>"`, or an object with the token as `content`. */
  #idNamed(config: unknown, key: string): number | undefined {
    const value = (config as Record<string, unknown> | null | undefined)?.[key];
    const token = typeof value === "object" && value !== null ? (value as Record<string, unknown>)["content"] : value;
    return typeof token === "string" ? this.#ids.get(token) : undefined;
  }

  readonly #asNormalNeedle = (token: AddedToken): Needle => {
    const normalizing = normalizeInTurns(this.#library.normalizer, token.content);
    for (let step = normalizing.next(); ; step = normalizing.next())
      if (step.done) return { content: step.value, token };
  };
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
