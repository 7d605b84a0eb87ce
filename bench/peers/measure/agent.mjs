// Answers the bench's orders inside the process or page that holds an engine.
import { parseTest, someIds, timeTest } from "./tests.mjs";

/** Tokens of the prompt before the first token. */
export const PROMPT = 16;

/** An agent of one engine: `order` takes { call, ... } and gives what the bench asks for. */
export function createAgent(open) {
  let opened;
  let engine;
  let vocab = 0;
  const calls = {
    /** Prepares the engine's code, without the model. */
    async prepare({ options }) {
      vocab = options.vocab;
      opened = await open(options);
    },
    /** Opens the model and computes one prompt. */
    async first() {
      const begin = performance.now();
      engine = await opened.load();
      const loaded = performance.now();
      await engine.evaluate(someIds(PROMPT, 0, vocab));
      return { open: loaded - begin, first: performance.now() - begin };
    },
    /** Milliseconds of tokens that are decoded one by one after those that were computed before. */
    async decode({ count, from }) {
      const begin = performance.now();
      for (const id of someIds(count, from, vocab)) await engine.evaluate([id]);
      return performance.now() - begin;
    },
    time: ({ test }) => timeTest(engine, parseTest(test), vocab),
    async logits({ ids }) {
      engine.reset();
      await engine.evaluate(ids, true);
      return Array.from(await engine.logits());
    },
    facts: async () => opened.facts(),
    say: ({ text }) => engine.say(text),
    /** Logits of every position, computed token by token. */
    async everyLogits({ ids }) {
      engine.reset();
      const rows = [];
      for (const id of ids) {
        await engine.evaluate([id], true);
        rows.push(Float32Array.from(await engine.logits()));
      }
      return rows;
    },
  };
  return (order) => calls[order.call](order);
}
