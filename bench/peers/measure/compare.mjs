// Measures one model file in several engines in one run.
import { vocabularyOf } from "../models/gguf-head.mjs";
import { compareLogits } from "./agreement.mjs";
import { interleave } from "./interleave.mjs";
import { someIds } from "./tests.mjs";

/** Tokens of the prompt whose logits are compared. */
const PROMPT = 24;

/**
 * @param engines  { name, start, options } each; `start()` gives a host (hosts/)
 * @returns opening, facts and peak memory of each engine, how alike its logits are to the first one's, and milliseconds by test
 */
export async function compareEngines(file, engines, { tests, runs, context }) {
  const vocab = vocabularyOf(file);
  const started = [];
  try {
    for (const { name, start, options } of engines) {
      const host = await start();
      started.push({ name, host });
      await host.order({ call: "prepare", options: { ...options, file: host.address(file), vocab, context } });
      const opening = await host.order({ call: "first" });
      Object.assign(started.at(-1), { opening, facts: await host.order({ call: "facts" }) });
    }
    const order = { call: "logits", ids: someIds(PROMPT, 0, vocab) };
    const logits = [];
    for (const { host } of started) logits.push(await host.order(order));
    const times = await interleave(started, tests, { runs });
    return {
      file,
      engines: started.map(({ name, host, opening, facts }, i) => ({
        ...{ name, opening, facts, peak: host.peak() },
        ...(i > 0 && logits[i].length === vocab ? { agreement: compareLogits(logits[0], logits[i]) } : {}),
      })),
      times: Object.fromEntries([...times].map(([test, byEngine]) => [test, Object.fromEntries(byEngine)])),
    };
  } finally {
    for (const { host } of started) await host.close();
  }
}
