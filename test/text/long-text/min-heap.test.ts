import { describe, expect, it } from "vitest";
import { MinHeap } from "../../../src/text/long-text/min-heap.ts";
import { mulberry32 } from "../../helpers/random.ts";

describe("MinHeap", () => {
  it("gives the least of what it holds, whatever the order of pushes and pops", () => {
    const random = mulberry32(3);
    const heap = new MinHeap();
    const held: number[] = [];
    for (let step = 0; step < 5000; step++) {
      if (held.length === 0 || random() < 0.55) {
        const value = Math.floor(random() * 100);
        heap.push(value);
        held.push(value);
      } else {
        held.sort((a, b) => a - b);
        expect(heap.pop()).toBe(held.shift());
      }
      expect(heap.size).toBe(held.length);
    }
    held.sort((a, b) => a - b);
    expect(held.map(() => heap.pop())).toEqual(held);
  });
});
