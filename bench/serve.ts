/**
 * `npm run bench -- serve`: what a server gives clients that ask at once, beside what it gives one, without a network.
 * `-- serve MODEL` for another model, `--clients 8`, `--requests 6` (of each client), `--tokens 64`, `--prompt 64`, `--threads 2`.
 *
 * Every client sends one streamed request after the other; prompts share nothing, and the lengths of answers are drawn evenly from half of
 * `--tokens` to one and a half, so that clients do not stay in step. Tokens per second are those of all clients together, from the first
 * request to the last event; the time to the first token is that from a request to its first event with text. The first requests of all
 * clients come at once: they wait for each other's prompts, and are told apart from the later ones, which come while the others write. On a
 * machine that does other work the times say little: the last column counts processor time only, of all threads.
 */
import { parseArgs } from "node:util";
import { loadModel } from "../src/index.ts";
import { createServer, type HttpServer } from "../src/server.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: "string", default: "8" },
    requests: { type: "string", default: "6" },
    tokens: { type: "string", default: "64" },
    prompt: { type: "string", default: "64" },
    threads: { type: "string", default: "2" },
  },
});
const {
  clients,
  requests,
  tokens,
  prompt: promptTokens,
  threads,
} = {
  ...{ clients: Number(values.clients), requests: Number(values.requests), tokens: Number(values.tokens) },
  ...{ prompt: Number(values.prompt), threads: Number(values.threads) },
};
const path = positionals[0] ?? "models/fable-mixtral";
let vocabSize = 0;
const load = async () => {
  const model = await loadModel(path, { threads });
  vocabSize = model.config.vocabSize;
  return model;
};

/** Ids that no other request begins with. */
const idsOf = (request: number) =>
  Array.from({ length: promptTokens }, (_, at) => (1 + request * 7919 + at * 104_729) % vocabSize);

/** The length of an answer: from half of `--tokens` to one and a half, the same in every run. */
const lengthOf = (request: number) => Math.max(1, Math.round(tokens * (0.5 + ((request * 0.618034) % 1))));

/** Sends a request. @returns milliseconds to the first text. */
async function ask(server: HttpServer, request: number): Promise<number> {
  const body = { prompt: idsOf(request), max_tokens: lengthOf(request), ignore_eos: true, seed: request, stream: true };
  const began = performance.now();
  const init = { method: "POST", body: JSON.stringify(body) };
  const response = await server.fetch(new Request("http://server/v1/completions", init));
  if (response.status !== 200 || response.body === null) throw new Error(await response.text());
  let first = 0;
  const decoder = new TextDecoder();
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>)
    if (first === 0 && /"text":"[^"]/.test(decoder.decode(bytes))) first = performance.now() - began;
  return first;
}

let next = 0;

const ascending = (times: readonly number[]) => [...times].sort((a, b) => a - b);

/** Tokens per second of `count` clients, and their times to the first token, ascending: of their first requests, and of the later ones. */
async function measure(server: HttpServer, count: number) {
  const [first, later]: [number[], number[]] = [[], []];
  let all = 0;
  const began = performance.now();
  const before = process.cpuUsage();
  const client = async () => {
    for (let request = 0; request < requests; request++) {
      all += lengthOf(next);
      (request === 0 ? first : later).push(await ask(server, next++));
    }
  };
  await Promise.all(Array.from({ length: count }, client));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  const rates = { rate: all / seconds, cpuRate: (1e6 * all) / (user + system) };
  return { ...rates, first: ascending(first), later: ascending(later) };
}

await using server = createServer({ models: { model: load }, parallel: clients, queue: clients });
await server.ready();
await measure(server, clients); // records the tapes
const alone = await measure(server, 1);
const together = await measure(server, clients);
const at = (times: readonly number[], share: number) =>
  times.length === 0 ? "-" : times[Math.min(times.length - 1, Math.floor(share * times.length))].toFixed(0);
const row = (count: number, { rate, cpuRate, first, later }: typeof alone) =>
  `| ${count} | ${rate.toFixed(0)} | ${at(first, 0.5)} | ${at(later, 0.5)} | ${at(later, 0.99)} | ${cpuRate.toFixed(0)} |`;
console.log(`${path}, ${threads} threads, prompts of ${promptTokens} tokens, answers of ${tokens} on the mean`);
console.log(
  "| clients | tokens/s | ms to first token, all at once | later, median | later, p99 | tokens per processor second |",
);
console.log("|---:|---:|---:|---:|---:|---:|");
console.log([row(1, alone), row(clients, together)].join("\n"));
const [rate, cpuRate] = [together.rate / alone.rate, together.cpuRate / alone.cpuRate];
console.log(
  `${clients} clients: ${rate.toFixed(2)} times the tokens/s of one, ${cpuRate.toFixed(2)} per processor second`,
);
