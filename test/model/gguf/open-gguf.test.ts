/** GGUF models against a float64 pass over their dequantised weights, and what is refused about them. */
import { describe, expect, it } from "vitest";
import { loadModel } from "../../../src/web.ts";
import { ARCHITECTURES, type TinyArchitecture, type TinyOptions, tinyGguf } from "../../helpers/gguf-model.ts";
import { TWIN_TYPES } from "../../reference/gguf-blocks.ts";
import { naiveLogits } from "../../reference/gguf-model.ts";

const IDS = Array.from({ length: 12 }, (_, i) => (7 * i + 3) % 64);

async function largestError(bytes: Uint8Array): Promise<number> {
  await using model = await loadModel({ "m.gguf": bytes }, { activations: "f32" });
  const { data } = await model.logits(IDS);
  const expected = naiveLogits(bytes, IDS);
  expect(Math.max(...expected[11].map(Math.abs))).toBeGreaterThan(0.5);
  return data.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[Math.floor(i / 64)][i % 64])), 0);
}

const cases: readonly (readonly [TinyArchitecture, TinyOptions])[] = [
  ...ARCHITECTURES.flatMap((each) => (["F32", "Q4_0", "Q8_0"] as const).map((type) => [each, { type }] as const)),
  ...TWIN_TYPES.map((type) => ["mixtral", { type }] as const),
];

describe("loadModel", () => {
  it.each(cases)("computes %s with %o as the float64 pass does", async (architecture, options) => {
    expect(await largestError(tinyGguf(architecture, options))).toBeLessThan(1e-3);
  });
});
