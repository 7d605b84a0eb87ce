import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { calibrate } from "../../../src/compress/statistics/calibrate.ts";
import type { Statistics } from "../../../src/compress/statistics/statistics.ts";
import { compare } from "../../../src/eval/compare/compare.ts";
import { expertUsage } from "../../../src/eval/perplexity/expert-usage.ts";
import { perplexity } from "../../../src/eval/perplexity/perplexity.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";

interface Expected {
  readonly first16Windows: { readonly scoredTokens: number; readonly nll: number };
  readonly windowNllSums: readonly number[];
  readonly routing: Readonly<
    Record<string, { counts: number[]; gateSums: number[]; tokensWithMarginBelow1e4: number }>
  >;
  readonly blocks: Readonly<Record<string, { cosine: number; cosineModule: number }>>;
}

const read = (name: string) => JSON.parse(readFileSync(`test/fixtures/eval/${name}.json`, "utf8")) as never;
const IDS = read("tinystories-ids") as number[];
const WINDOWS = (read("calibration-ids") as { windows: number[][] }).windows;

describe.each(["fable-mixtral", "fable-deepseek"])("%s", (name) => {
  const expected = (read("expected") as Record<string, Expected>)[name];
  let model: LanguageModel;
  beforeAll(async () => {
    model = await loadModel(`models/${name}`);
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it("has the mean NLL that other programs find, to 1e-6", async () => {
    const found = await perplexity(model, IDS, { window: 256 });
    expect(found.scoredTokens).toBe(expected.first16Windows.scoredTokens);
    expect(Math.abs(found.nll - expected.first16Windows.nll)).toBeLessThan(2e-6);
    const first = await perplexity(model, IDS, { window: 256, limit: 256 });
    expect(Math.abs(first.nll * 255 - expected.windowNllSums[0])).toBeLessThan(1e-3);
  });

  it("uses its experts as often", async () => {
    const usage = await expertUsage(model, WINDOWS);
    compareUse(usage, expected);
  });

  it("has the same block importance, gathered in one batch of all windows", async () => {
    const statistics: Statistics = await calibrate(model, WINDOWS);
    compareUse(statistics.experts, expected);
    for (const { layer, cosine, cosineModule } of statistics.blocks) {
      expect(Math.abs(cosine - expected.blocks[layer].cosine)).toBeLessThan(1e-4);
      expect(Math.abs(cosineModule - expected.blocks[layer].cosineModule)).toBeLessThan(1e-4);
    }
    expect(statistics.blocks).toHaveLength(6);
  });

  it("does not differ from itself", async () => {
    await using same = await loadModel(`models/${name}`);
    const { kl, sameTop, perplexityRatio, routing } = await compare(same, model, { ids: IDS, window: 64, limit: 256 });
    expect(kl.max).toBe(0);
    expect(sameTop.value).toBe(1);
    expect(perplexityRatio).toBe(1);
    expect(routing.every(({ changed }) => changed === 0)).toBe(true);
  });
});

function compareUse(found: Statistics["experts"], expected: Expected): void {
  for (const { layer, expert, tokens, gateSum } of found) {
    const { counts, gateSums, tokensWithMarginBelow1e4 } = expected.routing[layer];
    expect(Math.abs(tokens - counts[expert])).toBeLessThanOrEqual(tokensWithMarginBelow1e4);
    expect(Math.abs(gateSum - gateSums[expert])).toBeLessThan(0.05);
  }
  const layers = Object.keys(expected.routing).length;
  expect(found).toHaveLength(layers * expected.routing[Object.keys(expected.routing)[0]].counts.length);
}

describe("compare", () => {
  it("tells int8 from f32 activations, and percentiles in order", async () => {
    await using model = await loadModel("models/fable-mixtral", { activations: "int8" });
    await using reference = await loadModel("models/fable-mixtral");
    const { kl, deltaP, sameTop } = await compare(model, reference, { ids: IDS, window: 128, limit: 512 });
    expect(kl.mean).toBeGreaterThan(0);
    expect(kl.mean).toBeLessThan(1e-2);
    const order = [kl.p50, kl.p90, kl.p95, kl.p99, kl.p999, kl.max];
    expect([...order].sort((a, b) => a - b)).toEqual(order);
    expect(sameTop.value).toBeGreaterThan(0.9);
    expect(Math.abs(deltaP.mean)).toBeLessThanOrEqual(deltaP.rms);
  });

  it("refuses models that cannot be compared, and windows that do not fit", async () => {
    await using model = await loadModel("models/fable-mixtral");
    await using other = await loadModel("models/fable-deepseek");
    await expect(compare(model, other, { ids: IDS, window: 64 })).rejects.toThrow(
      "reference experts: found 16, expected 8",
    );
    await expect(compare(model, model, { ids: IDS, window: 1024 })).rejects.toThrow("window: found 1024");
    await expect(perplexity(model, [1, 2, 3], { window: 64 })).rejects.toThrow(
      "text: found 3 tokens, expected at least one window of 64",
    );
  });
});
