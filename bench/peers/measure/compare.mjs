// Measures one model file in several engines in one run.
import { vocabularyOf } from "../models/gguf-head.mjs";
import { compareLogits } from "./agreement.mjs";
import { interleave } from "./interleave.mjs";
import { someIds } from "./tests.mjs";

/** Tokens of the prompt whose logits are compared. */
const PROMPT = 24;

/** Prompts after which engines that give no logits must say the same token. */
const TEXTS = ["QWERTYUIOP ASDFGH", "ONCE UPON A TIME", "The capital of France is", "It was a dark and stormy"];

/** An engine whose code is loaded: `first()` opens the model. */
async function prepare({ name, start, options }, file, context) {
  const host = await start();
  try {
    const more = { file: host.address(file), vocab: vocabularyOf(file), context };
    await host.order({ call: "prepare", options: { ...options, ...more } });
  } catch (error) {
    await host.close();
    throw error;
  }
  return { name, host, first: () => host.order({ call: "first" }) };
}

/** How alike the answers of each engine are to those of the first one. */
async function agreements(started, file) {
  const [base, ...others] = started;
  const saysOnly = started.some(({ saysOnly: only }) => only);
  const ask = async ({ host }) => {
    if (!saysOnly) return host.order({ call: "logits", ids: someIds(PROMPT, 0, vocabularyOf(file)) });
    const said = [];
    for (const text of TEXTS) said.push(await host.order({ call: "say", text }));
    return said;
  };
  const expected = await ask(base);
  const found = [undefined];
  for (const other of others) {
    const answers = await ask(other);
    const same = answers.filter((answer, i) => answer === expected[i]).length;
    found.push(saysOnly ? { same, of: TEXTS.length } : compareLogits(expected, answers));
  }
  return found;
}

/**
 * @param engines  { name, start, options, saysOnly } each; `start()` gives a host (hosts/), `saysOnly` is true for engines without logits
 * @returns opening, facts and peak memory of each engine, how alike its answers are to the first one's, and milliseconds by test
 */
export async function compareEngines(file, engines, { tests, runs, context }) {
  const started = [];
  try {
    for (const engine of engines) {
      const prepared = { ...engine, ...(await prepare(engine, file, context)) };
      started.push(prepared);
      prepared.opening = await prepared.first();
      prepared.facts = await prepared.host.order({ call: "facts" });
    }
    const agreed = await agreements(started, file);
    const times = await interleave(started, tests, { runs });
    const about = started.map(({ name, host, opening, facts }, i) => {
      return { name, opening, facts, peak: host.peak(), agreement: agreed[i] };
    });
    const byTest = [...times].map(([test, byEngine]) => [test, Object.fromEntries(byEngine)]);
    return { engines: about, times: Object.fromEntries(byTest) };
  } finally {
    for (const { host } of started) await host.close();
  }
}

/** Milliseconds from opening a model to its first token, in fresh processes that take turns; { open, first } of each, by engine. */
export async function compareOpenings(file, engines, { runs, context }) {
  const openings = Object.fromEntries(engines.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const engine of run % 2 === 0 ? engines : engines.toReversed()) {
      const { host, first } = await prepare(engine, file, context);
      try {
        openings[engine.name].push(await first());
      } finally {
        await host.close();
      }
    }
  }
  return openings;
}
