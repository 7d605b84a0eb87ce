/** A conversation that goes on turn by turn: it keeps the messages and the session, so that each turn computes only what is new. */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Model } from "../../model/model.ts";
import { type ChatMessage, checkMessages } from "../../text/chat/chat-template.ts";
import { type Piece, runGeneration } from "../generate.ts";
import type { GenerateOptions } from "../generate-options.ts";
import { encodePrompt } from "../prompt-ids.ts";
import { answerOf, type ChatAnswer } from "./chat-answer.ts";
import { KeptSession } from "./kept-session.ts";

/** What a conversation begins with, and what happens when it is longer than the context. */
export interface ConversationOptions {
  /** What the system message says, before all others. */
  readonly system?: string;
  /** Messages that were exchanged before. */
  readonly messages?: readonly ChatMessage[];
  /** The options of every turn; `say` may replace them for one. */
  readonly defaults?: GenerateOptions;
  /**
   * What to do with a conversation that leaves less than a quarter of the context for the answer (less, if `maxTokens` is less).
   * `error`, the default, refuses the turn; `drop` forgets the oldest turns, but never the system message.
   */
  readonly overflow?: "error" | "drop";
}

const KNOWN: KnownOptions<ConversationOptions> = { system: true, messages: true, defaults: true, overflow: true };

/** An answer within a conversation. */
export interface TurnAnswer extends ChatAnswer {
  /** Tokens of the prompt that did not have to be computed again. */
  readonly reusedTokens: number;
  /** Messages that were forgotten before this turn, because the conversation was longer than the context. */
  readonly droppedMessages: number;
}

/** Dispose it to free its session. A turn that fails or is aborted leaves the conversation as it was before. */
export class Conversation implements Disposable {
  readonly #model: Model;
  readonly #session: KeptSession;
  readonly #defaults: GenerateOptions;
  readonly #drops: boolean;
  #messages: readonly ChatMessage[];
  #isAnswering = false;

  /** @throws UsageError for options of another kind. */
  constructor(model: Model, options: ConversationOptions = {}) {
    checkKnownOptions("conversation", options, KNOWN);
    const { system, messages = [], defaults = {}, overflow = "error" } = options;
    if (messages.length > 0) checkMessages(messages);
    if (overflow !== "error" && overflow !== "drop")
      throw new UsageError("overflow", String(overflow), "error or drop");
    this.#model = model;
    this.#session = new KeptSession(model);
    this.#defaults = defaults;
    this.#drops = overflow === "drop";
    this.#messages = system === undefined ? messages : [{ role: "system", content: system }, ...messages];
  }

  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Replaces all messages; what the session has computed is used as far as it fits. */
  restart(messages: readonly ChatMessage[] = []): void {
    if (messages.length > 0) checkMessages(messages);
    this.#messages = messages;
  }

  /**
   * Asks, and yields the pieces of the answer. @param message the text of the user, or a whole message, such as a tool's.
   * @throws UsageError for a conversation that does not fit the context, and for a second turn before the first has ended.
   */
  async *say(message: string | ChatMessage, options: GenerateOptions = {}): AsyncGenerator<Piece, TurnAnswer> {
    if (this.#isAnswering) throw new UsageError("conversation", "a turn that is not over", "one turn after the other");
    this.#isAnswering = true;
    try {
      const asked = [...this.#messages, typeof message === "string" ? { role: "user", content: message } : message];
      const settled = { ...this.#defaults, ...options };
      const messages = await this.#fitted(asked, settled);
      const open = (context: number) => this.#session.run(context);
      const generated = yield* runGeneration(this.#model, messages, { options: settled, open });
      const answer = answerOf(messages, generated);
      this.#messages = answer.messages;
      return {
        ...answer,
        reusedTokens: this.#session.reused,
        droppedMessages: asked.length - messages.length,
      };
    } finally {
      this.#isAnswering = false;
    }
  }

  /** The messages, without the oldest turns where they would not fit. */
  async #fitted(messages: readonly ChatMessage[], options: GenerateOptions): Promise<readonly ChatMessage[]> {
    const context = options.context ?? this.#model.config.maxPositions;
    const room = Math.min(options.maxTokens ?? Number.POSITIVE_INFINITY, Math.floor(context / 4));
    for (let kept = messages; ; kept = withoutOldestTurn(kept)) {
      const { ids } = await encodePrompt(this.#model, kept, options);
      if (ids.length + room <= context) return kept;
      if (this.#drops && withoutOldestTurn(kept).length < kept.length) continue;
      const found = `${ids.length} tokens and an answer of ${room}`;
      throw new UsageError(
        "conversation",
        found,
        `at most the context, ${context}; begin anew, or use a longer context`,
      );
    }
  }

  /** Frees the session; the messages stay. */
  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }
}

/** Without the first question and all up to the next one; the messages before the first question and the last question stay. */
function withoutOldestTurn(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const questions = messages.flatMap(({ role }, at) => (role === "user" ? [at] : []));
  return questions.length < 2 ? messages : [...messages.slice(0, questions[0]), ...messages.slice(questions[1])];
}
