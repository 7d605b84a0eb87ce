/** `/tokenize`, `/detokenize`, `/tokenizer_info`, `/props`, `/metrics`. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HttpServer } from "../../src/server.ts";
import { ask, get, TEMPLATE, tinyServer } from "./tiny-server.ts";

describe("tokens and facts", () => {
  let server: HttpServer;
  beforeAll(() => {
    server = tinyServer({ parallel: 3, context: 100 });
  });
  afterAll(() => server.close());
  const read = async (path: string) => (await get(server, path)).json();

  it("are tokens and back", async () => {
    const { tokens, count, max_model_len: most } = await ask(server, "/tokenize", { prompt: "Hé!" });
    expect([tokens.length, count, most]).toEqual([4, 4, 100]);
    expect(await ask(server, "/tokenize", { prompt: "Hé!", add_special_tokens: false })).toMatchObject({ tokens });
    expect(await ask(server, "/detokenize", { tokens })).toEqual({ prompt: "Hé!" });
  });

  it("say how texts end, and what the chat template is", async () => {
    expect(await read("/tokenizer_info?model=tiny")).toMatchObject({
      eos_token: "<|endoftext|>",
      bos_token: "<|endoftext|>",
      pad_token: "<|endoftext|>",
      chat_template: TEMPLATE,
    });
  });

  it("count tokens and answers", async () => {
    await ask(server, "/v1/completions", { prompt: "abc", max_tokens: 2, ignore_eos: true });
    await ask(server, "/v1/completions", { prompt: "" });
    const text = await (await get(server, "/metrics")).text();
    expect(text).toContain('llamacpp:prompt_tokens_total{model="tiny"} 3\n');
    expect(text).toContain('llamacpp:tokens_predicted_total{model="tiny"} 2\n');
    expect(text).toMatch(/quern:requests_total\{status="200"\} \d+\nquern:requests_total\{status="400"\} 1\n$/);
    for (const line of text.trimEnd().split("\n")) expect(line).toMatch(/^(?:# (?:HELP|TYPE) |[\w:]+\{.*\} [\d.]+$)/);
    expect(await read("/props")).toMatchObject({ total_slots: 3, n_ctx: 100, model: "tiny", chat_template: TEMPLATE });
    expect(await read("/health")).toEqual({ status: "ok" });
  });
});
