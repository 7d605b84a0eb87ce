/**
 * Remembers which whole numbers of a JSON document were spelled as floats, such as `0.0` or `1e3`. JavaScript does not tell them from
 * integers, but other programs do: transformers refuses a configuration in which a float field holds an integer.
 */
const spelled = new WeakMap<object, Set<string>>();

/** Marks the number under a key of an object or array. */
export function markFloat(holder: object, key: string): void {
  const keys = spelled.get(holder) ?? new Set();
  spelled.set(holder, keys.add(key));
}

export function isMarkedFloat(holder: object, key: string): boolean {
  return spelled.get(holder)?.has(key) === true;
}
