import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { readRepository } from "./reading/sources.ts";

interface Rule {
  readonly family: string;
  readonly policy: string;
  readonly bytes: number;
  readonly bits: number;
  readonly budget: number;
}
interface Family {
  readonly family: string;
  readonly most: number;
  text(count: number): string;
}
interface Choice {
  readonly budget: number;
  readonly menu: string;
  readonly policy: string;
  readonly family: string;
  readonly bytes: number;
}
const load = async <Module>(path: string) => (await import(repositoryFile(path))) as unknown as Module;
const { shortlistOf } = await load<{ shortlistOf(model: unknown, menu: readonly number[]): readonly Family[] }>(
  "bench/quantmoe/study/shortlist.mjs",
);
const { taskPlans } = await load<{ taskPlans(chosen: readonly Choice[]): readonly { readonly name: string }[] }>(
  "bench/quantmoe/study/score-plans.mjs",
);
const readJson = (name: string) => JSON.parse(readRepository(`bench/quantmoe/study/${name}`));

/** smol-moe is too large for the repository, so sizes are checked by what its plans cost: a quarter of its weights each for attention and shared experts. */
function bitsOf(policy: string): number {
  if (policy.startsWith("uniform:")) return Number(policy.slice(-1));
  const [, attention, shared, base, rest] = /^attention:(\d),shared:(\d),base:(\d)(.*)$/.exec(
    policy,
  ) as RegExpExecArray;
  const of = (part: RegExp) => Number(part.exec(rest)?.[1] ?? 0);
  const raised = rest === "" ? Number(base) : Number(rest.slice(-1));
  const whole = rest.includes("projection:down") ? 1 / 3 : 0;
  const counted =
    of(/(?:importance|first|last):(\d+)/) / 30 + of(/gate-frequency:(\d+)/) / 8 + of(/outlier:([\d.]+)%/) / 100;
  const share = whole + (1 - whole) * counted;
  return (Number(attention) + Number(shared)) / 4 + (Number(base) + share * (raised - Number(base))) / 2;
}

describe("the shortlist of rules for smol-moe", () => {
  const { budgets, rules } = readJson("smol-moe-rules.json") as {
    readonly budgets: readonly { readonly bits: number; readonly bytes: number }[];
    readonly rules: readonly Rule[];
  };

  it("fills its budgets, one of which is exactly uniform 3 bits", () => {
    expect(budgets.map(({ bits }) => bits)).toEqual([2.6, 3, 3.4, 3.8]);
    const uniform = rules.find(({ policy }) => policy === "uniform:3");
    expect(uniform?.budget).toBe(3);
    expect(budgets[1].bytes - (uniform?.bytes ?? 0)).toBeLessThan(1500);
    for (const { policy, bytes, bits, budget } of rules) {
      const most = budgets.find((each) => each.bits === budget)?.bytes ?? 0;
      expect(bytes).toBeLessThanOrEqual(most);
      expect(bytes).toBeGreaterThanOrEqual(0.995 * most);
      expect(`${policy} ${bitsOf(policy).toFixed(3)}`).toBe(`${policy} ${bits.toFixed(3)}`);
    }
    for (const { bits } of budgets) expect(rules.filter(({ budget }) => budget === bits).length).toBeGreaterThan(4);
  });

  it("is what its sweep measures, each plan once", () => {
    const policies = rules.map(({ policy }) => policy);
    expect(new Set(policies).size).toBe(policies.length);
    const { plans, metrics, sampleTokens } = readJson("smol-moe-select.json");
    expect(plans.map(({ policy }: Rule) => policy)).toEqual(policies);
    expect(metrics).toMatchObject([{ name: "selection", skip: 65536, limit: 4096 }]);
    expect(sampleTokens).toBe(512);
  });

  it("raises blocks by cosine over every frame, and never nearly everything", () => {
    const model = { blocks: 30, experts: 8, linears: 720 };
    const families = shortlistOf(model, [2, 3, 4, 8]);
    const texts = families.filter(({ family }) => family === "blocks by cosine").map(({ text, most }) => text(most));
    expect(texts).toContain("attention:2,shared:4,base:2+importance:27@3");
    expect(texts).toContain("attention:4,shared:3,base:3+importance:27@4");
    expect(new Set(texts).size).toBe(texts.length);
    for (const { text, most } of families) expect(text(most)).not.toMatch(/:(30|8|100%)@/);
  });

  it("hands the plans of uniform 3 bits' bytes to the tasks", () => {
    const menu = "2,3,4,8";
    const chosen = [
      { budget: 2.6, menu, policy: "a", family: "f", bytes: 10 },
      { budget: 3, menu, policy: "b", family: "f", bytes: 20 },
    ];
    const names = taskPlans(chosen).map(({ name }) => name);
    expect(names).toEqual(["uniform:3", "uniform:4", "b", "knapsack:2,3,4,8 in 20 bytes"]);
  });
});
