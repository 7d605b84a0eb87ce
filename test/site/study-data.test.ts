import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { placeOf } from "../../site/src/bits/places.ts";
import { bestWithin, klAt, type Study } from "../../site/src/study/data.ts";
import { repositoryFile } from "../helpers/shared.ts";

const { studyData } = (await import(repositoryFile("scripts/site/study-data.mjs"))) as { studyData(): Study };
const study = studyData();
const [mixtral] = study.models;
const cells = readFileSync(repositoryFile("bench/quantmoe/results/fable-mixtral-score.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const BITS = [2, 3, 4, 8];

/** Cells by plan, a cell for each draw, and the mean KL of their stories. */
const plansOf = (strategies: readonly string[]) => {
  const names = [...new Set(cells.filter(({ strategy }) => strategies.includes(strategy)).map(({ plan }) => plan))];
  return names.map((name) => {
    const own = cells.filter(({ plan }) => plan === name);
    const kl = own.reduce((sum, { metrics }) => sum + metrics.stories.mean, 0) / own.length;
    return { name, bytes: own[0].trueBytes, bits: own[0].averageBits, kl };
  });
};

describe("the study's data on the page", () => {
  it("has every measured plan of the results, with the mean of its draws", () => {
    const plans = plansOf(["knapsack", "auto"]);
    expect(plans.length).toBeGreaterThanOrEqual(20);
    for (const { name, bytes, kl } of plans) {
      const point = mixtral.points.find((each) => each.name === name);
      expect(point?.bytes).toBe(bytes);
      expect(point?.kl[0]?.[0]).toBeCloseTo(kl, 4);
    }
  });

  it("has bits for every linear whose weighted mean is the plan's average", () => {
    const modules = (mixtral.modules ?? []).map((name) => placeOf(name));
    const config = JSON.parse(readFileSync(repositoryFile("models/fable-mixtral/config.json"), "utf8"));
    const width = (heads: number) => (config.hidden_size / config.num_attention_heads) * heads;
    const sizeOf = (projection: string) =>
      ({
        q: config.hidden_size * width(config.num_attention_heads),
        o: config.hidden_size * width(config.num_attention_heads),
      })[projection] ??
      (["k", "v"].includes(projection)
        ? config.hidden_size * width(config.num_key_value_heads)
        : config.hidden_size * config.intermediate_size);
    const total = modules.reduce((sum, place) => sum + sizeOf(place?.projection ?? ""), 0);
    const planned = mixtral.points.filter(({ plan }) => plan !== null);
    expect(planned.length).toBeGreaterThan(250);
    for (const { name, plan, bits } of planned) {
      const digits = [...(plan ?? "")].map(Number);
      expect(digits.every((each) => BITS.includes(each))).toBe(true);
      const mean = modules.reduce((sum, place, i) => sum + sizeOf(place?.projection ?? "") * digits[i], 0) / total;
      expect([name, Math.abs(mean - bits) < 6e-4]).toEqual([name, true]);
    }
  });

  it("gives the least KL of a strategy within a budget", () => {
    const best = bestWithin(mixtral, 0, { strategy: "knapsack", budget: 3 });
    const all = plansOf(["knapsack"]).filter(({ bits }) => bits <= 3.005);
    expect(klAt(best!, 0)).toBeCloseTo(Math.min(...all.map(({ kl }) => kl)), 4);
    expect(bestWithin(mixtral, 0, { strategy: "knapsack", budget: 1 })).toBeUndefined();
  });
});
