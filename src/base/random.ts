/**
 * Seeded random numbers, the same on every engine, with 32-bit arithmetic only: xoshiro128** (Blackman and Vigna 2018),
 * its state filled by splitmix32 (Weyl steps of the golden ratio, mixed by MurmurHash3's finaliser).
 */
import { UsageError } from "./errors.ts";

export interface Random {
  /** Uniform in [0, 1), 53 bits, from two draws. */
  next(): number;
  /** Uniform among 0 to n - 1, without bias; n from 1 to 2^32. */
  integer(n: number): number;
  /** Fills `into` with what as many calls of `integer(n)` would give, about three times as fast. */
  integers(n: number, into: Uint32Array): void;
}

/** @param seed whole number from 0 to 2^53 - 1; every one gives another sequence. */
export function createRandom(seed: number): Random {
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new UsageError("seed", String(seed), "a whole number from 0 to 2^53 - 1");
  const draw = xoshiro128(stateOf(seed));
  return {
    next: () => ((draw() >>> 5) * 2 ** 26 + (draw() >>> 6)) / 2 ** 53,
    integer: (n) => {
      const fair = fairBelow(n);
      for (;;) {
        const value = draw();
        if (value < fair) return value % n;
      }
    },
    integers: (n, into) => {
      const fair = fairBelow(n);
      for (let at = 0; at < into.length; ) {
        const value = draw();
        if (value < fair) into[at++] = value - Math.floor(value / n) * n; // value % n, which engines do slowly above 2^31
      }
    },
  };
}

/** The last full round of n: draws beyond it would favour the low numbers. */
function fairBelow(n: number): number {
  if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** 32))
    throw new UsageError("integer", String(n), "a whole number from 1 to 2^32");
  return 2 ** 32 - (2 ** 32 % n);
}

type GeneratorState = readonly [number, number, number, number];

/**
 * Words 0 and 2 come from the seed's lower half, words 1 and 3 (the first draw stands on word 1) from both halves. Words 0 and
 * 1 give the seed back, so no two seeds share a state; words 0 and 2 differ, so it is never all zero.
 */
function stateOf(seed: number): GeneratorState {
  const lower = splitmix32(seed >>> 0);
  const [first, third, mixed] = [lower(), lower(), lower()];
  const both = splitmix32(Math.floor(seed / 2 ** 32) ^ mixed);
  return [first, both(), third, both()];
}

const GOLDEN = 0x9e3779b9;

function splitmix32(start: number): () => number {
  let state = start | 0;
  return () => {
    state = (state + GOLDEN) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
}

/** The bare generator: whole numbers below 2^32 from a state that is not all zero. */
export function xoshiro128(state: GeneratorState): () => number {
  let [a, b, c, d] = state;
  const turn = (x: number, by: number) => (x << by) | (x >>> (32 - by));
  return () => {
    const result = Math.imul(turn(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = turn(d, 11);
    return result;
  };
}
