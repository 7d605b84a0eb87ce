// Compares the logits of engines with a pass in float64. The pass runs in this process, which needs a Node that strips types (24).
import { vocabularyOf } from "../models/gguf-head.mjs";
import { TEXT } from "../plan.mjs";
import { distance, exactLogits } from "./accuracy.ts";
import { someIds } from "./tests.mjs";

/** Tokens whose logits are compared. */
const TOKENS = 64;

/** @param ids  token ids of the text; some ids of the vocabulary if they are left out */
export async function compareAccuracy(file, engines, { context, ids }) {
  const vocab = vocabularyOf(file);
  const tokens = ids ?? someIds(TOKENS, 0, vocab);
  const exact = exactLogits(file, tokens);
  const found = {};
  for (const { name, start, options } of engines) {
    const host = await start();
    try {
      await host.order({ call: "prepare", options: { ...options, file: host.address(file), vocab, context } });
      await host.order({ call: "first" });
      found[name] = distance(exact, await host.order({ call: "everyLogits", ids: tokens }));
    } finally {
      await host.close();
    }
  }
  return found;
}

/** The tokens of a text in the vocabulary of a model. */
export async function idsOf(file, dist) {
  const { loadModel } = await import(`${dist}/index.js`);
  const model = await loadModel(file, { threads: 1 });
  try {
    return await (await model.tokenizer()).encodeAsync(TEXT);
  } finally {
    await model[Symbol.asyncDispose]();
  }
}
