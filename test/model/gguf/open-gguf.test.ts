/** GGUF models against a float64 pass over their dequantised weights, and what is refused about them. */
import { describe, expect, it } from "vitest";
import { loadModel } from "../../../src/web.ts";
import { ARCHITECTURES, type TinyArchitecture, type TinyOptions, tinyGguf } from "../../helpers/gguf-model.ts";
import { TWIN_TYPES } from "../../reference/gguf-blocks.ts";
import { naiveLogits } from "../../reference/gguf-model.ts";

const IDS = Array.from({ length: 12 }, (_, i) => (7 * i + 3) % 64);

type Activations = "f32" | "int16" | "int8";

/** The largest error of a logit, and the largest logit. */
async function compare(bytes: Uint8Array, activations: Activations): Promise<{ error: number; largest: number }> {
  await using model = await loadModel({ "m.gguf": bytes }, { activations });
  const { data } = await model.logits(IDS);
  const expected = naiveLogits(bytes, IDS);
  expect(Math.max(...expected[11].map(Math.abs))).toBeGreaterThan(0.5);
  const error = data.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - expected[Math.floor(i / 64)][i % 64])),
    0,
  );
  return { error, largest: Math.max(...expected.flatMap((row) => Array.from(row, Math.abs))) };
}

const cases: readonly (readonly [TinyArchitecture, TinyOptions])[] = [
  ...ARCHITECTURES.flatMap((each) => (["F32", "Q4_0", "Q8_0"] as const).map((type) => [each, { type }] as const)),
  ...TWIN_TYPES.map((type) => ["mixtral", { type }] as const),
];

describe("loadModel", () => {
  it.each(cases)("computes %s with %o as the float64 pass does", async (architecture, options) => {
    expect((await compare(tinyGguf(architecture, options), "f32")).error).toBeLessThan(1e-3);
  });

  // Inputs are rounded to 16 or 8 bits in groups of 32, whatever the type of the weights.
  it.each(["Q4_0", "Q8_0", "Q3_K", "Q4_K", "Q6_K", "MXFP4"] as const)(
    "computes %s with rounded inputs",
    async (type) => {
      const bytes = tinyGguf("llama", { type });
      const { error: fine, largest } = await compare(bytes, "int16");
      const { error: coarse } = await compare(bytes, "int8");
      expect(fine).toBeLessThan(largest / 4096);
      // 8 bits have 258 times fewer steps than 16.
      expect(coarse / fine).toBeGreaterThan(258 / 4);
      expect(coarse / fine).toBeLessThan(258 * 4);
    },
  );
});
