/** Exports of `quern` that need no kernels, the same for every runtime. */
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
export type { ModelSource } from "./runtime/load/load-given.ts";
export type { Prompt } from "./runtime/prompt-ids.ts";
export { type ChatMessage, ChatTemplate, type TemplateVariables } from "./text/chat/chat-template.ts";
