// One small suite for every runtime: both default models, greedy tokens, hashes of logits, one GPTQ matrix. Prints one JSON line.
import { logitsHash, matrixHash } from "../dist/bench.js";
import { createMachine, loadModel, Turns } from "../dist/index.js";

const MODELS = ["fable-mixtral", "fable-deepseek"];
const PROMPT = "Once upon a time there was a little dog who";
const results = {};

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
      results[`${label} ${name} ${activations} logits`] = await logitsHash(model);
      const ids = [];
      for await (const piece of model.generate(PROMPT, { maxTokens: 16, temperature: 0, ignoreEos: true }))
        if (piece.id !== undefined) ids.push(piece.id);
      results[`${label} ${name} ${activations} greedy`] = ids.join(",");
      await model[Symbol.asyncDispose]();
    }
  results[`${label} gptq matrix`] = await quantised(kernels, threads);
}

/** GPTQ of a matrix, on an engine of its own. */
async function quantised(kernels, threads) {
  const machine = await createMachine({ kernels, threads });
  const hash = await matrixHash(machine, new Turns());
  await machine[Symbol.asyncDispose]();
  return hash;
}

console.log(JSON.stringify({ relaxed, results }));
