import { describe, expect, it } from "vitest";
import { TemplateError, UsageError } from "../../../src/base/errors.ts";
import { type ChatMessage, ChatTemplate } from "../../../src/text/chat/chat-template.ts";
import { readJsonLines, repositoryFile } from "../../helpers/shared.ts";

interface Line {
  readonly template_name: string;
  readonly case: string;
  readonly template: string;
  readonly messages: readonly ChatMessage[];
  readonly tools: unknown;
  readonly options: Record<string, unknown>;
  readonly rendered?: string;
  readonly error?: string;
}

const open = (source: string, name = "default") => ChatTemplate.open([{ name, source, where: "m/template" }]);
const HELLO: readonly ChatMessage[] = [{ role: "user", content: "Hello" }];

async function failureOf(work: () => Promise<unknown>): Promise<TemplateError> {
  const error = await work().then(
    () => expect.fail("nothing was refused"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TemplateError);
  return error as TemplateError;
}

describe("ChatTemplate", () => {
  it.each(readJsonLines<Line>(repositoryFile("test/fixtures/chat/templates.jsonl")))(
    "renders $template_name, $case, as transformers does",
    async ({ template, messages, tools, options, rendered, error }) => {
      const render = async () => (await open(template)).render(messages, { tools, ...options });
      if (error === undefined) expect(await render()).toBe(rendered);
      else expect((await failureOf(render)).message).toContain(error.replace(/^TemplateError: /, ""));
    },
  );

  it("asks for the answer unless it is told not to, and gives tools and documents as none", async () => {
    const template = await open("{{ add_generation_prompt }} {{ tools }} {{ documents }} {{ messages|length }}");
    expect(template.render(HELLO)).toBe("True None None 1");
    expect(template.render(HELLO, { add_generation_prompt: false, tools: [1] })).toBe("False [1] None 1");
  });

  it("gives special tokens, which variables may replace; null is none", async () => {
    const where = "m/template";
    const templates = [{ name: "default", source: "{{ bos_token }}{{ eos_token is defined }}", where }];
    const template = await ChatTemplate.open(templates, { bos_token: "<s>", eos_token: null });
    expect(template.render(HELLO)).toBe("<s>False");
    expect(template.render(HELLO, { bos_token: null, eos_token: "</s>" })).toBe("True");
  });

  it("takes the template for tools where there are tools, or the one that is named", async () => {
    const named = ["default", "tool_use", "rag"].map((name) => ({ name, source: `${name}!`, where: "m" }));
    const template = await ChatTemplate.open(named);
    expect(template.names).toEqual(["default", "tool_use", "rag"]);
    expect(template.render(HELLO)).toBe("default!");
    expect(template.render(HELLO, { tools: [{}] })).toBe("tool_use!");
    expect((await ChatTemplate.open(named, {}, "rag")).render(HELLO, { tools: [{}] })).toBe("rag!");
    await expect(ChatTemplate.open(named, {}, "other")).rejects.toThrow(
      'template: found "other", expected one of the model\'s templates: default, tool_use, rag',
    );
    const withoutDefault = await ChatTemplate.open(named.slice(1));
    expect(() => withoutDefault.render(HELLO)).toThrow("the name of one, of tool_use, rag");
  });

  it("passes all fields of messages through", async () => {
    const source = "{% for m in messages %}{{ m.tool_calls|tojson }}{{ m.name }}{{ m.tool_call_id }}{% endfor %}";
    const calls = [{ id: "1", function: { name: "f", arguments: { a: 1 } } }];
    const messages = [{ role: "assistant", tool_calls: calls, name: "n", tool_call_id: "t" }];
    expect((await open(source)).render(messages)).toBe(
      '[{"id": "1", "function": {"name": "f", "arguments": {"a": 1}}}]nt',
    );
  });

  it("says what the template says when it refuses, and shows its beginning", async () => {
    const source = "{{ raise_exception('Only one user turn') }}";
    const error = await failureOf(async () => (await open(source)).render(HELLO));
    expect(error.message).toBe("m/template: the template refuses this conversation: Only one user turn");
    expect([error.code, error.details]).toEqual(["TEMPLATE", { where: "m/template", raised: true, template: source }]);
  });

  it("says what is wrong with a template", async () => {
    const messageOf = async (source: string) =>
      (await failureOf(async () => (await open(source)).render(HELLO))).message;
    expect(await messageOf("{% if %}")).toMatch(/^m\/template: the template cannot be read: /);
    expect(await messageOf("{{ messages[0].content.foo.bar }}")).toBe(
      "m/template: the template asks for bar of a value that is undefined",
    );
    expect(await messageOf("{{ 1|frobnicate }}")).toContain("the template uses the filter frobnicate");
  });

  it.each([
    ["Hello", "messages: found string, expected a list of messages"],
    [[], "messages: found none, expected at least one"],
    [["Hello"], "messages[0]: found a string, expected a list"],
    [[{ role: "user" }, { content: "x" }], "messages[1].role: found nothing, expected a text"],
  ])("refuses %j as messages", async (messages, sentence) => {
    const template = await open("x");
    expect(() => template.render(messages as ChatMessage[])).toThrow(UsageError);
    expect(() => template.render(messages as ChatMessage[])).toThrow(sentence);
  });
});
