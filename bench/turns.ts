/** `npm run bench -- turns`: the longest time for which each kind of long work blocks the event loop. `-- turns MODEL` for another model. */

import { quantizeModel } from "../src/compress/quantize/quantize-model.ts";
import { DEFAULT_GRID, uniformModules } from "../src/compress/recipe/settings.ts";
import { calibrate } from "../src/compress/statistics/calibrate.ts";
import { selfSample } from "../src/compress/windows/calibration-text.ts";
import { loadModel } from "../src/index.ts";
import { collect } from "../src/runtime/generate.ts";

let last = performance.now();
let longest = 0;
let watching = true;

/** Runs in every turn of the event loop and keeps the longest gap. */
function watch(): void {
  const now = performance.now();
  longest = Math.max(longest, now - last);
  last = now;
  if (watching) setImmediate(watch);
}

async function phase<T>(name: string, work: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, 5));
  longest = 0;
  last = performance.now();
  const started = last;
  const result = await work();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${name.padEnd(12)} longest gap ${longest.toFixed(0).padStart(4)} ms, ${seconds} s in all`);
  return result;
}

watch();
const path = process.argv[2] ?? "models/fable-mixtral";
const model = await phase("load", () => loadModel(path, { activations: "f32" }));
const prompt = { ids: Array.from({ length: 300 }, (_, i) => (7 * i) % 4000) };
await phase("generate", () => collect(model.generate(prompt, { maxTokens: 40, ignoreEos: true })));
const windows = await phase("self-sample", () => selfSample(model, { samples: 16, length: 128 }));
await phase("calibrate", () => calibrate(model, windows));
const settings = { ...DEFAULT_GRID, modules: uniformModules(model.files, 4, 64) };
await phase("quantize", () => quantizeModel(model, settings, { windows }));
await model[Symbol.asyncDispose]();
watching = false;
