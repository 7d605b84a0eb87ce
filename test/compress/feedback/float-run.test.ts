import { describe, expect, it } from "vitest";
import { FloatBlock } from "../../../src/compress/feedback/float-run.ts";

describe("results of a float block", () => {
  const parts = () => [1, 2, 3].map((value) => new Float32Array([value]));

  it("give the stream after attention once, since the caller writes to its memory", () => {
    const [middle, end, shared] = parts();
    const block = new FloatBlock(middle, end, shared);
    expect(block.takeMiddle()).toBe(middle);
    expect(() => block.takeMiddle()).toThrow("the stream after attention was taken before");
    expect(block.end).toBe(end);
  });

  it("give what the shared experts add once, and nothing where there are none", () => {
    const [middle, end, shared] = parts();
    const block = new FloatBlock(middle, end, shared);
    expect(block.takeShared()).toBe(shared);
    expect(block.takeShared()).toBeUndefined();
    expect(new FloatBlock(middle, end, undefined).takeShared()).toBeUndefined();
  });
});
