import { describe, expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { f32Bits } from "../../helpers/kernels.ts";
import { gaussians, mulberry32 } from "../../helpers/random.ts";
import { route_f32 } from "../../reference/network/router.ts";

function route(logits: Float32Array, ldl: number, experts: number, topK: number, renormalize: boolean, scale: number) {
  const tokens = logits.length / ldl;
  const both = sameBits((bench, call) => {
    const to = bench.alloc(8 * tokens * topK);
    const weights = to + 4 * tokens * topK;
    call("route_f32", tokens, to, weights, bench.put(logits), ldl, experts, topK, renormalize ? 1 : 0, f32Bits(scale));
    return bench.i32(to, 2 * tokens * topK);
  });
  const weights = new Float32Array(both.buffer, 4 * tokens * topK);
  return { chosen: [...both.slice(0, tokens * topK)], weights };
}

function check(logits: Float32Array, ldl: number, experts: number, topK: number) {
  for (const [renormalize, scale] of [
    [false, 1],
    [true, 1],
    [true, 2.5],
  ] as const) {
    const { chosen, weights } = route(logits, ldl, experts, topK, renormalize, scale);
    for (let t = 0; t * ldl < logits.length; t++) {
      const expected = route_f32([...logits.slice(t * ldl, t * ldl + experts)], topK, renormalize, scale);
      expect(chosen.slice(t * topK, (t + 1) * topK)).toEqual(expected.experts);
      expect(worstError(weights.subarray(t * topK, (t + 1) * topK), expected.weights, 1e-30)).toBeLessThan(1e-6);
    }
  }
}

describe("route_f32", () => {
  it.each([
    [1, 1],
    [2, 2],
    [8, 2],
    [15, 4],
    [17, 17],
    [60, 4],
    [64, 8],
    [128, 8],
    [131, 6],
  ])("chooses among %i experts the best %i as the reference does", (experts, topK) =>
    check(
      gaussians(7 * (experts + 1), 1).map((v) => v * 3),
      experts + 1,
      experts,
      topK,
    ),
  );

  it("gives ties to the lower index", () => {
    const random = mulberry32(5);
    check(
      Float32Array.from({ length: 50 * 16 }, () => Math.floor(random() * 3)),
      16,
      16,
      6,
    );
    check(new Float32Array(16), 16, 16, 3);
  });

  it("holds with logits far apart", () => check(Float32Array.from([-3e4, 0, 1e4, -10, 9990, 3e4]), 6, 6, 6));

  it("gives distinct experts and NaN weights when logits are not numbers", () => {
    for (const bad of [
      [NaN, 1, 2, 3, 4],
      [1, NaN, NaN, 0, 9],
      [NaN, NaN, NaN, NaN, NaN],
    ]) {
      const { chosen, weights } = route(Float32Array.from(bad), 5, 5, 3, true, 1);
      expect(new Set(chosen).size).toBe(3);
      for (const expert of chosen) expect(expert >= 0 && expert < 5).toBe(true);
      expect([...weights].every(Number.isNaN)).toBe(true);
    }
  });
});
