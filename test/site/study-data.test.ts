import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { placeOf } from "../../site/src/bits/places.ts";
import { bestWithin, klAt, type Study } from "../../site/src/study/data.ts";
import { repositoryFile } from "../helpers/shared.ts";

const { studyData } = (await import(repositoryFile("scripts/site/study-data.mjs"))) as { studyData(): Study };
const study = studyData();
const [mixtral] = study.models;
const cells = readFileSync(repositoryFile("bench/quantmoe/results/fable-mixtral-stories-score.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const BITS = [2, 3, 4, 8];

describe("the study's data on the page", () => {
  it("has every measured plan of the results, with its own figures", () => {
    for (const cell of cells.filter(({ strategy }) => strategy === "knapsack" || strategy === "auto")) {
      const point = mixtral.points.find(({ name }) => name === cell.plan);
      expect(point?.bytes).toBe(cell.trueBytes);
      expect(point?.kl[0]?.[0]).toBeCloseTo(cell.metrics.stories.mean, 4);
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
    const all = cells.filter(({ strategy, averageBits }) => strategy === "knapsack" && averageBits <= 3.005);
    expect(klAt(best!, 0)).toBeCloseTo(Math.min(...all.map(({ metrics }) => metrics.stories.mean)), 4);
    expect(bestWithin(mixtral, 0, { strategy: "knapsack", budget: 1 })).toBeUndefined();
  });
});
