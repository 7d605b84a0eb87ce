/** The parts of a model that have to do with text. Each is read once, at the first call. */
import type { ChatTemplate } from "../../text/chat/chat-template.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { GenerationSettings } from "./generation-settings.ts";

/** A source of the tokenizer, which is read once, at the first call. */
export interface TokenizerSource {
  /** The tokenizer; undefined for a model without one. */
  read(): Promise<Tokenizer | undefined>;
  /** The tokenizer, for work that needs one. @throws FileError if there is none. */
  require(): Promise<Tokenizer>;
}

/** The template to use instead of the model's default one: another of the model's own by its name, or a text. */
export interface TemplateChoice {
  readonly name?: string;
  readonly source?: string;
}

export interface ChatSource {
  /**
   * The model's chat template, or the one that is chosen.
   * @throws FileError if the model has none and no text is given; UsageError for a name that it does not have.
   */
  template(choice?: TemplateChoice): Promise<ChatTemplate>;
}

/** What a model brings for text. */
export interface TextParts {
  readonly tokenizer: TokenizerSource;
  readonly chat: ChatSource;
  /** What generation_config.json says; nothing where there is no such file. @throws FormatError naming the field. */
  generation(): Promise<GenerationSettings>;
}

/** Calls a function once, and gives its result again and again. */
export function readOnce<T>(read: () => Promise<T>): () => Promise<T> {
  let known: Promise<T> | undefined;
  return () => (known ??= read());
}
