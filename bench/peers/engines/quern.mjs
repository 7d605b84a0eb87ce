// Quern from a built `dist`: the same calls in Node and in a page.

/** `dist` is the address of a dist folder, `entry` its module; `file` is a path, or the URL of bytes that a page fetches as a Blob. */
export default async function openQuern({ dist, entry, file, context, threads = 1, session = {} }) {
  const { loadModel, Turns } = await import(`${dist}/${entry}`);
  let model;
  return {
    async load() {
      model = await loadModel(file, { threads });
      return running(model, model.session({ context, ...session }), new Turns());
    },
    facts: () => ({ ...model.engine, engine: "Quern" }),
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
  };
}
