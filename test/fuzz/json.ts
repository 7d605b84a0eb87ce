/** Damage to JSON: values swapped for others of any type, extreme numbers, missing, doubled and inherited keys, deep nesting. */
import { damageBytes } from "./bytes.ts";
import type { Dice } from "./dice.ts";

const NUMBERS = [
  0,
  -0,
  -1,
  1,
  2,
  1.5,
  7,
  64,
  255,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2e9,
  2 ** 32,
  2 ** 53,
  1e308,
  5e-324,
  -1e9,
];
const TEXTS = [
  "",
  " ",
  "a",
  "__proto__",
  "constructor",
  "toString",
  "\u0000",
  "\ud800",
  "../x",
  "1e999",
  "a".repeat(5000),
  "(a+)+$",
];
const KEYS = ["__proto__", "constructor", "toString", "hasOwnProperty", "length", "", "then"];

type Container = Record<string, unknown> | unknown[];

export interface Extras {
  /** Texts that mean something in this area, to be put where others stand. */
  readonly texts?: readonly string[];
  readonly numbers?: readonly number[];
}

/** Changes a copy of the value in one to four places, and gives its text; some texts are damaged besides. */
export function damageJson(value: unknown, dice: Dice, extras: Extras = {}): Uint8Array {
  const root = { value: structuredClone(value) };
  for (let count = dice.chance(0.6) ? 1 : 1 + dice.below(4); count > 0; count--) changeOne(root, dice, extras);
  const text = damageText(JSON.stringify(root.value) ?? "", dice);
  const bytes = new TextEncoder().encode(text);
  return dice.chance(0.08) && bytes.length > 0 ? damageBytes(bytes, dice) : bytes;
}

function changeOne(root: { value: unknown }, dice: Dice, extras: Extras): void {
  const places = placesIn(root);
  // Small containers hold what decides most; a vocabulary of thousands would get all changes otherwise.
  const small = places.filter(([container]) => Object.keys(container).length <= 40);
  const [container, key] = dice.pick(small.length > 0 && dice.chance(0.8) ? small : places);
  const target = container as Record<string, unknown>;
  const kind = dice.below(6);
  if (kind === 0 && container !== root) removeKey(container, key);
  else if (kind === 1) target[key] = structuredClone(valueAt(dice.pick(places)));
  else if (kind === 2) addKey(target[key], dice, extras);
  else target[key] = hostileValue(target[key], dice, extras);
}

function placesIn(root: { value: unknown }): [Container, string][] {
  const places: [Container, string][] = [];
  const visit = (container: Container): void => {
    // Of a long list that an earlier change put in, the first few will do: each place asks for its container's length.
    const keys = Object.keys(container);
    for (const key of keys.length > 5000 ? keys.slice(0, 20) : keys) {
      if (places.length > 20_000) return;
      places.push([container, key]);
      const value = (container as Record<string, unknown>)[key];
      if (typeof value === "object" && value !== null) visit(value as Container);
    }
  };
  visit(root as Record<string, unknown>);
  return places;
}

function valueAt([container, key]: [Container, string]): unknown {
  const value = (container as Record<string, unknown>)[key];
  return JSON.stringify(value)?.length < 50_000 ? value : null;
}

function removeKey(container: Container, key: string): void {
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
}

/** Through a definition, since an assignment to `__proto__` would set the prototype instead. */
function addKey(value: unknown, dice: Dice, extras: Extras): void {
  if (typeof value !== "object" || value === null) return;
  const key = dice.pick(KEYS);
  if (Array.isArray(value)) value.push(hostileValue(value[0], dice, extras));
  else
    Object.defineProperty(value, key, {
      value: hostileValue(undefined, dice, extras),
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

/** Much of something: what a reader does for each must stay small. */
function bulk(old: unknown, dice: Dice): unknown {
  const count = dice.pick([2000, 20_000, 100_000]);
  const kind = dice.below(5);
  if (kind === 0) return Array(count).fill(old ?? 0);
  if (kind === 1)
    return Object.fromEntries(Array.from({ length: Math.min(count, 20_000) }, (_, i) => [`key${i}`, null]));
  if (kind === 2) return Array(Math.min(count, 20_000)).fill([]);
  return (typeof old === "string" && old.length > 0 ? old.slice(0, 20) : "ab ").repeat(count);
}

function hostileValue(old: unknown, dice: Dice, extras: Extras): unknown {
  if (dice.chance(0.004)) return bulk(JSON.stringify(old)?.length < 100 ? old : 0, dice);
  const kind = dice.below(10);
  if (kind < 3 || (kind < 6 && typeof old === "number")) return numberLike(old, dice, extras);
  if (kind < 6) return dice.pick([...TEXTS, ...(extras.texts ?? []), ...(extras.texts ?? [])]);
  if (kind === 6) return dice.pick([null, true, false]);
  if (kind === 7) return dice.pick([[], {}, [[]], [null], { a: 1 }, [1, 2]]);
  if (kind === 8) return [old ?? null];
  return { value: old ?? null };
}

function numberLike(old: unknown, dice: Dice, extras: Extras): number {
  if (typeof old === "number" && dice.chance(0.5))
    return dice.pick([old + 1, old - 1, old * 2, old / 2, -old, old * 1000, 1 / old]);
  return dice.pick([...NUMBERS, ...(extras.numbers ?? [])]);
}

function damageText(text: string, dice: Dice): string {
  const kind = dice.below(40);
  if (kind === 0) return `${"[".repeat(dice.pick([70, 20_000]))}${text}`;
  if (kind === 1) return text.replace(/"[^"]{1,40}":[^,{}[\]]{1,40}/, (member) => `${member},${member}`);
  if (kind === 2) return text.replace(/:(\d+)/, (_, digits: string) => `:${digits}e${dice.pick([3, 9, 400])}`);
  if (kind === 3) return `\ufeff${text}`;
  if (kind === 4) return text.slice(0, dice.below(text.length + 1));
  if (kind === 5) return text.replace(/\{/, `{"a":${'{"a":'.repeat(100)}1${"}".repeat(100)},`);
  return text;
}
