/** What can be typed in a conversation besides questions. */
import { writeFile } from "node:fs/promises";
import { fileError } from "../../adapter/file-errors.ts";
import { jsonText } from "../../base/json-text.ts";
import { nearestWord } from "../../base/nearest-word.ts";
import type { Conversation } from "../../runtime/chat/conversation.ts";
import type { ChatMessage } from "../../text/chat/chat-template.ts";

export interface ChatState {
  readonly conversation: Conversation;
  /** Whether `/save` may replace a file. */
  readonly force: boolean;
}

interface ChatCommand {
  readonly help: string;
  /** The sentence to show; undefined leaves the conversation. */
  run(state: ChatState, rest: string): string | Promise<string> | undefined;
}

const COMMANDS: Readonly<Record<string, ChatCommand>> = {
  help: { help: "this list", run: () => helpText() },
  clear: { help: "forget the conversation, but not the system message", run: clear },
  system: { help: "TEXT: set the system message; without a text, remove it", run: setSystem },
  undo: { help: "forget the last question and its answer", run: undo },
  save: { help: "FILE: write the messages as JSON, for --messages", run: save },
  exit: { help: "leave; so do Ctrl-D and Ctrl-C twice", run: () => undefined },
};

function helpText(): string {
  const lines = Object.entries(COMMANDS).map(([name, { help }]) => `/${name.padEnd(7)} ${help}`);
  return [
    ...lines,
    'A line that ends in \\ goes on in the next one; """ begins and ends a text of several lines.',
  ].join("\n");
}

/** Runs a line that begins with `/`. The result is the sentence to show, or undefined to leave. */
export async function runChatCommand(line: string, state: ChatState): Promise<string | undefined> {
  const [, name, rest] = /^\/(\S*)\s*([\s\S]*)$/.exec(line)!;
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name].run(state, rest.trim());
  return `There is no /${name}; ${name === "" ? "" : `/${nearestWord(name, Object.keys(COMMANDS))} is near, `}/help lists them all.`;
}

function isSystem({ role }: ChatMessage): boolean {
  return role === "system";
}

function clear({ conversation }: ChatState): string {
  conversation.restart(conversation.messages.filter(isSystem));
  return "The conversation begins anew.";
}

function setSystem({ conversation }: ChatState, content: string): string {
  const others = conversation.messages.filter((message) => !isSystem(message));
  conversation.restart(content === "" ? others : [{ role: "system", content }, ...others]);
  return content === "" ? "There is no system message now." : "The system message is set.";
}

function undo({ conversation }: ChatState): string {
  const last = conversation.messages.findLastIndex(({ role }) => role === "user");
  if (last < 0) return "There is no question to forget.";
  conversation.restart(conversation.messages.slice(0, last));
  return "The last question and its answer are forgotten.";
}

async function save({ conversation, force }: ChatState, path: string): Promise<string> {
  if (path === "") return "/save needs the name of a file.";
  const text = jsonText(conversation.messages);
  try {
    await writeFile(path, text, { flag: force ? "w" : "wx" });
    return `${conversation.messages.length} messages are in ${path}.`;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST")
      return `${path} exists; begin with --force to replace files.`;
    return fileError(path, cause).message;
  }
}
