// One small suite for every runtime: both default models, greedy tokens, hashes of logits, one GPTQ matrix. Prints one JSON line.
import { createMachine, loadModel, Turns } from "../dist/index.js";
import { matrix } from "../dist/quantize.js";

const MODELS = ["fable-mixtral", "fable-deepseek"];
const PROMPT = "Once upon a time there was a little dog who";
const EDGE_IDS = [0, 430, 410, 258, 389, 1000, 77, 3000, 4, 5, 9, 12, 500, 4095];
const results = {};

async function sha256(data) {
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
  );
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const root = decodeURIComponent(new URL("..", import.meta.url).pathname);
let relaxed = true;
try {
  const probe = await createMachine({ kernels: "relaxed" });
  await probe[Symbol.asyncDispose]();
} catch {
  relaxed = false;
}
const variants = [];
for (const kernels of relaxed ? ["base", "relaxed"] : ["base"])
  for (const threads of [1, 2, 4]) variants.push({ kernels, threads });

for (const { kernels, threads } of variants) {
  const label = `${kernels}/${threads}`;
  for (const name of MODELS)
    for (const activations of ["f32", "int8"]) {
      const model = await loadModel(`${root}models/${name}`, { kernels, threads, activations });
      if (model.engine.kernels !== kernels) throw new Error(`asked for ${kernels}, got ${model.engine.kernels}`);
      if (model.engine.threads !== threads)
        throw new Error(`asked for ${threads} threads, got ${model.engine.threads}`);
      const { data } = await model.logits(EDGE_IDS);
      results[`${label} ${name} ${activations} logits`] = await sha256(data);
      const ids = [];
      for await (const piece of model.generate(PROMPT, { maxTokens: 16, temperature: 0, ignoreEos: true }))
        if (piece.id !== undefined) ids.push(piece.id);
      results[`${label} ${name} ${activations} greedy`] = ids.join(",");
      await model[Symbol.asyncDispose]();
    }
  results[`${label} gptq matrix`] = await matrixHash(kernels, threads);
}

/** GPTQ of a matrix made by integer arithmetic, so that every runtime starts from the same bits. */
async function matrixHash(kernels, threads) {
  const [rows, cols, tokens] = [48, 96, 200];
  let state = 12345;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 16777216 - 0.5;
  };
  const weights = Float32Array.from({ length: rows * cols }, next);
  const inputs = Float32Array.from({ length: tokens * cols }, next);
  const input = { weights, inputs, rows, cols, tokens };
  const machine = await createMachine({ kernels, threads });
  const grid = { bits: 3, groupSize: 32, symmetric: true, clip: "mse", scaleRounding: "f16" };
  const gptq = { actOrder: "gar", staticGroups: false, deadColumns: "keep", dampPercent: 0.01 };
  const { codes, scales } = await matrix.quantizeMatrix(machine, input, { ...grid, ...gptq, turns: new Turns() });
  await machine[Symbol.asyncDispose]();
  return `${(await sha256(codes)).slice(0, 32)}${(await sha256(scales)).slice(0, 32)}`;
}

console.log(JSON.stringify({ relaxed, results }));
