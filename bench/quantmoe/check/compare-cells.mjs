// Draws cells, and compares a committed cell with the same computed anew.

/** Draws without repeats from a seed: the first steps of a shuffle with a linear congruential generator (Numerical Recipes' constants). */
export function drawCells(cells, count, seed) {
  const deck = [...cells];
  let state = seed >>> 0;
  const drawn = [];
  while (drawn.length < count && deck.length > 0) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    drawn.push(...deck.splice(Math.floor((state / 2 ** 32) * deck.length), 1));
  }
  return drawn;
}

/**
 * What may differ: how long it took, on which runtime and with which kernels it was computed, since all give the same bits, and a plan's labels,
 * which a configuration may change without running a cell again.
 */
const APART = new Set(["timing", "versions.runtime", "versions.kernels", "strategy", "family", "competesAt"]);
/** What float cells written before Quern measured it lack. */
const ADDED = new Set(["blocks", "outliers"]);

/** Each field that differs as `path: committed, computed`. Numbers must be equal to the last bit. */
export function differencesOf(committed, computed, path = "") {
  if (APART.has(path) || (ADDED.has(path) && committed === undefined)) return [];
  const isWhole = (value) => typeof value === "object" && value !== null;
  if (!isWhole(committed) || !isWhole(computed))
    return Object.is(committed, computed) ? [] : [`${path}: ${JSON.stringify(committed)}, ${JSON.stringify(computed)}`];
  const keys = [...new Set([...Object.keys(committed), ...Object.keys(computed)])];
  return keys.flatMap((key) => differencesOf(committed[key], computed[key], path === "" ? key : `${path}.${key}`));
}
