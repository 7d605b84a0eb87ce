// node bench/quantmoe/study/write-draws.mjs MODEL...: lets a model write the text that it is calibrated on, five draws with seeds 0 to 4 of 32 windows of
// 256 tokens (texts/own-MODEL.json). Cells read this file, so that none has to write the text again.
import { parseArgs } from "node:util";
import { loadModel } from "../../../dist/index.js";
import { selfSample } from "../../../dist/quantize.js";
import { at, writeDocument } from "./files.mjs";
import { DRAWS, STUDIES } from "./studies.mjs";

for (const name of parseArgs({ allowPositionals: true }).positionals) {
  const study = STUDIES[name];
  if (study === undefined) throw new Error(`MODEL: found ${name}, expected one of ${Object.keys(STUDIES).join(", ")}`);
  const model = await loadModel(at(study.model.path), { activations: "f32" });
  const windows = [];
  try {
    for (let seed = 0; seed < DRAWS.count; seed++)
      windows.push(...(await selfSample(model, { samples: DRAWS.windows, length: DRAWS.length, seed })));
  } finally {
    await model[Symbol.asyncDispose]();
  }
  writeDocument(`texts/own-${name}.json`, { windows });
  console.log(`${name}: ${windows.length} windows of ${DRAWS.length} tokens`);
}
