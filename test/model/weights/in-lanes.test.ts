import { describe, expect, it } from "vitest";
import { inLanes } from "../../../src/model/weights/in-lanes.ts";

describe("inLanes", () => {
  it("begins in order and has a few items under way", async () => {
    const begun: number[] = [];
    let [now, most] = [0, 0];
    await inLanes([0, 1, 2, 3, 4, 5, 6, 7], async (item) => {
      begun.push(item);
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, (item % 3) + 1));
      now--;
    });
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThan(8);
  });

  it("throws the first error when nothing is under way any more, and begins nothing after it", async () => {
    const ended: number[] = [];
    const work = async (item: number) => {
      if (item === 1) throw new Error("one");
      await new Promise((resolve) => setTimeout(resolve, 5));
      ended.push(item);
    };
    await expect(inLanes([0, 1, 2, 3, 4, 5, 6, 7, 8], work)).rejects.toThrow("one");
    expect(ended).toEqual([0, 2, 3]);
  });

  it("does nothing with nothing", async () => {
    await inLanes([], async () => expect.unreachable());
  });
});
