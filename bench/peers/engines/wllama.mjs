// wllama, llama.cpp's build for browsers, in a page. Times are those of its own server core, without the messages to its worker.

const PACKAGE = "/peers/node_modules/@wllama/wllama/esm";
/** Tokens of one call of llama.cpp: its own default for a physical batch. */
const BATCH = 512;
/** The cheapest choice of a token, since only the pass is measured. */
const GREEDY = { temperature: 0, samplers: ["top_k"], top_k: 1, ignore_eos: true, cache_prompt: false };

export default async function openWllama({ file, context, threads = 1 }) {
  const { Wllama } = await import(`${PACKAGE}/index.js`);
  const blob = await (await fetch(file)).blob();
  const log = [];
  const keep = (...parts) => log.push(parts.join(" "));
  const logger = { debug: keep, log: keep, warn: keep, error: keep };
  const engine = new Wllama({ default: `${PACKAGE}/wasm/wllama.wasm` }, { logger });
  engine.setCompat(null);
  const told = (pattern) => log.map((line) => pattern.exec(line)?.[1]).find((found) => found) ?? "not told";
  return {
    async load() {
      const batches = { n_batch: BATCH, n_ubatch: BATCH, n_parallel: 1, warmup: false };
      await explained(log, () =>
        engine.loadModel([blob], { n_ctx: context, n_threads: threads, n_gpu_layers: 0, ...batches }),
      );
      return running(engine, log);
    },
    facts: () => ({
      engine: "wllama",
      version: Wllama.getLibllamaVersion(),
      threads: engine.getNumThreads(),
      flashAttention: told(/Flash Attention (?:was auto, set to )?(\w+)/),
      cache: told(/(K \(\w+\):[^\n]*)/),
      repacked: told(/CPU_REPACK model buffer size =\s*([^\n]*)/),
      browser: navigator.userAgent,
    }),
  };
}

/** Errors of wllama say little; its log says more. */
async function explained(log, work) {
  try {
    return await work();
  } catch (error) {
    throw new Error(`wllama: ${error.message}; ${log.slice(-4).join(" ")}`);
  }
}

/** Its prompts are text. In made vocabularies a capital letter is a token, in those of English models a common word. */
const LETTERS = [..."QWRTYUIOPASDFGHJKLZXCVBNM"];
const WORDS = "the of and to in is you that it he was for on are as with his they at be this have from or one".split(
  " ",
);

/** Text of `count` tokens, taken from `tokens` in an order without a short period. */
function someText(count, tokens) {
  return Array.from({ length: count }, (_, i) => tokens[(i * i + (i >> 3)) % tokens.length]).join("");
}

function running(engine, log) {
  const complete = (prompt, count) =>
    explained(log, () => engine.createCompletion({ prompt, max_tokens: count, ...GREEDY }));
  const isMade = engine.getModelMetadata().meta["general.name"].includes("random");
  const tokens = isMade ? LETTERS : WORDS.map((word) => ` ${word}`);
  const answer = async (length, count) => {
    const { timings } = await complete(someText(length, tokens), count);
    if (timings.prompt_n !== length)
      throw new Error(`wllama: found ${timings.prompt_n} tokens in the prompt, expected ${length}`);
    return timings;
  };
  return {
    reset() {},
    evaluate: (ids) => answer(ids.length, 1),
    /** Tokens that it decodes are its own, so a test is one call. The first of them comes with the prompt. */
    async time({ kind, tokens: count, depth }) {
      if (kind === "pp") return (await answer(count, 1)).prompt_ms;
      const { predicted_ms: ms, predicted_n: predicted } = await answer(Math.max(1, depth), count + 1);
      return (ms * count) / (predicted - 1);
    },
    /** The text of the likeliest token after a prompt. */
    say: async (text) => (await complete(text, 1)).choices[0].text,
  };
}
