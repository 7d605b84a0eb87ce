// Quern from a built `dist`: the same calls in Node and in a page.

/**
 * `dist` is the address of a dist folder and `entry` its module: `index.js` opens `file` as a path, `web.js` fetches it as a Blob before
 * anything is timed.
 */
export default async function openQuern({ dist, entry, file, context, threads = 1, session = {}, ...more }) {
  const { loadModel, Turns } = await import(`${dist}/${entry}`);
  const source = entry === "web.js" ? await (await fetch(file)).blob() : file;
  let model;
  return {
    async load() {
      model = await loadModel(source, { threads, activations: more.activations, memory: more.memory });
      return running(model, model.session({ context, ...session }), new Turns());
    },
    facts: () => ({ ...model.engine, paging: model.paging, engine: "Quern" }),
  };
}

function running(model, session, turns) {
  const { vocabSize } = model.config;
  let logits = new Float32Array();
  const watch = {
    onLogits({ ptr, ld, rows }) {
      const from = (ptr >>> 2) + (rows - 1) * ld;
      logits = model.machine.arena.floats.slice(from, from + vocabSize);
    },
  };
  return {
    reset: () => session.truncate(0),
    evaluate: (ids, keep = false) => session.evaluate(ids, turns, keep ? watch : undefined),
    logits: async () => logits,
    /** The text of the likeliest token after a prompt. */
    async say(text) {
      for await (const piece of model.generate(text, { maxTokens: 1, temperature: 0 })) return piece.text;
      return "";
    },
  };
}
