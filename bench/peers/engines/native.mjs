// Native llama.cpp through the prebuilt binary of node-llama-cpp: one CPU thread, nothing between the calls and the library.
import { readFileSync } from "node:fs";

/** Tokens of one call of llama.cpp: its own default for a physical batch. */
const BATCH = 512;

/** The bindings below node-llama-cpp's queue of batches, which would add JavaScript to every token. */
async function openBindings(log, maxThreads) {
  const { getLlama } = await import("node-llama-cpp");
  const options = { gpu: false, build: "never", skipDownload: true, maxThreads };
  const logger = (_, text) => log.push(text);
  const llama = await getLlama({ ...options, logLevel: "debug", logger });
  llama.logLevel = "info";
  return llama._bindings;
}

/** What the log says of a matter, or "not told". */
const told = (log, pattern) => log.map((line) => pattern.exec(line)?.[1]).find((found) => found) ?? "not told";

function describe(log, bindings) {
  const backend = readFileSync("/proc/self/maps", "utf8").match(/libggml-cpu-[\w-]+\.so/)?.[0] ?? "not told";
  return {
    engine: "llama.cpp",
    backend,
    features: bindings.systemInfo().trim(),
    flashAttention: told(log, /Flash Attention (\w+)$/),
    cache: told(log, /(K \(\w+\):.*)$/),
    repacked: told(log, /CPU_REPACK model buffer size =\s*(.*)$/),
  };
}

export default async function openNative({ file, context, threads = 1 }) {
  const log = [];
  const bindings = await openBindings(log, threads);
  return {
    /** Loads the model; reading the bindings is not part of it. */
    async load() {
      const model = new bindings.AddonModel(file, { addonExports: bindings, gpuLayers: 0, useMmap: true });
      if (!(await model.init())) throw new Error(`llama.cpp refuses ${file}: ${log.slice(-3).join(" ")}`);
      const shape = { contextSize: context, batchSize: BATCH, sequences: 1, flashAttention: "auto", threads };
      const state = new bindings.AddonContext(model, shape);
      if (!(await state.init())) throw new Error("llama.cpp cannot make a context");
      return running(bindings, model, state);
    },
    facts: () => describe(log, bindings),
  };
}

function running(bindings, model, state) {
  let position = 0;
  let last = 0;
  return {
    reset() {
      state.disposeSequence(0);
      position = 0;
    },
    async evaluate(ids) {
      for (let from = 0; from < ids.length; from += BATCH) {
        const part = Uint32Array.from(ids.slice(from, from + BATCH));
        const isLast = from + part.length === ids.length;
        state.initBatch(part.length);
        const rows = state.addToBatch(0, position, part, isLast ? Uint32Array.of(part.length - 1) : new Uint32Array());
        await state.decodeBatch();
        position += part.length;
        last = rows[0];
      }
    },
    /** Logits of the last token, by id. */
    async logits() {
      const sampler = new bindings.AddonSampler(model);
      sampler.applyConfig({ temperature: 0 });
      const pairs = (await state.sampleToken(last, sampler, false, false, true))[3];
      const logits = new Float32Array(pairs.length / 2);
      for (let at = 0; at < pairs.length; at += 2) logits[pairs[at]] = pairs[at + 1];
      return logits;
    },
  };
}
