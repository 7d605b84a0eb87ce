import { describe, expect, it } from "vitest";
import { LimitShares } from "../../../../src/model/weights/paged/limit-shares.ts";

const ENGINE = 3.75 * 2 ** 30;

describe("LimitShares", () => {
  it("leaves a quarter to what later jobs keep outside, if no weight stays", () => {
    const all = new LimitShares(1e9, "all");
    expect(all.engineBytes).toBe(1e9);
    expect(all.cacheBytes).toBe(0.75e9);
    const experts = new LimitShares(1e9, "experts");
    expect(experts.cacheBytes).toBe(1e9);
    const beyond = new LimitShares(6e9, "all");
    expect([beyond.mostBytes, beyond.engineBytes, beyond.cacheBytes]).toEqual([ENGINE, ENGINE, ENGINE]);
  });

  it("counts what jobs keep outside, each until its end", () => {
    const shares = new LimitShares(1e9, "all");
    const ends = [shares.begin(1e8), shares.begin(3e8)];
    expect(shares.engineBytes).toBe(6e8);
    expect(shares.cacheBytes).toBe(6e8 - 1e9 / 16);
    ends[1]();
    ends[1]();
    expect(shares.engineBytes).toBe(9e8);
    expect(shares.cacheBytes).toBe(7.5e8);
  });

  it("leaves a sixteenth of what jobs have not taken to the runtime, if no weight stays", () => {
    const shares = new LimitShares(1.6e9, "all");
    shares.begin(6e8);
    expect(shares.engineBytes).toBe(10e8);
    expect(shares.cacheBytes).toBe(9e8);
    // A page that needs all there is may have it.
    expect(shares.partBytes(0, [8e8])).toBe(9e8 * (15 / 16));
    expect(shares.partBytes(0, [9e8])).toBe(10e8 * (15 / 16));
    const experts = new LimitShares(1.6e9, "experts");
    experts.begin(6e8);
    expect(experts.cacheBytes).toBe(10e8);
  });

  it("has parts take what a later job would leave them, or all there is if a page needs it", () => {
    const shares = new LimitShares(1600, "all");
    expect(shares.partBytes(100, [200, 1025])).toBe(1200 * (15 / 16) - 100);
    expect(shares.partBytes(100, [200, 1026])).toBe(1600 * (15 / 16) - 100);
  });

  it("has room for the buffers of a job beside the largest page", () => {
    const shares = new LimitShares(1600, "all");
    expect(shares.roomFor(150, 100, 300)).toEqual({ bytes: 1600 - 160 - 100 - 320, limit: 1600 });
    const plenty = new LimitShares(8e9, "all");
    expect(plenty.roomFor(0, 0, 0)).toEqual({ bytes: ENGINE, limit: undefined });
  });
});
