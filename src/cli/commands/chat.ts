/** `quern chat`: a conversation in the terminal, one answer to messages from a file, or the prompt that they make. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { GenerateOptions } from "../../runtime/generate-options.ts";
import type { ChatMessage, ChatTemplate, TemplateVariables } from "../../text/chat/chat-template.ts";
import type { OpenedFiles } from "../input/open-model.ts";
import { exampleText, MODEL_SOURCES } from "../options/common-options.ts";
import { addMemoryOption, type MemoryOption } from "../options/memory-option.ts";
import { addSamplingOptions, type SamplingArguments, samplingOf } from "../options/sampling-options.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";

interface ChatOptions extends SamplingArguments, MemoryOption {
  readonly system?: string;
  readonly messages?: string;
  readonly variables?: string;
  readonly template?: string;
  readonly render?: boolean;
  readonly generationPrompt: boolean;
}

const MAX_TOKENS = { once: 128, conversation: 1024 };
const EXAMPLE = `quern chat models/fable-mixtral --template test/fixtures/chat/turns.jinja --messages test/fixtures/chat/messages.json
  quern chat models/fable-mixtral --template test/fixtures/chat/turns.jinja --messages test/fixtures/chat/messages.json --render`;

export function registerChat(program: Command, run: RunCommand): void {
  const command = program
    .command("chat")
    .description("Talk to a model in the terminal, with its chat template. /help lists what can be typed besides.")
    .argument("<model>", `${MODEL_SOURCES}; tokenizer files are enough for --render`)
    .option("--system <text>", "what the system message says")
    .option("--messages <path>", "JSON file with a list of messages: one answer without a terminal; - reads stdin")
    .option("--render", "print the prompt that the messages make, and stop")
    .option("--template <path>", "chat template (Jinja) to use instead of the model's own")
    .option("--variables <path>", "JSON file with an object of template variables, such as tools")
    .option("--no-generation-prompt", "with --render: do not ask for the answer at the end of the prompt");
  addMemoryOption(
    addSamplingOptions(command, `${MAX_TOKENS.once} with --messages, ${MAX_TOKENS.conversation} in a conversation`),
  )
    .addHelpText("after", exampleText(EXAMPLE))
    .action(run(chatCommand));
}

const chatCommand: Action<ChatOptions> = async (session, [path], options) => {
  const { readConversation } = await import("../chat/messages-input.ts");
  if (options.render !== true && !options.generationPrompt)
    throw new UsageError("--no-generation-prompt", "no --render", "--render too: an answer needs to be asked for");
  const { messages, variables } = await readConversation(options, session.signal);
  if (options.render === true) return render(session, path, { messages, variables, options });
  const asked = messages ?? (await pipedMessages(session, options));
  const { openFiles } = await import("../input/open-model.ts");
  const started = performance.now();
  await using opened = await openFiles(session, path, { memory: options.memory });
  const chatTemplate = await templateOf(opened.files.text, session, options);
  const most = asked === undefined ? MAX_TOKENS.conversation : MAX_TOKENS.once;
  const settings = { ...samplingOf(session, options, most), variables, chatTemplate };
  // Without `await` the model would be gone before the first token.
  if (asked !== undefined) return await answerOnce(session, opened, { messages: asked, settings, started });
  const { converse } = await import("../chat/converse.ts");
  await converse(session, await opened.load(), { system: options.system, settings });
};

/** Without a terminal and without `--messages`, all of stdin is the question. */
async function pipedMessages(
  { output, signal }: CommandSession,
  { system }: ChatOptions,
): Promise<readonly ChatMessage[] | undefined> {
  if (process.stdin.isTTY && !output.isJson) return undefined;
  if (process.stdin.isTTY)
    throw new UsageError("--json", "no --messages", "--messages too: a conversation is not one document");
  const { readTextInput } = await import("../input/text-input.ts");
  const content = (await readTextInput("-", signal)).trim();
  if (content === "") throw new UsageError("stdin", "no text", "a question, --messages, or a terminal");
  const question = { role: "user", content };
  return system === undefined ? [question] : [{ role: "system", content: system }, question];
}

type TextFiles = OpenedFiles["files"]["text"];

async function templateOf(
  text: TextFiles,
  { signal }: CommandSession,
  { template }: ChatOptions,
): Promise<ChatTemplate> {
  if (template === undefined) return text.chat.template();
  const { readTextInput } = await import("../input/text-input.ts");
  return text.chat.template({ source: await readTextInput(template, signal), name: template });
}

interface Rendering {
  readonly messages: readonly ChatMessage[] | undefined;
  readonly variables: TemplateVariables;
  readonly options: ChatOptions;
}

/** Prints exactly the prompt, without a newline of its own; on a terminal one follows it. */
async function render(
  session: CommandSession,
  path: string,
  { messages, variables, options }: Rendering,
): Promise<void> {
  if (messages === undefined) throw new UsageError("--render", "no messages", "--messages");
  const { openFolder } = await import("../input/open-model.ts");
  const { modelParts } = await import("../../model/model-source.ts");
  const folder = await openFolder(path, session);
  const parts = await modelParts(folder);
  try {
    const template = await templateOf(parts.text, session, options);
    const generation = options.generationPrompt ? {} : { add_generation_prompt: false };
    const text = template.render(messages, { ...variables, ...generation });
    if (!session.output.isJson)
      return session.output.piece(process.stdout.isTTY ? `${text.replace(/\n$/, "")}\n` : text);
    const ids = await (await parts.text.tokenizer.read())?.encodeAsync(text, { signal: session.signal });
    session.output.result(ids === undefined ? { text } : { text, ids, promptTokens: ids.length }, () => text);
  } finally {
    await parts.close();
    await folder.close();
  }
}

interface Question {
  readonly messages: readonly ChatMessage[];
  readonly settings: GenerateOptions;
  /** When the command began to open the model. */
  readonly started: number;
}

async function answerOnce(
  session: CommandSession,
  opened: OpenedFiles,
  { messages, settings, started }: Question,
): Promise<void> {
  const { chat } = await import("../../runtime/chat/chat-answer.ts");
  const { collect } = await import("../../runtime/generate.ts");
  const { engineInfo } = await import("../../runtime/language-model.ts");
  const { sha256 } = await import("../../files/sha256.ts");
  // A template that refuses the messages is told before minutes of loading.
  settings.chatTemplate?.render(messages, settings.variables);
  const model = await opened.load();
  const loadMs = performance.now() - started;
  const answer = await collect(chat(model, messages, settings), ({ text }) => session.output.piece(text));
  const { messages: _, ...result } = answer;
  const document = {
    ...result,
    timings: { loadMs, ...answer.timings },
    hash: await sha256(Int32Array.from(answer.ids)),
    engine: engineInfo(model),
  };
  session.output.result(document, () => "");
}
