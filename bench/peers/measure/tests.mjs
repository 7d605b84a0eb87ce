// The tests of the bench: prefill of N tokens (ppN), decoding of N tokens one by one (tgN), either at a depth (tg64@1024).

/** @returns { name, kind: "pp" | "tg", tokens, depth } of "pp512" or "tg64@1024". */
export function parseTest(name) {
  const found = /^(pp|tg)(\d+)(?:@(\d+))?$/.exec(name);
  if (found === null) throw new Error(`test: found "${name}", expected one like pp512, tg64 or tg64@1024`);
  return { name, kind: found[1], tokens: Number(found[2]), depth: Number(found[3] ?? 0) };
}

/** Token ids that wander through the vocabulary, from a place of the sequence on. */
export const someIds = (count, from, vocab) =>
  Array.from({ length: count }, (_, i) => ((from + i) * 7919 + 13) % vocab);

/** Milliseconds of one test. What lies before the depth is computed first and not timed. */
export async function timeTest(engine, test, vocab) {
  if (engine.time !== undefined) return engine.time(test, vocab);
  const { kind, tokens, depth } = test;
  engine.reset();
  if (depth > 0) await engine.evaluate(someIds(depth, 0, vocab));
  const ids = someIds(tokens, depth, vocab);
  const begin = performance.now();
  if (kind === "pp") await engine.evaluate(ids);
  else for (const id of ids) await engine.evaluate([id]);
  return performance.now() - begin;
}
