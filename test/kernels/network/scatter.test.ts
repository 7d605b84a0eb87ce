import { describe, expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { f32Bits } from "../../helpers/kernels.ts";
import { gaussians, mulberry32 } from "../../helpers/random.ts";
import { combine_f32, group_tokens } from "../../reference/network/scatter.ts";

/** topK distinct random experts for every token. */
function choices(tokens: number, topK: number, experts: number): Int32Array {
  const random = mulberry32(tokens + topK);
  const perToken = Array.from({ length: tokens }, () =>
    Array.from({ length: experts }, (_, expert) => ({ expert, key: random() }))
      .sort((a, b) => a.key - b.key)
      .slice(0, topK)
      .map(({ expert }) => expert),
  );
  return Int32Array.from(perToken.flat());
}

describe("group_tokens", () => {
  it.each([
    [1, 1, 1],
    [1, 2, 8],
    [5, 2, 4],
    [17, 4, 60],
    [101, 8, 16],
    [0, 2, 3],
  ])("sorts %i tokens with %i of %i experts by expert, then token", (tokens, topK, experts) => {
    const chosen = choices(tokens, topK, experts);
    const result = sameBits((bench, call) => {
      const to = bench.put(new Int32Array(2 * experts + 2 * chosen.length).fill(-7));
      const index = to + 8 * experts;
      call("group_tokens", 1, to, index, index + 4 * chosen.length, bench.put(chosen), tokens, topK, experts);
      return bench.i32(to, 2 * experts + 2 * chosen.length);
    });
    const expected = group_tokens([...chosen], topK, experts);
    expect([...result]).toEqual([...expected.spans.flat(), ...expected.index, ...expected.place]);
  });
});

describe("combine_f32", () => {
  it.each([1, 3, 15, 16, 17, 101])("adds the weighted rows and the extra one at width %i", (width) => {
    const [tokens, topK] = [6, 3];
    const place = Int32Array.from(group_tokens([...choices(tokens, topK, 5)], topK, 5).place);
    const weights = gaussians(tokens * topK, 1);
    const [ldh, ldy, ldextra] = [width + 1, width + 2, width + 3];
    const [h, y, extra] = [
      gaussians(tokens * ldh, 2),
      gaussians(tokens * topK * ldy, 3),
      gaussians(tokens * ldextra, 4),
    ];
    for (const [withExtra, factor] of [
      [false, 1],
      [true, 1],
      [true, 0.22],
    ] as const) {
      const result = sameBits((bench, call) => {
        const at = bench.put(h);
        const more = withExtra ? bench.put(extra) : 0;
        const [w, p] = [bench.put(weights), bench.put(place)];
        call("combine_f32", tokens, at, ldh, bench.put(y), ldy, w, p, topK, width, more, ldextra, f32Bits(factor));
        return bench.f32(at, h.length);
      });
      const expected = Float64Array.from(h);
      for (let t = 0; t < tokens; t++)
        for (let col = 0; col < width; col++) {
          const sum = combine_f32(y, ldy, weights, place, topK, t, col);
          const more = withExtra ? extra[t * ldextra + col] : 0;
          expected[t * ldh + col] += Math.fround(factor) * (sum + more);
        }
      expect(worstError(result, expected, 1)).toBeLessThan(5e-7);
    }
  });

  it("sums the experts before they meet a large residual", () => {
    const result = sameBits((bench, call) => {
      const h = bench.put(Float32Array.from([2 ** 24]));
      const y = bench.put(Float32Array.from([1, 1]));
      const weights = bench.put(Float32Array.from([1, 1]));
      call("combine_f32", 1, h, 1, y, 1, weights, bench.put(Int32Array.from([0, 1])), 2, 1, 0, 0, f32Bits(1));
      return bench.f32(h, 1);
    });
    expect(result[0]).toBe(2 ** 24 + 2); // one at a time both ones would be lost
  });
});

describe("gather_columns_f32", () => {
  it("puts columns in the order of the permutation", () => {
    const perm = Int32Array.from([3, 0, 4, 1, 2, 0, 6]);
    const x = gaussians(3 * 8, 1);
    const y = sameBits((bench, call) => {
      const to = bench.alloc(3 * 7 * 4);
      call("gather_columns_f32", 3, to, 7, bench.put(x), 8, bench.put(perm), 7);
      return bench.f32(to, 21);
    });
    expect([...y]).toEqual(Array.from({ length: 21 }, (_, i) => x[Math.floor(i / 7) * 8 + perm[i % 7]]));
  });
});
