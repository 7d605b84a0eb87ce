/** What `quern chat` takes from files: messages, variables of the template, a template. */
import { FormatError, UsageError } from "../../base/errors.ts";
import { describeJson, isObject, type JsonObject, parseJson } from "../../base/json.ts";
import { type ChatMessage, checkMessages } from "../../text/chat/chat-template.ts";
import { readTextInput } from "../input/text-input.ts";

export interface ConversationInput {
  /** Undefined where none were given. */
  readonly messages: readonly ChatMessage[] | undefined;
  readonly variables: JsonObject;
}

export interface MessagesOptions {
  readonly system?: string;
  readonly messages?: string;
  readonly variables?: string;
}

/** Reads the files that the options name. @throws FormatError or FileError naming the file; UsageError for two system messages. */
export async function readConversation(options: MessagesOptions, signal: AbortSignal): Promise<ConversationInput> {
  const { system, messages: path } = options;
  if (path === "-" && options.variables === "-")
    throw new UsageError("--variables", "- for --messages too", "one of them");
  const variables = options.variables === undefined ? {} : await readVariables(options.variables, signal);
  if (path === undefined) return { messages: undefined, variables };
  const given = await readMessages(path, signal);
  if (system === undefined) return { messages: given.messages, variables: { ...given.variables, ...variables } };
  if (given.messages[0].role === "system")
    throw new UsageError("--system", `a system message in ${path} too`, "one of them");
  const messages = [{ role: "system", content: system }, ...given.messages];
  return { messages, variables: { ...given.variables, ...variables } };
}

/** A list of messages, or an object with `messages` whose other fields are variables, such as `tools`. */
async function readMessages(
  path: string,
  signal: AbortSignal,
): Promise<{ readonly messages: readonly ChatMessage[]; readonly variables: JsonObject }> {
  const value = parseJson(await readTextInput(path, signal), nameOf(path));
  const { messages, ...variables } = isObject(value) ? value : { messages: value };
  try {
    checkMessages(messages);
  } catch (cause) {
    throw new FormatError(nameOf(path), (cause as Error).message, { cause });
  }
  return { messages, variables };
}

async function readVariables(path: string, signal: AbortSignal): Promise<JsonObject> {
  const value = parseJson(await readTextInput(path, signal), nameOf(path));
  if (isObject(value)) return value;
  throw new FormatError(nameOf(path), `found ${describeJson(value)}, expected an object of template variables`);
}

function nameOf(path: string): string {
  return path === "-" ? "stdin" : path;
}
