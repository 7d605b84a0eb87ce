/** The promise of the server: every answer has the bits that it has alone, whatever else runs. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { ModelLikelihood } from "../../src/eval/scoring/model-likelihood.ts";
import type { LanguageModel } from "../../src/index.ts";
import { collect } from "../../src/runtime/generate.ts";
import type { HttpServer } from "../../src/server.ts";
import { mulberry32 } from "../helpers/random.ts";
import { tinyIds } from "../helpers/tiny-model.ts";
import { ask, type Document, loadTiny, pause, post, tinyServer } from "./tiny-server.ts";

let model: LanguageModel;
let server: HttpServer;
beforeAll(async () => {
  model = await loadTiny();
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
});

/** A request whose answer depends on nothing but itself. */
function drawRequest(index: number): Record<string, unknown> {
  const random = mulberry32(index + 100);
  const whole = (most: number) => Math.floor(random() * most);
  const stem = tinyIds(30, whole(3));
  const prompts = Array.from({ length: 1 + whole(3) }, (_, at) => [...stem, ...tinyIds(1 + whole(30), 7 * index + at)]);
  const sampling =
    whole(3) === 0 ? { temperature: 0 } : { temperature: 0.5 + random(), top_p: 0.9, top_k: whole(2) * 20 };
  const lengths = { max_tokens: 1 + whole(12), n: 1 + whole(2), echo: whole(2) === 0, logprobs: 1 + whole(3) };
  return {
    prompt: prompts.length === 1 ? prompts[0] : prompts,
    seed: index,
    ignore_eos: whole(2) === 0,
    ...sampling,
    ...lengths,
  };
}

const choicesOf = ({ choices }: Document) => JSON.stringify(choices);

it.each([
  ["slots for all that come", { parallel: 64 }],
  ["three slots", { parallel: 3 }],
  ["a cache so small that texts take rows from each other", { parallel: 16, context: 96, cacheBytes: 250_000 }],
])("60 requests at random moments have the answers of lonely ones: %s", async (_, options) => {
  server = tinyServer({ ...options, queue: 100 });
  const lonely = tinyServer({ parallel: 1 });
  try {
    const requests = Array.from({ length: 60 }, (_each, index) => drawRequest(index));
    const expected: string[] = [];
    for (const request of requests) expected.push(choicesOf(await ask(lonely, "/v1/completions", request)));
    const random = mulberry32(1);
    const answers = await Promise.all(
      requests.map(async (request) => {
        for (let wait = Math.floor(random() * 200); wait > 0; wait--) await pause();
        // A third of those that run beside it are left in the middle.
        if (random() < 1 / 3) {
          const left = new AbortController();
          void post(server, "/v1/completions", { ...request, stream: true, logprobs: null }, { signal: left.signal });
          setTimeout(() => left.abort(), 5 * random());
        }
        return choicesOf(await ask(server, "/v1/completions", request));
      }),
    );
    expect(answers).toEqual(expected);
  } finally {
    await server.close();
    await lonely.close();
  }
});

it("text and ids are those that the library generates, and scores those that its logits give", async () => {
  server = tinyServer();
  try {
    const prompt = tinyIds(20, 1);
    const options = { maxTokens: 10, temperature: 0.7, topP: 0.9, seed: 5, ignoreEos: true };
    const whole = await collect(model.generate({ ids: prompt }, options));
    const asked = {
      prompt,
      max_tokens: 10,
      temperature: 0.7,
      top_p: 0.9,
      seed: 5,
      ignore_eos: true,
      logprobs: 0,
      echo: true,
    };
    const [choice] = (await ask(server, "/v1/completions", asked)).choices;
    const tokenizer = await model.tokenizer();
    expect(choice.text).toBe(tokenizer.decode(prompt) + whole.text);
    const all = [...prompt, ...whole.ids];
    const { data, vocab } = await model.logits(all);
    const { token_logprobs: scores } = choice.logprobs;
    expect(scores.length).toBe(30);
    for (const at of [1, 7, 20, 29]) {
      const row = data.subarray((at - 1) * vocab, at * vocab);
      const most = row.reduce((a, b) => Math.max(a, b));
      const sum = row.reduce((total, value) => total + Math.exp(value - most), 0);
      expect(scores[at]).toBeCloseTo(row[all[at]] - most - Math.log(sum), 10);
    }
  } finally {
    await server.close();
  }
});

it("log-likelihoods as lm-evaluation-harness reads them are those of evaluate, in batches and alone", async () => {
  server = tinyServer();
  using likelihood = new ModelLikelihood(model);
  try {
    const tokens = async (text: string): Promise<number[]> =>
      (await ask(server, "/tokenize", { prompt: text, add_special_tokens: false })).tokens;
    const likeliest = (await collect(model.generate("zoo", { maxTokens: 1, temperature: 0 }))).text;
    const requests = ["zoo", "Hé!"].flatMap((context) =>
      [" a frog", likeliest, "  the end."].map((continuation) => ({ context, continuation })),
    );
    const expected = await likelihood.logLikelihoods(requests);
    const prompts = await Promise.all(requests.map(({ context, continuation }) => tokens(context + continuation)));
    const begins = await Promise.all(requests.map(async ({ context }) => (await tokens(context)).length));
    for (const batch of [1, 4]) {
      const starts = requests.map((_, at) => at).filter((at) => at % batch === 0);
      const asked = { temperature: 0, max_tokens: 1, logprobs: 1, seed: 1234, echo: true };
      const answers = await Promise.all(
        starts.map((at) => ask(server, "/v1/completions", { prompt: prompts.slice(at, at + batch), ...asked })),
      );
      const found = answers
        .flatMap(({ choices }) => choices)
        .map(({ logprobs }, at) => {
          const own: number[] = logprobs.token_logprobs.slice(begins[at], -1);
          const top: number[] = logprobs.top_logprobs.slice(begins[at], -1).map((each: Record<string, number>) => {
            return Math.max(...Object.values(each));
          });
          return [own.reduce((sum, value) => sum + value, 0), own.every((value, place) => value === top[place])];
        });
      expect(found).toEqual(expected.map(({ logLikelihood, isGreedy }) => [logLikelihood, isGreedy]));
    }
    expect(expected[1].isGreedy).toBe(true);
  } finally {
    await server.close();
  }
});
