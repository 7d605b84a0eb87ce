import { describe, expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { f32Bits } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { route_scored_f32, type Scoring } from "../../reference/network/router.ts";

const PLAIN: Scoring = {
  ...{ sigmoid: false, groups: 1, topGroups: 1, groupBest: 1 },
  ...{ renormalize: false, epsilon: 0, scale: 1 },
};

function route(logits: Float32Array, experts: number, topK: number, how: Scoring) {
  const ldl = experts + 1;
  const tokens = logits.length / ldl;
  const both = sameBits((bench, call) => {
    const to = bench.alloc(8 * tokens * topK);
    const weights = to + 4 * tokens * topK;
    const bias = how.bias === undefined ? 0 : bench.put(Float32Array.from(how.bias));
    const sigmoid = how.sigmoid ? 1 : 0;
    const ends = [how.renormalize ? 1 : 0, f32Bits(how.epsilon), f32Bits(how.scale)];
    const words = [experts, topK, sigmoid, bias, how.groups, how.topGroups, how.groupBest, ...ends];
    call("route_scored_f32", tokens, to, weights, bench.put(logits), ldl, bench.put(Int32Array.from(words)));
    return bench.i32(to, 2 * tokens * topK);
  });
  const weights = new Float32Array(both.buffer, 4 * tokens * topK);
  return { tokens, chosen: [...both.slice(0, tokens * topK)], weights };
}

function check(experts: number, topK: number, how: Partial<Scoring>) {
  const scoring = { ...PLAIN, ...how, scale: Math.fround(how.scale ?? 1) };
  const logits = gaussians(9 * (experts + 1), 1).map((value) => value * 2);
  const { tokens, chosen, weights } = route(logits, experts, topK, scoring);
  for (let t = 0; t < tokens; t++) {
    const row = [...logits.slice(t * (experts + 1), t * (experts + 1) + experts)];
    const expected = route_scored_f32(row, topK, scoring);
    expect(chosen.slice(t * topK, (t + 1) * topK)).toEqual(expected.experts);
    expect(worstError(weights.subarray(t * topK, (t + 1) * topK), expected.weights, 1e-30)).toBeLessThan(1e-6);
  }
}

describe("route_scored_f32", () => {
  const bias = (experts: number) => gaussians(experts, 7).map((value) => value * 0.5);

  it.each([
    [1, 1],
    [8, 2],
    [32, 4],
    [17, 17],
    [131, 6],
  ])("scores %i experts by softmax or sigmoid and takes %i", (experts, topK) => {
    for (const sigmoid of [false, true])
      for (const renormalize of [false, true]) check(experts, topK, { sigmoid, renormalize, scale: 2.5 });
  });

  it.each([
    [32, 4],
    [64, 8],
  ])("lets a bias of %i experts change the choice of %i and not the weights", (experts, topK) => {
    check(experts, topK, { sigmoid: true, bias: bias(experts), renormalize: true, epsilon: 1e-6 });
    check(experts, topK, { sigmoid: false, bias: bias(experts).map((b) => b * 0.1), renormalize: true, epsilon: 0 });
  });

  it("adds epsilon to the sum of the weights", () => {
    check(16, 3, { sigmoid: true, renormalize: true, epsilon: Math.fround(0.5) });
  });

  it.each([
    [16, 4, 2, 1],
    [16, 4, 2, 2],
    [64, 8, 4, 2],
    [12, 6, 3, 1],
  ])(
    "of %i experts in %i groups takes those of the best %i by their best %i",
    (experts, groups, topGroups, groupBest) => {
      check(experts, 4, { sigmoid: groupBest === 2, groups, topGroups, groupBest });
      check(experts, 4, { sigmoid: true, bias: bias(experts), groups, topGroups, groupBest, renormalize: true });
    },
  );

  it("gives distinct experts and NaN weights when logits are not numbers", () => {
    const logits = Float32Array.from([NaN, 1, NaN, 3, 0]);
    for (const how of [PLAIN, { ...PLAIN, sigmoid: true, groups: 2, topGroups: 1, groupBest: 2 }]) {
      const { chosen, weights } = route(logits, 4, 2, { ...how, renormalize: true });
      expect(new Set(chosen).size).toBe(2);
      for (const expert of chosen) expect(expert >= 0 && expert < 4).toBe(true);
      if (!how.sigmoid) expect([...weights].every(Number.isNaN)).toBe(true);
    }
  });
});
