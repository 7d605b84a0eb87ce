import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../src/adapter/node.ts";
import { planFor } from "../../src/compress/plan/plan-model.ts";
import { type ModelShapes, planModulesOf, shapesOfFiles } from "../../src/compress/recipe/model-shapes.ts";
import type { Statistics } from "../../src/compress/statistics/statistics.ts";
import { type ModelFiles, readModelFiles } from "../../src/model/model.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { mulberry32 } from "../helpers/random.ts";
import { readRepository } from "./reading/sources.ts";

interface Rule {
  readonly family: string;
  readonly policy: string;
  readonly bytes: number;
  readonly bits: number;
  readonly menus: readonly string[];
  readonly budget: number;
}

interface RuleList {
  readonly budgets: readonly { readonly bits: number; readonly bytes: number }[];
  readonly rules: readonly Rule[];
}

const FOLDER = "bench/quantmoe/study";
const readJson = (name: string) => JSON.parse(readRepository(`${FOLDER}/${name}`));

/** Statistics in which blocks, experts and linears are ranked at random: a rule's size must not depend on its choices. */
function shuffled(shapes: ModelShapes): Statistics {
  const random = mulberry32(11);
  const modules = planModulesOf(shapes);
  const experts = modules.filter(({ role, projection }) => role === "expert" && projection === "down");
  return {
    blocks: [...new Set(experts.map(({ layer }) => layer))].map((layer) => ({
      layer,
      cosine: random(),
      cosineModule: 0,
    })),
    experts: experts.map(({ layer, expert }) => ({ layer, expert, tokens: random(), gateSum: random() })),
    linears: modules.map(({ name }) => ({ name, outlier: random() })),
  } as unknown as Statistics;
}

function widthsOfExperts(resolved: Readonly<Record<string, unknown>>): number {
  return new Set(Object.entries(resolved).flatMap(([name, bits]) => (name.includes(".experts.") ? [bits] : []))).size;
}

/** Digits of offsets in the header. */
const HEADER_BYTES = 256;
/** Linears of an expert differ by the column indices of their files, so a share of linears has not quite one size. */
const OUTLIER_BYTES = 20_000;

describe.each(["fable-mixtral", "fable-deepseek"])("the rules of the study for %s", (model) => {
  const { budgets, rules } = readJson(`${model}-rules.json`) as RuleList;
  let files: ModelFiles;
  let shapes: ModelShapes;
  beforeAll(async () => {
    files = await readModelFiles(await nodeFolder(`models/${model}`));
    shapes = shapesOfFiles(files);
  });
  afterAll(() => files.index.close());

  it("have the bytes that are listed, whatever they choose, within their budget and menus", async () => {
    const statistics = shuffled(shapes);
    for (const { policy, bytes, bits, menus, budget } of rules) {
      const plan = await planFor(parsePolicy(policy), { shapes, groupSize: 64, statistics });
      const most = budgets.find((each) => each.bits === budget)?.bytes ?? 0;
      const isByShare = policy.includes("outlier");
      const told = `${policy}: ${plan.trueBytes} bytes`;
      expect(Math.abs(plan.trueBytes - bytes) <= (isByShare ? OUTLIER_BYTES : HEADER_BYTES) ? told : bytes).toBe(told);
      expect(plan.trueBytes <= most ? told : most).toBe(told);
      if (!isByShare) expect(plan.averageBits).toBeCloseTo(bits, 9);
      const widths = Object.values(plan.resolved).map(String);
      for (const menu of menus) expect(widths.filter((width) => !menu.split(",").includes(width))).toEqual([]);
    }
  }, 60_000);

  it("are ten budgets and every family, each plan once, and what the sweep measures", () => {
    expect(budgets.map(({ bits }) => bits)).toEqual([2.1, 2.2, 2.4, 2.6, 2.8, 3, 3.2, 3.5, 3.8, 4.2]);
    const policies = rules.map(({ policy }) => policy);
    expect(new Set(policies).size).toBe(policies.length);
    const wanted = [
      "blocks by cosine",
      "first blocks",
      "last blocks",
      "experts by tokens",
      "experts by routing weight",
    ];
    const others = ["down", "down and up", "gate", "up", "linears by outlier score", "attention", "uniform"];
    for (const family of ["first blocks", "last blocks", "experts by tokens", "linears by outlier score"])
      expect(rules.some((rule) => rule.family === family && /^attention:4.*base:2.*@3$/.test(rule.policy))).toBe(true);
    for (const family of [...wanted, ...others]) expect(rules.map((rule) => rule.family)).toContain(family);
    const { plans, grids } = readJson(`${model}-select.json`);
    expect(plans.map(({ policy }: Rule) => policy)).toEqual(policies);
    expect(grids).toEqual([{ name: "default at 2 and 3 bits", symmetric: false }]);
  });

  it("take the largest count that fits", async () => {
    const families = ["blocks by cosine", "experts by tokens", "blocks by cosine, filled with experts"];
    const counted = rules.filter(({ family }) => families.includes(family));
    expect(counted.length).toBeGreaterThan(30);
    for (const { policy, budget } of counted) {
      const more = policy.replace(/:(\d+)@(\d)$/, (_, count, bits) => `:${Number(count) + 1}@${bits}`);
      const size = planFor(parsePolicy(more), { shapes, groupSize: 64, statistics: shuffled(shapes) });
      const most = budgets.find((each) => each.bits === budget)?.bytes ?? 0;
      // Past the last block or expert there is nothing to raise, and with all of them the plan is one of classes, which is listed, too.
      await size.then(
        ({ trueBytes, resolved }) => expect(trueBytes > most || widthsOfExperts(resolved) === 1 ? more : "").toBe(more),
        (error) => expect(String(error)).toContain("expected up to"),
      );
    }
  }, 60_000);
});
