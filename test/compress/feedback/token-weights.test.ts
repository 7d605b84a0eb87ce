/** What a token counts where linears are refitted: all alike, but for streams of another order of magnitude. */
import { expect, it } from "vitest";
import { tokenWeights } from "../../../src/compress/feedback/token-weights.ts";
import { gaussians } from "../../helpers/random.ts";

it("counts tokens of usual streams whole, and those of massive ones by 16 times the median over their size", () => {
  const [tokens, ld] = [9, 32];
  const stream = gaussians(tokens * ld, 1);
  expect([...tokenWeights(stream, ld)]).toEqual(Array(tokens).fill(1));
  // Tokens 0 and 4 have one number of another order, as the first token of a text has in large models.
  stream[0 * ld + 7] = 4000;
  stream[4 * ld + 7] = 80;
  const sizes = Array.from({ length: tokens }, (_, token) =>
    Math.hypot(...stream.subarray(token * ld, (token + 1) * ld)),
  );
  const median = [...sizes].sort((a, b) => a - b)[4];
  const weights = [...tokenWeights(stream, ld)];
  expect(weights[0]).toBeCloseTo((16 * median) / sizes[0], 6);
  expect(weights[0]).toBeLessThan(0.03);
  expect(sizes[4]).toBeGreaterThan(10 * median);
  expect(weights.slice(1)).toEqual(Array(tokens - 1).fill(1));
});
