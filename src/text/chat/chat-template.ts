/** Renders conversations to prompts with the model's chat template, as transformers does. */
import { TemplateError, UsageError } from "../../base/errors.ts";
import { quoted } from "../../base/json.ts";
import type { CompiledTemplate, TemplateEngine } from "../jinja/compile-template.ts";

/** A message of a conversation. The template sees all of its fields: `tool_calls`, `tool_call_id`, `name` and others. */
export interface ChatMessage {
  /** Such as `system`, `user`, `assistant`, `tool`. */
  readonly role: string;
  /** Mostly a text; some templates take a list of parts such as `{ type: "text", text }`. */
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

/**
 * What the template sees besides the messages, by the names that templates use: `tools`, `documents`, `enable_thinking` and any other.
 * `add_generation_prompt` is true unless it is given here.
 */
export type TemplateVariables = Readonly<Record<string, unknown>>;

/** A template by its name, from the file or field `where`. */
export interface NamedTemplate {
  readonly name: string;
  readonly source: string;
  readonly where: string;
}

const DEFAULT_NAME = "default";
const TOOL_NAME = "tool_use";
const SHOWN_CHARACTERS = 500;

/** The chat templates of a model, of which one is chosen for each conversation. `render` gives the prompt as text. */
export class ChatTemplate {
  readonly #engine: TemplateEngine;
  readonly #templates: ReadonlyMap<string, NamedTemplate>;
  readonly #compiled = new Map<string, CompiledTemplate>();
  readonly #specialTokens: TemplateVariables;
  /** The name of the only template that is used, if one was chosen. */
  readonly #chosen: string | undefined;

  /**
   * Loads the Jinja library, but compiles nothing yet.
   * @param specialTokens variables such as `bos_token`.
   */
  static async open(
    templates: readonly NamedTemplate[],
    specialTokens: TemplateVariables = {},
    chosen?: string,
  ): Promise<ChatTemplate> {
    const byName = new Map(templates.map((template) => [template.name, template]));
    if (chosen !== undefined && !byName.has(chosen))
      throw new UsageError(
        "template",
        quoted(chosen),
        `one of the model's templates: ${[...byName.keys()].join(", ")}`,
      );
    const { loadTemplateEngine } = await import("../jinja/compile-template.ts");
    return new ChatTemplate(await loadTemplateEngine(), byName, { specialTokens, chosen });
  }

  private constructor(
    engine: TemplateEngine,
    templates: ReadonlyMap<string, NamedTemplate>,
    { specialTokens, chosen }: { readonly specialTokens: TemplateVariables; readonly chosen: string | undefined },
  ) {
    this.#engine = engine;
    this.#templates = templates;
    this.#specialTokens = specialTokens;
    this.#chosen = chosen;
  }

  /** The names of the model's templates; a single one is `default`. */
  get names(): readonly string[] {
    return [...this.#templates.keys()];
  }

  /** The source of the template for conversations without tools; undefined where a choice among several is needed. */
  get source(): string | undefined {
    return this.#templates.get(this.#chosen ?? DEFAULT_NAME)?.source;
  }

  /**
   * The prompt of a conversation. Tools choose the template `tool_use`, if there is one.
   * @throws TemplateError where the template refuses the conversation or cannot be used; UsageError for messages that are none.
   */
  render(messages: readonly ChatMessage[], variables: TemplateVariables = {}): string {
    checkMessages(messages);
    const template = this.#choose(variables["tools"]);
    const given = { tools: null, documents: null, add_generation_prompt: true, ...this.#specialTokens, ...variables };
    try {
      return this.#compiledOf(template).render(withoutNullTokens({ ...given, messages }));
    } catch (error) {
      throw this.#failure(error, template);
    }
  }

  #compiledOf({ name, source }: NamedTemplate): CompiledTemplate {
    const compiled = this.#compiled.get(name) ?? this.#engine.compile(source);
    this.#compiled.set(name, compiled);
    return compiled;
  }

  #failure(error: unknown, { source, where }: NamedTemplate): unknown {
    const found = this.#engine.problemOf(error);
    if (found === undefined) return error;
    const { raised, problem } = found;
    const sentence = raised ? `the template refuses this conversation: ${problem}` : `the template ${problem}`;
    return new TemplateError(where, sentence, { raised, template: source.slice(0, SHOWN_CHARACTERS) });
  }

  #choose(tools: unknown): NamedTemplate {
    const wanted = this.#chosen ?? (tools && this.#templates.has(TOOL_NAME) ? TOOL_NAME : DEFAULT_NAME);
    const found = this.#templates.get(wanted);
    if (found !== undefined) return found;
    const names = this.names.join(", ");
    throw new UsageError("template", "no choice among the model's templates", `the name of one, of ${names}`);
  }
}

/** A special token that is null counts as missing: the tokenizer has none. */
function withoutNullTokens(variables: TemplateVariables): TemplateVariables {
  return Object.fromEntries(
    Object.entries(variables).filter(([name, value]) => !(value === null && name.endsWith("_token"))),
  );
}

/** @throws UsageError naming the message. */
export function checkMessages(messages: unknown): asserts messages is readonly ChatMessage[] {
  const wanted = 'a list of messages such as { role: "user", content: "Hello" }';
  if (!Array.isArray(messages)) throw new UsageError("messages", messages === null ? "null" : typeof messages, wanted);
  if (messages.length === 0) throw new UsageError("messages", "none", "at least one");
  messages.forEach((message: unknown, i) => {
    const isObject = typeof message === "object" && message !== null && !Array.isArray(message);
    const role: unknown = isObject ? (message as { role?: unknown }).role : undefined;
    if (!isObject) throw new UsageError(`messages[${i}]`, message === null ? "null" : `a ${typeof message}`, wanted);
    if (typeof role === "string") return;
    const found = role === undefined ? "nothing" : role === null ? "null" : `a value of type ${typeof role}`;
    throw new UsageError(`messages[${i}].role`, found, "a text");
  });
}
