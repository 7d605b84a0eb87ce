/** How requests come, wait, leave and fail: slots, the queue, keys, shutting down, and models that break. */
import { describe, expect, it } from "vitest";
import type { LanguageModel } from "../../src/index.ts";
import { createServer } from "../../src/server.ts";
import { tinyIds } from "../helpers/tiny-model.ts";
import { ask, get, loadTiny, pause, post, tinyServer } from "./tiny-server.ts";

const PATH = "/v1/completions";
const long = { prompt: tinyIds(10, 1), max_tokens: 400, seed: 1, ignore_eos: true };

/** Reads the gauge or counter of a name. */
async function metric(server: Parameters<typeof get>[0], name: string): Promise<number> {
  const text = await (await get(server, "/metrics")).text();
  return Number(new RegExp(`^${name}\\{.*\\} (\\S+)$`, "m").exec(text)?.[1]);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause();
}

describe("slots and the queue", () => {
  it("refuses what has no place with 429 and when to try again, and goes on after that", async () => {
    await using server = tinyServer({ parallel: 1, queue: 1 });
    await server.ready();
    const two = [post(server, PATH, long), post(server, PATH, { ...long, max_tokens: 2 })];
    await until(async () => (await metric(server, "llamacpp:requests_deferred")) === 1);
    const refused = await post(server, PATH, long);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect((await refused.json()).error).toMatchObject({ type: "rate_limit_error", code: "queue_full" });
    expect((await Promise.all(two)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await post(server, PATH, { ...long, max_tokens: 1 })).status).toBe(200);
  });

  it("lets a short request pass a long list of prompts", async () => {
    await using server = tinyServer({ parallel: 1 });
    await server.ready();
    const order: string[] = [];
    const many = { ...long, max_tokens: 5, prompt: Array.from({ length: 20 }, (_, seed) => tinyIds(5, seed)) };
    const both = [post(server, PATH, many).then(() => order.push("many"))];
    await until(async () => (await metric(server, "llamacpp:requests_processing")) === 1);
    both.push(post(server, PATH, { ...long, max_tokens: 5 }).then(() => order.push("one")));
    await Promise.all(both);
    expect(order).toEqual(["one", "many"]);
  });

  it.each([true, false])("frees the slot of a client that goes (stream: %s), and its rows", async (stream) => {
    await using server = tinyServer({ parallel: 2 });
    await server.ready();
    const left = new AbortController();
    const asked = post(server, PATH, { ...long, stream, n: 2 }, { signal: left.signal });
    await until(async () => (await metric(server, "llamacpp:kv_cache_tokens")) > 0);
    left.abort();
    const response = await asked;
    if (stream) await response.text();
    else expect(response.status).toBe(499);
    await until(async () => (await metric(server, "llamacpp:requests_processing")) === 0);
    await until(async () => (await metric(server, "llamacpp:kv_cache_tokens")) === 0);
    expect((await metric(server, "quern:computed_tokens_total")) < 400).toBe(true);
  });

  it("ends a stream whose reader cancels", async () => {
    await using server = tinyServer({ parallel: 1 });
    const { body } = await post(server, PATH, { ...long, stream: true });
    const reader = body!.getReader();
    await reader.read();
    await reader.cancel();
    await until(async () => (await metric(server, "llamacpp:requests_processing")) === 0);
  });
});

describe("keys", () => {
  it("are asked for everywhere but at /health", async () => {
    await using server = tinyServer({ apiKey: "s3cret" });
    for (const authorization of [undefined, "s3cret", "Bearer s3cre", "Bearer s3crets", "Bearer "]) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const refused = await get(server, "/v1/models", { headers });
      expect(refused.status).toBe(401);
      expect((await refused.json()).error.code).toBe("invalid_api_key");
      expect((await post(server, PATH, long, { headers })).status).toBe(401);
    }
    const headers = { authorization: "Bearer s3cret" };
    expect((await get(server, "/v1/models", { headers })).status).toBe(200);
    expect((await get(server, "/health")).status).toBe(200);
  });
});

