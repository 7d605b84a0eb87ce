import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileError, TemplateError, UsageError } from "../../../src/base/errors.ts";
import { type ChatMessage, type ChatTemplate, type LanguageModel, loadModel } from "../../../src/index.ts";
import { collect } from "../../../src/runtime/generate.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { SIMPLE } from "./template.ts";

let model: LanguageModel;
let chatTemplate: ChatTemplate;
beforeAll(async () => {
  model = await loadModel(repositoryFile("models/fable-mixtral"));
  chatTemplate = await model.chatTemplate({ source: SIMPLE });
});
afterAll(() => model[Symbol.asyncDispose]());

const HELLO: readonly ChatMessage[] = [{ role: "user", content: "Once upon a time" }];
const PROMPT = "user: Once upon a time<|endoftext|>assistant:";

describe("chat", () => {
  it("continues the rendered conversation, whose special tokens are recognised, and nothing is added", async () => {
    const options = { maxTokens: 12, temperature: 0 };
    const answer = await collect(model.chat(HELLO, { ...options, chatTemplate }));
    const plain = await collect(model.generate(PROMPT, options));
    const { timings: _, message, messages, ...rest } = answer;
    const { timings: __, ...wanted } = plain;
    expect(rest).toEqual(wanted);
    expect(answer.promptTokens).toBe((await model.tokenizer()).encode(PROMPT).length);
    expect(message).toEqual({ role: "assistant", content: plain.text });
    expect(messages).toEqual([...HELLO, message]);
  });

  it("shows the answer piece by piece, to a next question too", async () => {
    const options = { maxTokens: 6, seed: 4, chatTemplate };
    let shown = "";
    const first = await collect(model.chat(HELLO, options), ({ text }) => {
      shown += text;
    });
    expect(shown).toBe(first.text);
    const asked = [...first.messages, { role: "user", content: "Then?" }];
    const second = await collect(model.chat(asked, options));
    expect(second.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
    const prompt = `${PROMPT.replace("assistant:", "")}assistant: ${first.text}<|endoftext|>user: Then?<|endoftext|>assistant:`;
    expect(second.promptTokens).toBe((await model.tokenizer()).encode(prompt).length);
  });

  it("is what generate does with messages", async () => {
    const options = { maxTokens: 8, seed: 2, chatTemplate, variables: { tools: [{ name: "f" }] } };
    const { ids } = await collect(model.generate(HELLO, options));
    expect((await collect(model.chat(HELLO, options))).ids).toEqual(ids);
  });

  it("gives variables to the template", async () => {
    const source = "{{ mood }}{% if add_generation_prompt %}!{% endif %}{{ tools|length }}";
    const own = await model.chatTemplate({ source });
    const variables = { mood: "glad", add_generation_prompt: false, tools: [1, 2] };
    const { promptTokens } = await collect(model.chat(HELLO, { chatTemplate: own, variables, maxTokens: 1 }));
    expect(promptTokens).toBe((await model.tokenizer()).encode("glad2").length);
  });

  it("refuses what generate refuses, templates that refuse, and a model without one", async () => {
    const said = (messages: unknown, options = {}) => collect(model.chat(messages as ChatMessage[], options));
    await expect(said(HELLO)).rejects.toThrow(FileError);
    await expect(said(HELLO)).rejects.toThrow(/found no chat template .*--template/);
    await expect(said([], { chatTemplate })).rejects.toThrow("messages: found none");
    await expect(said(HELLO, { chatTemplate: SIMPLE })).rejects.toThrow("chatTemplate: found string");
    await expect(said(HELLO, { chatTemplate, variables: [1] })).rejects.toThrow("variables: found object");
    await expect(said(HELLO, { chatTemplate, wariables: {} })).rejects.toThrow("variables");
    const raising = await model.chatTemplate({ source: "{{ raise_exception('No') }}" });
    await expect(said(HELLO, { chatTemplate: raising })).rejects.toThrow(TemplateError);
    await expect(collect(model.generate("a", { variables: {} }))).rejects.toThrow(UsageError);
    await expect(model.chatTemplate({ name: "x", source: undefined })).rejects.toThrow(UsageError);
  });
});
