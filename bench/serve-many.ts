/**
 * `npm run bench -- serve-many`: a server under thousands of requests, of which a third are cancelled at random moments, without a network.
 * `-- serve-many MODEL` for another model, `--requests 10000`, `--clients 32`, `--parallel 8`, `--threads 2`.
 *
 * Requests are drawn from `--kinds 200` different ones. Each of these is first answered alone; every answer under load must equal it, also
 * what was written of an answer before it was cancelled. After every tenth part it tells the memory of the process (its heap after a
 * collection where Node has `--expose-gc`), and whether all slots are free while the clients pause. It ends with status 1 if an answer
 * differs or a slot is lost.
 */
import { parseArgs } from "node:util";
import { loadModel } from "../src/index.ts";
import { createServer, type HttpServer } from "../src/server.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: "string", default: "10000" },
    clients: { type: "string", default: "32" },
    parallel: { type: "string", default: "8" },
    kinds: { type: "string", default: "200" },
    threads: { type: "string", default: "2" },
  },
});
const [requests, clients] = [Number(values.requests), Number(values.clients)];
const [parallel, kinds, threads] = [Number(values.parallel), Number(values.kinds), Number(values.threads)];
const path = positionals[0] ?? "models/fable-mixtral";
const PARTS = 10;
const CANCELLED = 1 / 3;
const MOST_TOKENS = 24;

let vocabSize = 0;
const load = async () => {
  const model = await loadModel(path, { threads });
  vocabSize = model.config.vocabSize;
  return model;
};
await using server = createServer({ models: { model: load }, parallel, queue: clients });
await server.ready();

/** A request that depends on its kind alone: some share a beginning, some are greedy. */
function bodyOf(kind: number): string {
  const own = (at: number) => (1 + kind * 7919 + at * 104_729) % vocabSize;
  const shared = (at: number) => (1 + (kind % 5) * 31 + at * 17) % vocabSize;
  const prompt = Array.from({ length: 4 + (kind % 29) }, (_, at) => (at < kind % 16 ? shared(at) : own(at)));
  const sampling = kind % 4 === 0 ? { temperature: 0 } : { temperature: 0.7, top_p: 0.95 };
  return JSON.stringify({
    ...{ prompt, max_tokens: 1 + (kind % MOST_TOKENS), seed: kind, ignore_eos: kind % 3 > 0 },
    ...{ ...sampling, stream: true },
  });
}

interface Answer {
  readonly text: string;
  readonly isWhole: boolean;
}

/** The text of an answer, up to its end or until `after` events have come. */
async function ask(from: HttpServer, kind: number, after = Number.POSITIVE_INFINITY): Promise<Answer> {
  const init = { method: "POST", body: bodyOf(kind) };
  const response = await from.fetch(new Request("http://server/v1/completions", init));
  if (response.status !== 200 || response.body === null) throw new Error(await response.text());
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let [buffered, text] = ["", ""];
  for (let events = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`kind ${kind}: a stream without its end`);
    const lines = (buffered + decoder.decode(value, { stream: true })).split("\n\n");
    buffered = lines.pop() as string;
    for (const line of lines) {
      if (line === "data: [DONE]") return { text, isWhole: true };
      const event = JSON.parse(line.slice("data: ".length));
      if (event.error !== undefined) throw new Error(`kind ${kind}: ${line}`);
      text += event.choices[0]?.text ?? "";
      events++;
    }
    if (events < after) continue;
    await reader.cancel();
    return { text, isWhole: false };
  }
}

async function metricsOf(): Promise<ReadonlyMap<string, number>> {
  const text = await (await server.fetch(new Request("http://server/metrics"))).text();
  return new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map(
        (line) => [line.slice(0, line.lastIndexOf(" ")).replace(/\{.*/, ""), Number(line.split(" ").pop())] as const,
      ),
  );
}

const expected: string[] = [];
for (let kind = 0; kind < kinds; kind++) expected.push((await ask(server, kind)).text);

// A generator of its own: runs are repeatable.
let state = 1;
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
let [asked, cancelled, different] = [0, 0, 0];

async function client(until: number): Promise<void> {
  while (asked < until) {
    asked++;
    const kind = Math.floor(random() * kinds);
    const after = random() < CANCELLED ? 1 + Math.floor(random() * 6) : undefined;
    if (random() < 0.1) await new Promise((resolve) => setTimeout(resolve, 20 * random()));
    const { text, isWhole } = await ask(server, kind, after);
    if (!isWhole) cancelled++;
    if (isWhole ? text !== expected[kind] : !expected[kind].startsWith(text)) different++;
  }
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
console.log(`${path}, ${threads} threads, ${clients} clients, ${parallel} slots, ${kinds} kinds of requests`);
console.log("| requests | cancelled | other answers | slots in use | waiting | resident MB | heap MB | buffers MB |");
console.log("|---:|---:|---:|---:|---:|---:|---:|---:|");
const began = performance.now();
let lost = 0;
for (let part = 1; part <= PARTS; part++) {
  const until = Math.round((requests * part) / PARTS);
  await Promise.all(Array.from({ length: clients }, () => client(until)));
  // A cancelled request leaves its slot when the pass that runs ends.
  await new Promise((resolve) => setTimeout(resolve, 200));
  (globalThis as { gc?: () => void }).gc?.();
  const metrics = await metricsOf();
  const [inUse, waiting] = [metrics.get("llamacpp:requests_processing"), metrics.get("llamacpp:requests_deferred")];
  lost += (inUse ?? 1) + (waiting ?? 1);
  const { rss, heapUsed, arrayBuffers, external } = process.memoryUsage();
  console.log(
    `| ${asked} | ${cancelled} | ${different} | ${inUse} | ${waiting} | ${megabytes(rss)} | ${megabytes(heapUsed)} | ${megabytes(Math.max(arrayBuffers, external))} |`,
  );
}
console.log(`${asked} requests in ${((performance.now() - began) / 1000).toFixed(0)} s`);
if (different > 0 || lost > 0) process.exitCode = 1;
