/** `POST /v1/chat/completions`: conversations by the model's template. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LanguageModel } from "../../../src/index.ts";
import { collect } from "../../../src/runtime/generate.ts";
import type { HttpServer } from "../../../src/server.ts";
import { ask, eventsOf, loadTiny, post, tinyServer } from "../tiny-server.ts";

const PATH = "/v1/chat/completions";
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Who?" },
];

describe("POST /v1/chat/completions", () => {
  let model: LanguageModel;
  let server: HttpServer;
  beforeAll(async () => {
    model = await loadTiny();
    server = tinyServer();
  });
  afterAll(async () => {
    await server.close();
    await model[Symbol.asyncDispose]();
  });

  it("answers as the library does", async () => {
    const body = { messages, max_completion_tokens: 12, temperature: 0.9, seed: 5 };
    const answer = await ask(server, PATH, body);
    const whole = await collect(model.chat(messages, { maxTokens: 12, temperature: 0.9, seed: 5 }));
    expect(answer).toMatchObject({
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: whole.text, refusal: null }, logprobs: null }],
      usage: { prompt_tokens: whole.promptTokens, completion_tokens: whole.ids.length },
    });
    expect((await ask(server, PATH, { ...body, max_completion_tokens: undefined, max_tokens: 12 })).choices).toEqual(
      answer.choices,
    );
  });

  it("gives tools and further variables to the template, and reads parts of text", async () => {
    const prompted = async (body: object) =>
      (await ask(server, PATH, { messages, max_tokens: 1, ...body })).usage.prompt_tokens;
    const plain = await prompted({});
    const tools = [{ type: "function", function: { name: "look" } }];
    expect(await prompted({ tools })).toBe(plain + "[tool look]".length);
    expect(await prompted({ tools, tool_choice: "none" })).toBe(plain);
    expect(await prompted({ chat_template_kwargs: { add_generation_prompt: false } })).toBe(
      plain - "assistant: ".length,
    );
    const parts = [
      { type: "text", text: "W" },
      { type: "text", text: "ho?" },
    ];
    expect(await prompted({ messages: [messages[0], { role: "user", content: parts }] })).toBe(plain);
  });

  it("tells the likeliest tokens with their bytes", async () => {
    const { choices } = await ask(server, PATH, { messages, max_tokens: 3, seed: 1, logprobs: true, top_logprobs: 4 });
    for (const entry of choices[0].logprobs.content) {
      expect(entry.top_logprobs).toHaveLength(4);
      expect(entry.bytes).toHaveLength(1);
      expect(entry.logprob).toBeLessThanOrEqual(entry.top_logprobs[0].logprob);
    }
  });

  it("streams a role, pieces, the reason and the usage", async () => {
    const body = { messages, max_tokens: 10, seed: 3, n: 2, logprobs: true };
    const whole = await ask(server, PATH, body);
    const events = await eventsOf(
      await post(server, PATH, { ...body, stream: true, stream_options: { include_usage: true } }),
    );
    expect(events.every(({ object }) => object === "chat.completion.chunk")).toBe(true);
    expect(events.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    for (const index of [0, 1]) {
      const own = events.flatMap(({ choices }) => choices).filter((choice) => choice.index === index);
      expect(own[0].delta).toEqual({ role: "assistant", content: "", refusal: null });
      expect(own.map(({ delta }) => delta.content ?? "").join("")).toBe(whole.choices[index].message.content);
      expect(own.at(-1)).toMatchObject({ delta: {}, finish_reason: whole.choices[index].finish_reason });
      const scores = own.flatMap(({ logprobs }) => logprobs?.content ?? []);
      expect(scores).toEqual(whole.choices[index].logprobs.content);
    }
  });

  it("says nothing of a format but text", async () => {
    const asking = { messages, max_tokens: 1, response_format: { type: "text" } };
    expect((await post(server, PATH, asking)).status).toBe(200);
    const refused = await post(server, PATH, { ...asking, response_format: { type: "json_object" } });
    expect(refused.status).toBe(400);
    expect((await refused.json()).error).toMatchObject({ param: "response_format", type: "invalid_request_error" });
  });
});
