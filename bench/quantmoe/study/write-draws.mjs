// node bench/quantmoe/study/write-draws.mjs MODEL...: lets a model write the text that it is calibrated on, five draws with seeds 0 to 4 of 32 windows of
// 256 tokens (texts/own-MODEL.json), and with seed 5 the 16 windows that what the knapsack expects is held against (texts/held-MODEL.json). Cells read
// these files, so that none has to write the text again.
import { parseArgs } from "node:util";
import { loadModel } from "../../../dist/index.js";
import { selfSample } from "../../../dist/quantize.js";
import { at, writeDocument } from "./files.mjs";
import { DRAWS, STUDIES } from "./studies.mjs";

for (const name of parseArgs({ allowPositionals: true }).positionals) {
  const study = STUDIES[name];
  if (study === undefined) throw new Error(`MODEL: found ${name}, expected one of ${Object.keys(STUDIES).join(", ")}`);
  const model = await loadModel(at(study.model.path), { activations: "f32" });
  const { count, length } = DRAWS;
  try {
    const write = async (seed, samples) => [...(await selfSample(model, { samples, length, seed }))];
    const draws = [];
    for (let seed = 0; seed < count; seed++) draws.push(await write(seed, DRAWS.windows));
    writeDocument(`texts/own-${name}.json`, { windows: draws.flat() });
    writeDocument(`texts/held-${name}.json`, { windows: await write(count, DRAWS.held) });
    console.log(`${name}: ${count} draws of ${DRAWS.windows} windows, ${DRAWS.held} held back, ${length} tokens each`);
  } finally {
    await model[Symbol.asyncDispose]();
  }
}
