// Compares the logits of engines with a pass in float64. The pass runs in this process, which needs a Node that strips types (24).
import { vocabularyOf } from "../models/gguf-head.mjs";
import { TEXT } from "../plan.mjs";
import { distance, exactLogits } from "./accuracy.ts";
import { someIds } from "./tests.mjs";

/** Sequences whose logits are compared, and the tokens of each. One sequence alone would be chance: a rounding may change an expert. */
const SEQUENCES = 4;
const TOKENS = 64;

/** @param ids  token ids of a text; if they are left out, some ids of the vocabulary */
export async function compareAccuracy(file, engines, { context, ids }) {
  const vocab = vocabularyOf(file);
  const made = Array.from({ length: SEQUENCES }, (_, i) => someIds(TOKENS, 1000 * i, vocab));
  const sequences = ids === undefined ? made : [ids];
  const exact = sequences.flatMap((sequence) => exactLogits(file, sequence));
  const found = {};
  for (const { name, start, options } of engines) {
    const host = await start();
    try {
      await host.order({ call: "prepare", options: { ...options, file: host.address(file), vocab, context } });
      await host.order({ call: "first" });
      const rows = [];
      for (const sequence of sequences) rows.push(...(await host.order({ call: "everyLogits", ids: sequence })));
      found[name] = distance(exact, rows);
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
