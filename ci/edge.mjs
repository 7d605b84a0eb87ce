// Builds examples/edge with the packed package, serves it with workerd, and asks it: the text, the memory, a client that goes, wrong requests.
import { spawn } from "node:child_process";
import { cpSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { loadModel } from "../dist/index.js";
import { Checks, installPacked, run } from "./install-packed.mjs";
import { WORKERD } from "./workerd.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const STORY = { prompt: "Once upon a time", maxTokens: 40, temperature: 0.8, topP: 0.95, seed: 7 };
/** So hot that the end of a text is as unlikely as any other token. */
const LONG = { prompt: "One day", maxTokens: 480, temperature: 5, topP: 1 };
const MOST_BYTES = 128e6;
const PATIENCE_MS = 20_000;
const WRONG = {
  "no JSON": "{",
  "no prompt": "{}",
  "a number as prompt": '{ "prompt": 1 }',
  "an empty prompt": '{ "prompt": "" }',
  "a prompt beyond the context": JSON.stringify({ prompt: "far away ".repeat(600) }),
  "a long body": JSON.stringify({ prompt: " ".repeat(70_000) }),
  "an unknown field": '{ "prompt": "a", "topQ": 1 }',
  "no tokens": '{ "prompt": "a", "maxTokens": 0 }',
  "a text as seed": '{ "prompt": "a", "seed": "b" }',
};

/** @returns the folder of the example, built as its README says. */
function buildExample(folder) {
  const edge = join(folder, "edge");
  cpSync(join(root, "examples/edge"), edge, { recursive: true, filter: (path) => !path.includes("edge/build/") });
  symlinkSync(join(root, "ci/node_modules/esbuild"), join(folder, "node_modules/esbuild"));
  console.log(run(process.execPath, ["build.mjs", join(root, "models/fable-mixtral")], edge).trim());
  return edge;
}

/** Starts workerd on a free port, which it tells on its fourth stream. */
async function serve(edge) {
  const options = ["--socket-addr=http=127.0.0.1:0", "--control-fd=3"];
  const stdio = ["ignore", "inherit", "inherit", "pipe"];
  const child = spawn(WORKERD, ["serve", "config.capnp", ...options], { cwd: edge, stdio });
  for await (const line of createInterface({ input: child.stdio[3] }))
    return { child, url: `http://127.0.0.1:${JSON.parse(line).port}` };
  throw new Error("workerd: found no port, expected one");
}

const post = (url, body, signal) => fetch(`${url}/generate`, { method: "POST", body, signal });
const memoryOf = async (url) => (await fetch(`${url}/memory`)).json();

/** Memory of the whole process without files that it maps, as Linux counts it. */
function privateBytes({ pid }) {
  const [, kilobytes] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return 1024 * Number(kilobytes);
}

async function writtenByLibrary(folder, { prompt, ...options }) {
  const model = await loadModel(folder);
  let whole = "";
  for await (const { text } of model.generate(prompt, options)) whole += text;
  await model[Symbol.asyncDispose]();
  return whole;
}

/** As many texts as are allowed at a time, of which the first pieces have come. */
async function startTexts(url, count, signal) {
  const start = async (_, seed) => {
    const { body } = await post(url, JSON.stringify({ ...LONG, seed }), signal);
    const { value } = await body.getReader().read();
    return value.length > 0;
  };
  return Promise.all(Array.from({ length: count }, start));
}

/** @returns the memory once nothing is written. */
async function memoryAtRest(url) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await memoryOf(url);
    if (found.texts === 0 || Date.now() > until) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function checkServer({ url, child }, edge) {
  await checks.check("a text is the library's for the same seed", async () => {
    const answer = await post(url, JSON.stringify(STORY));
    const text = await answer.text();
    const isText = answer.status === 200 && answer.headers.get("content-type") === "text/plain; charset=utf-8";
    return isText && text.length > 80 && text === (await writtenByLibrary(join(edge, "build/model"), STORY));
  });
  await checks.check("texts of clients that go are ended, and their memory is free", async () => {
    await (await post(url, JSON.stringify(LONG))).text();
    const before = await memoryOf(url);
    const going = new AbortController();
    const started = await startTexts(url, 4, going.signal);
    const during = await memoryOf(url);
    const busy = await post(url, JSON.stringify(STORY));
    const { error } = await busy.json();
    going.abort();
    const after = await memoryAtRest(url);
    console.log(`memory before, during and after: ${[before, during, after].map((each) => JSON.stringify(each))}`);
    const streams = started.every(Boolean) && during.texts === 4 && during.inUse > before.inUse;
    return streams && busy.status === 503 && error.code === "BUSY" && after.texts === 0 && after.inUse === before.inUse;
  });
  for (const [title, body] of Object.entries(WRONG))
    await checks.check(`${title} is refused with 400 and a typed error`, async () => {
      const answer = await post(url, body);
      const { error } = await answer.json();
      console.log(`  ${error.message}`);
      return answer.status === 400 && error.name === "UsageError" && error.code === "USAGE" && "where" in error.details;
    });
  await checks.check("another address is refused with 404", async () => (await fetch(url)).status === 404);
  await checks.check(`all that took less than ${MOST_BYTES} bytes, as it and as Linux counts them`, async () => {
    const { bytes } = await memoryOf(url);
    console.log(`  ${bytes} bytes, and ${privateBytes(child)} of the whole process`);
    return bytes > 1e6 && bytes < MOST_BYTES && privateBytes(child) < MOST_BYTES;
  });
}

const checks = new Checks("edge");
const { folder } = installPacked();
let server;
try {
  const edge = buildExample(folder);
  server = await serve(edge);
  await checkServer(server, edge);
} finally {
  server?.child.kill();
  rmSync(folder, { recursive: true, force: true });
}
checks.end();
