/** Shows generated text token by token, never a part of a character. */
import { decodeUtf8, unfinishedBytes } from "./parts/byte-level.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface TextStream {
  /** The text that can be shown after `id`; bytes of an unfinished character wait. */
  push(id: number): string;
  /** The text that still waits, each unfinished character as U+FFFD. The stream then begins anew. */
  flush(): string;
}

export interface TextStreamOptions {
  /** Shows nothing for special tokens. */
  readonly skipSpecial?: boolean;
}

/** Ids beyond the tokenizer's vocabulary show nothing, because models pad their vocabularies. */
export function createTextStream(tokenizer: Tokenizer, options: TextStreamOptions = {}): TextStream {
  const stream = tokenizer.isByteLevel ? new ByteStream(tokenizer) : new PrefixStream(tokenizer);
  const isShown = (id: number) =>
    tokenizer.tokenOf(id) !== undefined && !(options.skipSpecial === true && tokenizer.specialIds.has(id));
  return { push: (id) => (isShown(id) ? stream.push(id) : ""), flush: () => stream.flush() };
}

/** For decoders that work on bytes. */
class ByteStream implements TextStream {
  readonly #tokenizer: Tokenizer;
  #waiting: Uint8Array = new Uint8Array(0);

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  push(id: number): string {
    const fresh = this.#tokenizer.bytesOf(id)!;
    if (this.#waiting.length === 0 && unfinishedBytes(fresh) === 0) return decodeUtf8(fresh);
    const bytes = new Uint8Array(this.#waiting.length + fresh.length);
    bytes.set(this.#waiting);
    bytes.set(fresh, this.#waiting.length);
    const end = bytes.length - unfinishedBytes(bytes);
    this.#waiting = bytes.slice(end);
    return decodeUtf8(bytes.subarray(0, end));
  }

  flush(): string {
    const text = decodeUtf8(this.#waiting);
    this.#waiting = new Uint8Array(0);
    return text;
  }
}

/**
 * For all other decoders: the difference between two decodings. The window begins with ids that are already shown, because a
 * decoder may treat the first token differently (no leading space).
 */
class PrefixStream implements TextStream {
  readonly #tokenizer: Tokenizer;
  #window: number[] = [];
  #shownIds = 0;
  #shown = "";

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  push(id: number): string {
    this.#window.push(id);
    const text = this.#tokenizer.decode(this.#window);
    const finished = text.replace(/\ufffd+$/, "");
    if (!finished.startsWith(this.#shown)) return "";
    const piece = finished.slice(this.#shown.length);
    if (finished.length < text.length) {
      this.#shown = finished;
      return piece;
    }
    this.#window = this.#window.slice(this.#shownIds);
    this.#shownIds = this.#window.length;
    this.#shown = this.#tokenizer.decode(this.#window);
    return piece;
  }

  flush(): string {
    const piece = this.#tokenizer.decode(this.#window).slice(this.#shown.length);
    this.#window = [];
    this.#shownIds = 0;
    this.#shown = "";
    return piece;
  }
}
