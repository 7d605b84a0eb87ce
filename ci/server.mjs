// Asks a server what programs ask: openai, the Vercel AI SDK's openai-compatible provider and LangChain's ChatOpenAI, over HTTP.
// They want Node 22, so the checks run under the Node 24 of ci/.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Checks } from "./install-packed.mjs";

const NODE24 = fileURLToPath(new URL("node_modules/node24/bin/node", import.meta.url));
if (Number(process.versions.node.split(".")[0]) < 22 && existsSync(NODE24)) {
  const { status } = spawnSync(NODE24, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  process.exit(status ?? 1);
}

const MODEL = "fable-mixtral";
const KEY = "test-key";
const PROMPT = "Once upon a time";
const MESSAGES = [
  { role: "system", content: "You tell stories." },
  { role: "user", content: "Tell me of a frog." },
];
const SETTINGS = { max_tokens: 24, temperature: 0.8, top_p: 0.95, seed: 7 };

/** Starts the server in a process of its own. */
async function startServer() {
  const { bundleModule } = await import("../scripts/bundle.mjs");
  const at = (path) => fileURLToPath(new URL(path, import.meta.url));
  await bundleModule(at("server/entry.mjs"), at("../build/ci-server.mjs"));
  const child = spawn(process.execPath, [at("server/serve-story.mjs")], { stdio: ["pipe", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  return { url, stop: () => child.stdin.end() };
}

async function checkOpenai(checks, url) {
  const { default: OpenAI } = await import("openai");
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });
  const complete = (body) => client.completions.create({ model: MODEL, prompt: PROMPT, ...SETTINGS, ...body });
  const chat = (body) => client.chat.completions.create({ model: MODEL, messages: MESSAGES, ...SETTINGS, ...body });
  await checks.check("openai: models", async () => {
    assert.deepEqual(
      (await client.models.list()).data.map(({ id }) => id),
      [MODEL],
    );
    assert.equal((await client.models.retrieve(MODEL)).owned_by, "quern");
  });
  await checks.check("openai: completion, the same for the same seed, another for another", async () => {
    const [first, again, other] = [await complete(), await complete(), await complete({ seed: 8 })];
    assert.equal(first.choices[0].text, again.choices[0].text);
    assert.notEqual(first.choices[0].text, other.choices[0].text);
    assert.deepEqual(first.usage, { prompt_tokens: 4, completion_tokens: 24, total_tokens: 28 });
  });
  await checks.check("openai: stop", async () => {
    const { text } = (await complete()).choices[0];
    const stop = text.slice(10, 14);
    const [choice] = (await complete({ stop: [stop] })).choices;
    assert.deepEqual([choice.text, choice.finish_reason], [text.slice(0, text.indexOf(stop)), "stop"]);
  });
  await checks.check("openai: a stream of a completion is the completion", async () => {
    let text = "";
    for await (const { choices } of await complete({ stream: true })) text += choices[0].text;
    assert.equal(text, (await complete()).choices[0].text);
  });
  await checks.check("openai: chat with log-probabilities", async () => {
    const { choices } = await chat({ logprobs: true, top_logprobs: 3 });
    const { content } = choices[0].logprobs;
    const bytes = Buffer.from(content.flatMap((entry) => entry.bytes));
    assert.equal(bytes.toString(), choices[0].message.content);
    for (const { logprob, top_logprobs: top } of content) assert(top.length === 3 && logprob <= top[0].logprob);
  });
  await checks.check("openai: a stream of a chat is the chat, with usage", async () => {
    let text = "";
    let usage;
    for await (const event of await chat({ stream: true, stream_options: { include_usage: true } })) {
      text += event.choices[0]?.delta.content ?? "";
      usage = event.usage ?? usage;
    }
    const whole = await chat({});
    assert.deepEqual([text, usage], [whole.choices[0].message.content, whole.usage]);
  });
  await checks.check("openai: a stream that is aborted frees its slot", async () => {
    for (let round = 0; round < 6; round++) {
      const stream = await chat({ stream: true, max_tokens: 400 });
      for await (const _ of stream) break;
      stream.controller.abort();
    }
    assert.equal((await complete()).choices.length, 1);
  });
  await checks.check("openai: errors are its own classes", async () => {
    await assert.rejects(
      complete({ model: "other" }),
      (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found",
    );
    await assert.rejects(
      complete({ n: 1e9 }),
      (error) => error instanceof OpenAI.BadRequestError && error.param === "n",
    );
    await assert.rejects(
      chat({ response_format: { type: "json_object" } }),
      (error) => error instanceof OpenAI.BadRequestError && error.param === "response_format",
    );
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "no", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
    const many = Array.from({ length: 12 }, () => complete({ max_tokens: 200 }));
    const refused = (await Promise.allSettled(many)).filter(({ status }) => status === "rejected");
    assert(refused.length > 0 && refused.every(({ reason }) => reason instanceof OpenAI.RateLimitError));
  });
}

async function checkAiSdk(checks, url) {
  const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
  const { generateText, streamText } = await import("ai");
  const provider = createOpenAICompatible({ name: "quern", baseURL: `${url}/v1`, apiKey: KEY, includeUsage: true });
  const settings = { maxOutputTokens: 20, temperature: 0.8, topP: 0.95, seed: 3, maxRetries: 0 };
  const asked = { model: provider(MODEL), prompt: "Tell me of a frog.", ...settings };
  await checks.check("ai: text and usage, the same as a stream", async () => {
    const whole = await generateText(asked);
    assert.equal(whole.text, (await generateText(asked)).text);
    assert(whole.usage.inputTokens > 0 && whole.usage.outputTokens > 0);
    const stream = streamText(asked);
    let text = "";
    for await (const piece of stream.textStream) text += piece;
    assert.equal(text, whole.text);
    assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
  });
  await checks.check("ai: stop, completion models, abort, errors", async () => {
    const { text } = await generateText(asked);
    const stopped = await generateText({ ...asked, stopSequences: [text.slice(8, 11)] });
    assert.deepEqual([stopped.text, stopped.finishReason], [text.slice(0, text.indexOf(text.slice(8, 11))), "stop"]);
    const completed = await generateText({ ...asked, model: provider.completionModel(MODEL) });
    assert(completed.text.length > 0);
    const abortSignal = AbortSignal.timeout(30);
    await assert.rejects(generateText({ ...asked, maxOutputTokens: 400, abortSignal }));
    await assert.rejects(generateText({ ...asked, model: provider("other") }), (error) => error.statusCode === 404);
  });
}

async function checkLangChain(checks, url) {
  const { ChatOpenAI } = await import("@langchain/openai");
  const settings = { model: MODEL, apiKey: KEY, temperature: 0.8, topP: 0.95, maxTokens: 20, maxRetries: 0 };
  const chat = new ChatOpenAI({ ...settings, modelKwargs: { seed: 5 }, configuration: { baseURL: `${url}/v1` } });
  await checks.check("LangChain: an answer, the same as a stream", async () => {
    const whole = await chat.invoke("Tell me of a frog.");
    assert(whole.content.length > 0 && whole.usage_metadata.output_tokens > 0);
    let text = "";
    for await (const piece of await chat.stream("Tell me of a frog.")) text += piece.content;
    assert.equal(text, whole.content);
  });
  await checks.check("LangChain: stop, abort, errors", async () => {
    const { content } = await chat.invoke("Tell me of a frog.");
    const stop = content.slice(6, 9);
    assert.equal(
      (await chat.invoke("Tell me of a frog.", { stop: [stop] })).content,
      content.slice(0, content.indexOf(stop)),
    );
    await assert.rejects(chat.invoke("Tell me of a frog.", { signal: AbortSignal.timeout(10) }));
    const other = new ChatOpenAI({ ...settings, model: "other", configuration: { baseURL: `${url}/v1` } });
    await assert.rejects(other.invoke("Hello"), (error) => error.status === 404);
  });
}

const checks = new Checks("server");
const { url, stop } = await startServer();
try {
  await checkOpenai(checks, url);
  await checkAiSdk(checks, url);
  await checkLangChain(checks, url);
} finally {
  stop();
}
checks.end();
