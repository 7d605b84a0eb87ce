/** Lists of windows come from files: hundreds of thousands of them must not become arguments of one call. */
import { expect, it } from "vitest";
import { calibrate } from "../../../src/compress/statistics/calibrate.ts";
import { expertUsage } from "../../../src/eval/perplexity/expert-usage.ts";
import { openTinyModel } from "../../helpers/tiny-model.ts";

const WINDOWS: readonly (readonly number[])[] = Array(300_000).fill([1, 2]);

it("stop when they are asked to, rather than overflow the stack", async () => {
  await using model = await openTinyModel();
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(calibrate(model, WINDOWS, { signal })).rejects.toThrow("enough");
  await expect(expertUsage(model, WINDOWS, { signal })).rejects.toThrow("enough");
});
