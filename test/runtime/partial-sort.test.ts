import { describe, expect, it } from "vitest";
import { keepLargest, popUntil } from "../../src/runtime/partial-sort.ts";
import { mulberry32 } from "../helpers/random.ts";

/** Scores with many ties. */
const tied = (count: number) => {
  const random = mulberry32(count);
  return Float32Array.from({ length: count }, () => Math.floor(random() * 20) - 10);
};
const sorted = (scores: Float32Array) => [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);

describe("keepLargest", () => {
  it.each([
    [1, 1],
    [2, 1],
    [17, 5],
    [101, 100],
    [101, 101],
    [1000, 40],
  ])("of %i scores keeps the first %i", (n, count) => {
    const scores = tied(n);
    const heap = new Int32Array(n);
    keepLargest(scores, count, heap);
    expect([...heap.subarray(0, count)]).toEqual(sorted(scores).slice(0, count));
  });
});

describe("popUntil", () => {
  it.each([1, 2, 17, 101])("takes %i entries in order, down to the one that is enough", (n) => {
    const scores = tied(n);
    const first = (a: number, b: number) => scores[a] > scores[b] || (scores[a] === scores[b] && a < b);
    const pop = (enough: () => boolean) => {
      const items = Int32Array.from([...scores.keys(), -1]);
      const taken = popUntil(items, n, first, enough);
      expect(items[n]).toBe(-1);
      return [...items.subarray(n - taken, n)].reverse();
    };
    expect(pop(() => false)).toEqual(sorted(scores));
    let left = Math.ceil(n / 2);
    expect(pop(() => --left === 0)).toEqual(sorted(scores).slice(0, Math.ceil(n / 2)));
    expect(popUntil(new Int32Array(0), 0, first, () => true)).toBe(0);
  });
});
