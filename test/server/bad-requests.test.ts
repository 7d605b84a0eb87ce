/** What clients send wrong: each is an error of the API's shape, and the server goes on. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HttpServer } from "../../src/server.ts";
import { mulberry32 } from "../helpers/random.ts";
import { get, post, tinyServer } from "./tiny-server.ts";

const COMPLETE = "/v1/completions";
const CHAT = "/v1/chat/completions";
const hello = [{ role: "user", content: "Hello" }];

describe("bad requests", () => {
  let server: HttpServer;
  beforeAll(() => {
    server = tinyServer({ bodyBytes: 3_000_000 });
  });
  afterAll(() => server.close());

  async function expectError(response: Response, status: number, param: string | null = null) {
    const { error } = await response.json();
    expect([response.status, error.param]).toEqual([status, param]);
    expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
    expect(error.message).toMatch(/found|expected/);
    expect(error.message.length).toBeLessThan(1000);
    return error;
  }

  const ids = [1, 2, 3];
  it.each<[path: string, param: string | null, body: unknown]>([
    [COMPLETE, "n", { prompt: ids, n: 1e9 }],
    [COMPLETE, "n", { prompt: ids, n: 0.5 }],
    [COMPLETE, "prompt", {}],
    [COMPLETE, "prompt", { prompt: "" }],
    [COMPLETE, "prompt", { prompt: [] }],
    [COMPLETE, "prompt", { prompt: [[]] }],
    [COMPLETE, "prompt", { prompt: [1, "a"] }],
    [COMPLETE, "prompt", { prompt: [1, 2 ** 40] }],
    [COMPLETE, "prompt", { prompt: [-1] }],
    [COMPLETE, "prompt", { prompt: "lone \ud800" }],
    [COMPLETE, "prompt", { prompt: { a: 1 } }],
    [COMPLETE, "prompt", { prompt: "x".repeat(1_000_000) }],
    [COMPLETE, "prompt", { prompt: Array(5000).fill("a") }],
    [COMPLETE, "n", { prompt: Array(2000).fill("a"), n: 100 }],
    [COMPLETE, "max_tokens", { prompt: ids, max_tokens: -1 }],
    [COMPLETE, "max_tokens", { prompt: ids, max_tokens: "9" }],
    [COMPLETE, "temperature", { prompt: ids, temperature: -1 }],
    [COMPLETE, "temperature", { prompt: ids, temperature: "hot" }],
    [COMPLETE, "top_p", { prompt: ids, top_p: 0 }],
    [COMPLETE, "seed", { prompt: ids, seed: 1.5 }],
    [COMPLETE, "stop", { prompt: ids, stop: [1] }],
    [COMPLETE, "stop", { prompt: ids, stop: "x".repeat(5000) }],
    [COMPLETE, "stream", { prompt: ids, stream: "yes" }],
    [COMPLETE, "stream_options", { prompt: ids, stream_options: 3 }],
    [COMPLETE, "logprobs", { prompt: ids, logprobs: 21 }],
    [COMPLETE, "logprobs", { prompt: ids, logprobs: true }],
    [COMPLETE, "logit_bias", { prompt: ids, logit_bias: { 5: 1 } }],
    [COMPLETE, "presence_penalty", { prompt: ids, presence_penalty: 1 }],
    [COMPLETE, "suffix", { prompt: ids, suffix: "end" }],
    [COMPLETE, "best_of", { prompt: ids, best_of: 4 }],
    [COMPLETE, "maxTokens", { prompt: ids, maxTokens: 4 }],
    [COMPLETE, "echo", { prompt: ids, echo: true, stream: true, logprobs: 1 }],
    [CHAT, "messages", {}],
    [CHAT, "messages", { messages: [] }],
    [CHAT, "messages", { messages: "Hello" }],
    [CHAT, "messages.0.role", { messages: [{ content: "Hello" }] }],
    [CHAT, "messages.0.content", { messages: [{ role: "user", content: 5 }] }],
    [CHAT, "messages.0.content", { messages: [{ role: "user", content: "\udc00" }] }],
    [CHAT, "messages.0.content.0.type", { messages: [{ role: "user", content: [{ type: "image_url", text: "" }] }] }],
    [CHAT, "messages", { messages: [{ role: "user", content: "x".repeat(1_000_000) }] }],
    [CHAT, "tools", { messages: hello, tools: "look" }],
    [CHAT, "messages", { messages: hello, tools: [{ function: { name: "\ud800" } }] }],
    [CHAT, "tool_choice", { messages: hello, tool_choice: "required" }],
    [CHAT, "top_logprobs", { messages: hello, top_logprobs: 3 }],
    [CHAT, "response_format", { messages: hello, response_format: { type: "json_schema" } }],
    ["/tokenize", "prompt", { prompt: 5 }],
    ["/detokenize", "tokens", { tokens: [1, 999999] }],
    ["/detokenize", "tokens", { tokens: "1,2" }],
  ])("%s names %s", async (path, param, body) => {
    await expectError(await post(server, path, body), 400, param);
  });

  it("names the model that it does not have, and the endpoint", async () => {
    const found = await post(server, COMPLETE, { prompt: ids, model: "other" });
    expect(await expectError(found, 404, "model")).toMatchObject({ code: "model_not_found" });
    expect(await expectError(await get(server, "/v2/models"), 404)).toMatchObject({ code: "unknown_endpoint" });
    await expectError(await get(server, "/v1/models/other"), 404, "model");
    await expectError(await get(server, COMPLETE), 404);
  });

  it("refuses what is no JSON, too deep, or too large", async () => {
    for (const body of ["", "{", "[1, 2", '{"prompt": "a"} x', "[".repeat(100_000), "null", "5"])
      await expectError(await post(server, COMPLETE, body), 400);
    const bytes = new Uint8Array([0x7b, 0xff, 0x7d]);
    await expectError(
      await server.fetch(new Request(`http://server${COMPLETE}`, { method: "POST", body: bytes })),
      400,
    );
    await expectError(await post(server, COMPLETE, { prompt: "x".repeat(3_000_001) }), 413);
    const stream = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(100_000)) });
    const endless = new Request(`http://server${COMPLETE}`, { method: "POST", body: stream, duplex: "half" } as object);
    await expectError(await server.fetch(endless), 413);
  });

  it("answers damaged bodies with an error or an answer, and never fails", async () => {
    const random = mulberry32(8);
    const whole = (most: number) => Math.floor(random() * most);
    const values: readonly unknown[] = [
      null,
      true,
      -1,
      1e308,
      0.5,
      "",
      "\ud800",
      [],
      {},
      [[1]],
      [null],
      { toString: 1 },
      "__proto__",
    ];
    const fields = ["prompt", "messages", "n", "stop", "logprobs", "seed", "model", "stream", "temperature", "tools"];
    for (let round = 0; round < 300; round++) {
      const body: Record<string, unknown> = { prompt: ids, messages: hello, max_tokens: 1 };
      delete body[round % 2 === 0 ? "messages" : "prompt"];
      for (let edit = 0; edit <= whole(3); edit++) body[fields[whole(fields.length)]] = values[whole(values.length)];
      const response = await post(server, round % 2 === 0 ? COMPLETE : CHAT, body);
      expect([200, 400, 404]).toContain(response.status);
      await response.text();
    }
  });
});
