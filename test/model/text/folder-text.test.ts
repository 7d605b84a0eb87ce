import { describe, expect, it } from "vitest";
import { FileError, FormatError } from "../../../src/base/errors.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { folderText } from "../../../src/model/text/folder-text.ts";
import { ggufTextParts } from "../../../src/model/text/gguf-text-parts.ts";
import { readGgufText } from "../../../src/text/gguf/gguf-text.ts";
import { metadataSource, sentencePieces } from "../../text/gguf/metadata-source.ts";

const HELLO = [{ role: "user", content: "Hello" }];

function textOf(files: Readonly<Record<string, unknown>>) {
  const bytes = Object.entries(files).map(([name, content]) => {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    return [name, new TextEncoder().encode(text)] as const;
  });
  return folderText(filesFolder("m", Object.fromEntries(bytes)));
}

async function rendered(files: Readonly<Record<string, unknown>>, name?: string): Promise<string> {
  return (await textOf(files).chat.template({ name })).render(HELLO, { tools: name === undefined ? null : [1] });
}

describe("the chat template of a folder", () => {
  const config = { bos_token: "<s>", eos_token: { content: "</s>" }, pad_token: null };
  const single = {
    "tokenizer_config.json": { ...config, chat_template: "C{{ bos_token }}{{ eos_token }}{{ pad_token }}" },
  };
  const named = [
    { name: "default", template: "D" },
    { name: "tool_use", template: "T" },
    { name: "rag", template: "R" },
  ];

  it("stands in tokenizer_config.json, with the special tokens", async () => {
    expect(await rendered(single)).toBe("C<s></s>");
  });

  it("may be one of several, chosen by name or by tools", async () => {
    const files = { "tokenizer_config.json": { chat_template: named } };
    expect(await rendered(files)).toBe("D");
    expect(await rendered(files, "rag")).toBe("R");
    expect((await textOf(files).chat.template()).render(HELLO, { tools: [1] })).toBe("T");
  });

  it("is chat_template.jinja where there is such a file, with the named ones beside it", async () => {
    const more = { "chat_template.jinja": "J{{ bos_token }}", "additional_chat_templates/rag.jinja": "A" };
    expect(await rendered({ ...single, ...more })).toBe("J<s>");
    expect(await rendered({ ...single, ...more }, "rag")).toBe("A");
    const files = { "tokenizer_config.json": { chat_template: named }, "chat_template.jinja": "J" };
    expect((await textOf(files).chat.template()).names).toEqual(["default"]);
    const beside = { ...single, "additional_chat_templates/tool_use.jinja": "A" };
    expect((await textOf(beside).chat.template()).names).toEqual(["default", "tool_use"]);
  });

  it("is chat_template.json at last, and special tokens may have a file of their own", async () => {
    const json = { "chat_template.json": { chat_template: "X{{ bos_token }}" } };
    expect(await rendered({ ...json, "special_tokens_map.json": { bos_token: { content: "<b>" } } })).toBe("X<b>");
    expect(await rendered({ ...json, ...single })).toBe("C<s></s>");
  });

  it("may be replaced by a text", async () => {
    const template = await textOf(single).chat.template({ source: "own {{ bos_token }}" });
    expect(template.render(HELLO)).toBe("own <s>");
    expect((await textOf({}).chat.template({ source: "own" })).render(HELLO)).toBe("own");
  });

  it("is missed by a sentence that names the files", async () => {
    await expect(rendered({ "tokenizer_config.json": {} })).rejects.toThrow(FileError);
    await expect(rendered({})).rejects.toThrow(
      /^m: found no chat template \(chat_template.jinja, chat_template in tok.*--template/,
    );
  });

  it.each([
    [{ chat_template: 5 }, "m/tokenizer_config.json: chat_template: found 5, expected a text or a list"],
    [{ chat_template: [{ name: "a" }] }, "m/tokenizer_config.json: chat_template[0]: found an object"],
  ])("is refused in the form %j", async (json, sentence) => {
    await expect(rendered({ "tokenizer_config.json": json })).rejects.toThrow(FormatError);
    await expect(rendered({ "tokenizer_config.json": json })).rejects.toThrow(sentence);
  });
});

describe("the text parts of a GGUF file", () => {
  it("are its tokenizer, its template and the ids that end a text", async () => {
    const keys = sentencePieces([["a", -1]], {
      chat_template: "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}",
    });
    const text = ggufTextParts(async () => readGgufText(metadataSource(keys)), "m.gguf");
    expect((await text.tokenizer.require()).bosId).toBe(1);
    expect((await text.chat.template()).render(HELLO)).toBe("<s>Hello</s>");
    expect(await text.generation()).toEqual({ eosIds: [2], sampling: {} });
  });

  it("are missed by name", async () => {
    const text = ggufTextParts(async () => undefined, "m.gguf");
    expect(await text.tokenizer.read()).toBeUndefined();
    await expect(text.tokenizer.require()).rejects.toThrow("m.gguf: tokenizer.ggml.model: found nothing");
    await expect(text.chat.template()).rejects.toThrow("m.gguf: found no chat template");
    expect(await text.generation()).toEqual({ eosIds: undefined, sampling: {} });
  });
});
