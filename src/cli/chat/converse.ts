/** A conversation in the terminal: reads questions, shows answers as they come, and runs commands such as `/help`. */
import { QuernError } from "../../base/errors.ts";
import type { Model } from "../../model/model.ts";
import { Conversation, type TurnAnswer } from "../../runtime/chat/conversation.ts";
import { collect } from "../../runtime/generate.ts";
import type { GenerateOptions } from "../../runtime/generate-options.ts";
import type { CommandSession } from "../session/command-session.ts";
import { styled } from "../show/text-style.ts";
import { runChatCommand } from "./chat-commands.ts";
import { LineReader } from "./line-reader.ts";

export interface ConversationSettings {
  readonly system: string | undefined;
  readonly settings: GenerateOptions;
}

/** Goes on until the person leaves. A turn that fails is told, and the next question can be asked. */
export async function converse(
  session: CommandSession,
  model: Model,
  { system, settings }: ConversationSettings,
): Promise<void> {
  using conversation = new Conversation(model, { system, defaults: settings, overflow: "drop" });
  const say = (sentence: string) => void session.stderr.write(`${styled("dim", sentence)}\n`);
  using reader = new LineReader(say);
  const leave = () => reader[Symbol.dispose]();
  session.signal.addEventListener("abort", leave, { once: true });
  if (!session.options.quiet) say(`${model.files.name}: /help lists what can be typed, /exit leaves.`);
  for (let turn = 0; ; turn++) {
    const typed = await reader.read();
    session.signal.throwIfAborted();
    if (typed === "leave") break;
    const { text } = typed;
    if (text.trim() === "") continue;
    if (!text.startsWith("/")) {
      await answer(session, { conversation, reader, text, seed: (session.options.seed + turn) % 2 ** 32, say });
      continue;
    }
    const told = await runChatCommand(text, { conversation, force: session.options.force });
    if (told === undefined) break;
    say(told);
  }
  session.signal.removeEventListener("abort", leave);
}

interface Turn {
  readonly conversation: Conversation;
  readonly reader: LineReader;
  readonly text: string;
  readonly seed: number;
  readonly say: (sentence: string) => void;
}

async function answer(session: CommandSession, { conversation, reader, text, seed, say }: Turn): Promise<void> {
  const stopped = new AbortController();
  reader.onInterrupt = () => stopped.abort(new DOMException("interrupted", "AbortError"));
  const signal = AbortSignal.any([session.signal, stopped.signal]);
  let isShown = false;
  const onPiece = ({ text: piece }: { readonly text: string }) => {
    isShown ||= piece !== "";
    session.output.piece(piece);
  };
  try {
    const done = await collect(conversation.say(text, { signal, seed }), onPiece);
    session.output.piece("\n");
    for (const sentence of remarks(done)) say(sentence);
  } catch (error) {
    if (isShown) session.output.piece("\n");
    session.signal.throwIfAborted();
    if (stopped.signal.aborted) say("The answer was stopped, and is forgotten with its question.");
    else if (error instanceof QuernError) say(`${error.code}: ${error.message}`);
    else throw error;
  } finally {
    reader.onInterrupt = undefined;
  }
}

function remarks({ stopReason, ids, droppedMessages }: TurnAnswer): string[] {
  const found: string[] = [];
  if (droppedMessages > 0)
    found.push(`The ${droppedMessages} oldest messages were forgotten: the conversation is longer than the context.`);
  if (stopReason === "length") found.push(`The answer was cut at ${ids.length} tokens (--max-tokens).`);
  if (stopReason === "context") found.push("The answer was cut: the context is full.");
  return found;
}
