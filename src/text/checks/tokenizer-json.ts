/** Checks a parsed `tokenizer.json` before it is used. */
import type { AddedToken } from "../parts/added-tokens.ts";
import { Fields } from "./tokenizer-fields.ts";
import { isId, readModel, type TextModel } from "./tokenizer-model.ts";
import { checkSteps } from "./tokenizer-steps.ts";

/** Limit on the length of added tokens: a long one would be compared again at every place of a text that almost holds it. */
const MAX_ADDED_LENGTH = 500;

/** What opening a tokenizer needs of the file; `json` is the file itself, checked. */
export interface TokenizerJson {
  readonly json: Readonly<Record<string, unknown>>;
  readonly model: TextModel;
  readonly addedTokens: readonly AddedToken[];
  /** The special token that the post-processor begins a text with. */
  readonly templateStart: string | undefined;
}

/** @throws FormatError, UnsupportedError: both name the file and the field. */
export function parseTokenizerJson(value: unknown, where: string): TokenizerJson {
  const json = new Fields(value, where, "");
  const model = readModel(json.object("model"));
  checkSteps(json);
  const entries = json.isAbsent("added_tokens") ? [] : json.objects("added_tokens");
  return {
    json: value as Readonly<Record<string, unknown>>,
    model,
    addedTokens: addedTokensOf(entries, model.ids),
    templateStart: templateStart(json.optionalObject("post_processor")),
  };
}

function templateStart(step: Fields | undefined): string | undefined {
  if (step?.raw("type") === "Sequence")
    return step
      .objects("processors")
      .map(templateStart)
      .find((token) => token !== undefined);
  if (step?.raw("type") !== "TemplateProcessing") return undefined;
  const parts = step.objects("single");
  return parts.length > 1 ? parts[0].optionalObject("SpecialToken")?.string("id") : undefined;
}

/** The vocabulary is not copied: that would take most of the time. */
function addedTokensOf(entries: readonly Fields[], vocab: ReadonlyMap<string, number>): AddedToken[] {
  const tokens = entries.map(addedToken);
  const wanted = new Set(tokens.map(({ id }) => id));
  const owners = new Map<number, string>();
  for (const [token, id] of vocab) if (wanted.has(id)) owners.set(id, token);
  const ids = new Map<string, number>();
  return entries.map((entry, at) => {
    const token = tokens[at];
    const owner = owners.get(token.id);
    const known = ids.get(token.content) ?? vocab.get(token.content);
    if (owner !== undefined && owner !== token.content)
      throw entry.error("id", `${token.id}, which ${JSON.stringify(owner)} has`, "ids of one token each");
    if (known !== undefined && known !== token.id)
      throw entry.error("id", `${token.id} for ${JSON.stringify(token.content)}`, `${known}, which it has already`);
    owners.set(token.id, token.content);
    ids.set(token.content, token.id);
    return token;
  });
}

function addedToken(entry: Fields): AddedToken {
  const id = entry.raw("id");
  if (!isId(id)) throw entry.error("id", JSON.stringify(id) ?? "nothing", "an id");
  const content = entry.string("content");
  const special = entry.boolean("special", false);
  if (content.length > MAX_ADDED_LENGTH)
    throw entry.error("content", `${content.length} characters`, `at most ${MAX_ADDED_LENGTH}`);
  return {
    id,
    content,
    special,
    normalized: entry.boolean("normalized", !special),
    singleWord: entry.boolean("single_word", false),
    lstrip: entry.boolean("lstrip", false),
    rstrip: entry.boolean("rstrip", false),
  };
}
