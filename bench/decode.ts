/** `npm run bench -- decode`: speed of decoding and of a prompt, and bytes of JavaScript objects allocated per decoded token. */
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createRandom } from "../src/base/random.ts";
import { Turns } from "../src/base/turns.ts";
import { loadModel } from "../src/index.ts";
import { SampleRoom, sample } from "../src/runtime/sampler.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "models/fable-mixtral" },
    threads: { type: "string", default: "1" },
    tokens: { type: "string", default: "200" },
    runs: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
  },
});
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const COUNTED = 20;
const sampling = { temperature: 0.8 } as const;
const tokens = Number(values.tokens);
await using language = await loadModel(values.model, { threads: Number(values.threads) });
const model = language;
const { vocabSize, maxPositions } = model.config;
const prompt = Array.from(
  { length: Math.min(256, maxPositions - tokens - COUNTED) },
  (_, i) => (i * 61 + 7) % vocabSize,
);
using session = model.session({ context: prompt.length + tokens + COUNTED });
const turns = new Turns();
const random = createRandom(1);
const room = new SampleRoom(vocabSize);
const logits = new Float32Array(vocabSize);
const one = [0];
const take = ({ ptr }: { readonly ptr: number }): void => {
  const { floats } = model.machine.arena;
  for (let id = 0, from = ptr >>> 2; id < vocabSize; id++) logits[id] = floats[from + id];
};

async function decodeTokens(count: number): Promise<void> {
  for (let token = 0; token < count; token++) {
    one[0] = sample(logits, sampling, random, [], room);
    await session.evaluate(one, turns, watch);
  }
}

const watch = { onLogits: take };

/** Tokens per second, and bytes per token. The run is so short that no object is collected before the count. */
async function run(): Promise<{ readonly prefill: number; readonly decode: number; readonly bytes: number }> {
  session.truncate(0);
  const begin = performance.now();
  await session.evaluate(prompt, turns, watch);
  const filled = performance.now();
  await decodeTokens(tokens);
  const ended = performance.now();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  await decodeTokens(COUNTED);
  const bytes = (process.memoryUsage().heapUsed - before) / COUNTED;
  return { prefill: (1000 * prompt.length) / (filled - begin), decode: (1000 * tokens) / (ended - filled), bytes };
}

const found: Awaited<ReturnType<typeof run>>[] = [];
for (let at = 0; at <= Number(values.runs); at++) found.push(await run());
found.shift(); // the first run compiles
const best = {
  prefill: Math.max(...found.map(({ prefill }) => prefill)),
  decode: Math.max(...found.map(({ decode }) => decode)),
  bytes: found.map(({ bytes }) => bytes).sort((a, b) => a - b)[Math.floor(found.length / 2)],
};
if (values.json) console.log(JSON.stringify(best));
else
  console.log(
    `prefill ${best.prefill.toFixed(0)} tokens/s, decode ${best.decode.toFixed(1)} tokens/s, ` +
      `${best.bytes.toFixed(0)} bytes of objects a decoded token (${values.model}, ${values.threads} threads)`,
  );
