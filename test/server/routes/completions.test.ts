/** `POST /v1/completions`: shapes, limits and streams. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HttpServer } from "../../../src/server.ts";
import { tinyIds } from "../../helpers/tiny-model.ts";
import { ask, eventsOf, post, tinyServer } from "../tiny-server.ts";

const PATH = "/v1/completions";

describe("POST /v1/completions", () => {
  let server: HttpServer;
  beforeAll(() => {
    server = tinyServer();
  });
  afterAll(() => server.close());
  const complete = (body: object) => ask(server, PATH, body);

  it("tells the text, its tokens and how it was made", async () => {
    const answer = await complete({ model: "tiny", prompt: "Once", max_tokens: 5, seed: 3, ignore_eos: true });
    expect(answer).toMatchObject({
      object: "text_completion",
      model: "tiny",
      seed: 3,
      choices: [{ index: 0, text: expect.any(String), logprobs: null, finish_reason: "length" }],
      usage: { prompt_tokens: 4, completion_tokens: 5, total_tokens: 9 },
    });
    expect(answer.id).toMatch(/^cmpl-/);
    expect(answer.system_fingerprint).toMatch(/^quern-\d/);
  });

  it("draws a seed where none is given, and gives the same answer for it", async () => {
    const body = { prompt: "Once", max_tokens: 8, temperature: 1 };
    const first = await complete(body);
    const again = await complete({ ...body, seed: first.seed });
    expect(again.choices).toEqual(first.choices);
    expect((await complete({ ...body, seed: -1 })).seed).toBe(2 ** 53 - 1);
  });

  it("answers each of several prompts n times, in the order of indices", async () => {
    const body = { max_tokens: 4, temperature: 1, seed: 9, ignore_eos: true };
    const { choices, usage } = await complete({ ...body, prompt: ["ab", [3, 4, 5]], n: 2 });
    expect(choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3]);
    expect(usage).toEqual({ prompt_tokens: 5, completion_tokens: 16, total_tokens: 21 });
    const alone = await complete({ ...body, prompt: [3, 4, 5] });
    expect(choices[2].text).toBe(alone.choices[0].text);
    const next = await complete({ ...body, prompt: [3, 4, 5], seed: 10 });
    expect(choices[3].text).toBe(next.choices[0].text);
  });

  it("with echo, logprobs and one token has an entry for each token of the prompt and one more", async () => {
    const prompts = [tinyIds(12, 1), tinyIds(7, 2)];
    const { choices } = await complete({ prompt: prompts, max_tokens: 1, temperature: 0, logprobs: 1, echo: true });
    for (const [index, { logprobs }] of choices.entries()) {
      const length = prompts[index].length + 1;
      for (const list of Object.values(logprobs)) expect(list).toHaveLength(length);
      expect([logprobs.token_logprobs[0], logprobs.top_logprobs[0]]).toEqual([null, null]);
      for (let at = 1; at < length; at++) {
        const values = Object.values(logprobs.top_logprobs[at]) as number[];
        expect(values).toContain(logprobs.token_logprobs[at]);
        expect(values.length).toBeLessThanOrEqual(2);
      }
      // The token that was drawn is the likeliest one.
      const last = Object.values(logprobs.top_logprobs[length - 1]) as number[];
      expect(Math.max(...last)).toBe(logprobs.token_logprobs[length - 1]);
    }
    const scored = await complete({ prompt: prompts, max_tokens: 0, logprobs: 1, echo: true });
    for (const [index, { logprobs, text }] of scored.choices.entries()) {
      expect(logprobs.token_logprobs).toEqual(choices[index].logprobs.token_logprobs.slice(0, -1));
      expect(choices[index].text.startsWith(text)).toBe(true);
    }
  });

  it("has one more entry also when the token that is drawn ends the text", async () => {
    // Token 0 ends texts; only it is left of the candidates after a prompt whose likeliest token it is.
    for (let seed = 0; seed < 400; seed++) {
      const prompt = tinyIds(6, seed);
      const body = { prompt, max_tokens: 1, temperature: 3, seed, logprobs: 0, echo: true };
      const { choices, usage } = await complete(body);
      expect(choices[0].logprobs.token_logprobs).toHaveLength(7);
      if (usage.completion_tokens > 0) continue;
      expect(choices[0].finish_reason).toBe("stop");
      return;
    }
    throw new Error("no text has ended");
  });

  it("gives tokens whose texts are the same, or no UTF-8, keys of their own", async () => {
    const { choices } = await complete({ prompt: [65, 66], max_tokens: 1, temperature: 0, logprobs: 20 });
    expect(Object.keys(choices[0].logprobs.top_logprobs[0]).length).toBeGreaterThanOrEqual(20);
  });

  it("ends before stop strings, of which there may be none, empty ones, or many", async () => {
    const body = { prompt: tinyIds(5, 1), max_tokens: 30, seed: 4, ignore_eos: true };
    const [{ text }] = (await complete(body)).choices;
    for (const stop of [[], "", null, [""]]) expect((await complete({ ...body, stop })).choices[0].text).toBe(text);
    const stop = [...text].slice(10, 12).join("");
    const many = ["zz0", "zz1", "zz2", "zz3", "zz4", stop];
    const [stopped] = (await complete({ ...body, stop: many })).choices;
    expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: "stop" });
  });

  it("streams the same text piece by piece, with usage at the end if asked", async () => {
    const body = { prompt: ["ab", "cd"], max_tokens: 9, seed: 2, ignore_eos: true, logprobs: 2 };
    const whole = await complete(body);
    const stream = await post(server, PATH, { ...body, stream: true, stream_options: { include_usage: true } });
    expect(stream.headers.get("content-type")).toContain("text/event-stream");
    const events = await eventsOf(stream);
    expect(events.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    for (const index of [0, 1]) {
      const own = events.flatMap(({ choices }) => choices).filter((choice) => choice.index === index);
      expect(own.map(({ text }) => text).join("")).toBe(whole.choices[index].text);
      expect(own.flatMap(({ logprobs }) => logprobs?.token_logprobs ?? [])).toEqual(
        whole.choices[index].logprobs.token_logprobs,
      );
      expect(own.map((choice) => choice.finish_reason).filter((reason) => reason !== null)).toEqual(["length"]);
    }
    const echoed = await eventsOf(await post(server, PATH, { prompt: "ab", max_tokens: 1, echo: true, stream: true }));
    expect(echoed[0].choices[0].text).toBe("ab");
  });

  it("ends with the context where more tokens are asked for than it has room for", async () => {
    const narrow = tinyServer({ context: 24 });
    const prompt = tinyIds(20, 1);
    const body = { prompt, max_tokens: 1e9, seed: 1, ignore_eos: true };
    const { choices, usage } = await ask(narrow, PATH, body);
    expect([choices[0].finish_reason, usage.completion_tokens]).toEqual(["length", 5]);
    const full = await ask(narrow, PATH, { ...body, prompt: tinyIds(24, 1), max_tokens: 1, echo: true, logprobs: 1 });
    expect(full.choices[0].logprobs.tokens).toHaveLength(25);
    await narrow.close();
  });
});