describe("close", () => {
  it("lets running and waiting requests end, and refuses new ones", async () => {
    const server = tinyServer({ parallel: 1 });
    await server.ready();
    const two = [1, 2].map((seed) => post(server, PATH, { ...long, seed, max_tokens: 60 }));
    await until(async () => (await metric(server, "llamacpp:requests_deferred")) === 1);
    const closed = server.close();
    expect((await get(server, "/health")).status).toBe(503);
    const refused = await post(server, PATH, long);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    for (const answer of two) expect((await (await answer).json()).usage.completion_tokens).toBe(60);
    await closed;
  });

  it("ends them at once where its signal says so", async () => {
    const server = tinyServer({ parallel: 1 });
    await server.ready();
    const running = post(server, PATH, { ...long, stream: true });
    await until(async () => (await metric(server, "llamacpp:requests_processing")) === 1);
    await server.close(AbortSignal.abort());
    expect(await (await running).text()).toContain("shutting down");
  });
});

describe("models", () => {
  it("that break while they compute are a 500, and are loaded again", async () => {
    const models: LanguageModel[] = [];
    const load = async () => {
      const model = await loadTiny();
      models.push(model);
      return model;
    };
    await using server = createServer({ models: { tiny: load } });
    const before = await ask(server, PATH, { ...long, max_tokens: 4 });
    const fail = () => {
      throw new RangeError("unreachable");
    };
    Object.defineProperty(models[0].machine, "tape", { value: fail });
    const broken = await Promise.all(
      [7, 8].map((length) => post(server, PATH, { ...long, prompt: tinyIds(length, 2) })),
    );
    for (const response of broken) {
      expect(response.status).toBe(500);
      expect((await response.json()).error).toMatchObject({ type: "server_error", code: "model_failed" });
    }
    const after = await ask(server, PATH, { ...long, max_tokens: 4 });
    expect(after.choices).toEqual(before.choices);
    expect(models).toHaveLength(2);
    expect(await metric(server, "quern:reloads_total")).toBe(1);
  });

  it("that cannot be loaded are a 503, and are tried again", async () => {
    let tries = 0;
    const load = async () => {
      if (tries++ === 0) throw new Error("no such disk");
      return loadTiny();
    };
    await using server = createServer({ models: { tiny: load } });
    const refused = await post(server, PATH, { ...long, max_tokens: 1 });
    expect(refused.status).toBe(503);
    expect((await refused.json()).error.message).toContain("no such disk");
    expect((await post(server, PATH, { ...long, max_tokens: 1 })).status).toBe(200);
  });
});

describe("createServer", () => {
  it.each([
    [{ models: {} }, "models"],
    [{ models: { a: 5 } }, "models.a"],
    [{ parallel: 0 }, "parallel"],
    [{ queue: -1 }, "queue"],
    [{ apiKey: "" }, "apiKey"],
    [{ bodyBytes: 0.5 }, "bodyBytes"],
    [{ paralel: 3 }, "parallel"],
  ])("refuses %j", (options, name) => {
    expect(() => tinyServer(options as object)).toThrow(name);
  });

  it("serves several models by their names", async () => {
    await using server = createServer({ models: { a: loadTiny, "hf:owner/b": loadTiny } });
    const { data } = await (await get(server, "/v1/models")).json();
    expect(data.map(({ id }: { id: string }) => id)).toEqual(["a", "hf:owner/b"]);
    expect((await (await get(server, "/v1/models/hf:owner/b")).json()).id).toBe("hf:owner/b");
    expect((await post(server, PATH, { ...long, max_tokens: 1 })).status).toBe(404);
    expect((await ask(server, PATH, { ...long, max_tokens: 1, model: "a" })).model).toBe("a");
  });
});
