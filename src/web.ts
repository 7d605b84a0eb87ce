/** Exports `quern` for browsers and other runtimes without a file system: all but opening models by path. */
import { type GivenModel, givenFolder } from "./files/given/given-folder.ts";
import { isRemoteName, namedFolder, type RemoteName } from "./files/hub/named-folder.ts";
import { LanguageModel, type LoadOptions } from "./runtime/language-model.ts";
import { embeddedKernels } from "./wasm/embedded.ts";

export * from "./base/errors.ts";
export { Turns } from "./base/turns.ts";
export { VERSION } from "./base/version.ts";
export { type ByteSource, blobSource, bytesSource, type FolderSource, filesFolder } from "./files/source.ts";
export type { ModelConfig } from "./model/config/model-config.ts";
export type { Progress } from "./model/model.ts";
export type { AssistantMessage, ChatAnswer } from "./runtime/chat/chat-answer.ts";
export { Conversation, type ConversationOptions, type TurnAnswer } from "./runtime/chat/conversation.ts";
export type { Generated, Piece } from "./runtime/generate.ts";
export type { GenerateOptions } from "./runtime/generate-options.ts";
export { type EngineInfo, LanguageModel, type LoadOptions } from "./runtime/language-model.ts";
export type { Prompt } from "./runtime/prompt-ids.ts";
export { type ChatMessage, ChatTemplate, type TemplateVariables } from "./text/chat/chat-template.ts";
export { createMachine } from "./wasm/embedded.ts";

/**
 * A model: the files of its folder by name, as a list, as a directory handle or as an object that opens them; or one GGUF file; or the
 * URL of either, or `hf:OWNER/NAME` on the hub.
 */
export type ModelSource = GivenModel | PromiseLike<GivenModel> | RemoteName;

/** Opens a model from given files or from a server: `await using model = await loadModel(files)`. */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<LanguageModel> {
  const given = await source;
  const folder = isRemoteName(given) ? await namedFolder(given, options) : givenFolder(given);
  return LanguageModel.load(folder, embeddedKernels(), options);
}
