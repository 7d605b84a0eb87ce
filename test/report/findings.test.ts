import { describe, expect, it } from "vitest";
import type { Finding } from "../../src/report/finding.ts";
import { findingsOf, lacksMenus } from "../../src/report/findings.ts";
import { comparePlans } from "../../src/report/results/differences.ts";
import { type Fields, modelsOf } from "./report-lines.ts";

async function found(
  ...lines: readonly Fields[]
): Promise<{ findings: Finding[]; further: Finding[]; menusLack: boolean }> {
  const models = modelsOf(...lines);
  const comparisons = await comparePlans(models, new AbortController().signal);
  const { main, further } = findingsOf(models, comparisons);
  const menusLack = models.some(({ plans }) => lacksMenus(plans, comparisons.differences));
  return { findings: [...main], further: [...further], menusLack };
}

const WINDOWS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

describe("findingsOf", () => {
  it("says where the knapsack is worse, and that menus are not stated", async () => {
    const { findings, menusLack } = await found(
      { plan: "rule", policy: "first:1@4", windows: WINDOWS },
      { plan: "k", policy: "knapsack", windows: WINDOWS.map((kl) => 1.5 * kl) },
    );
    expect(findings[0].claim).toBe("The knapsack leaves 50 % more KL than the best rule within its bytes.");
    expect(menusLack).toBe(true);
  });

  it("tells the smallest and the largest gain of several sizes", async () => {
    const at = (bits: number) => ({ averageBits: bits, trueBytes: 1000 * bits });
    const { findings } = await found(
      ...[2, 3, 4].flatMap((bits) => [
        { plan: `rule ${bits}`, policy: "first:1@4", ...at(bits), windows: WINDOWS.map((kl) => kl / bits) },
        {
          plan: `k ${bits}`,
          policy: "knapsack",
          ...at(bits),
          windows: WINDOWS.map((kl) => ((1.1 - bits / 10) * kl) / bits),
        },
      ]),
    );
    expect(findings[0].figure).toBe("20 % less KL");
    expect(findings[0].claim).toBe(
      "The knapsack leaves 20 % less KL than the best rule within its bytes on the mean of 3 sizes, from 10 % less at 2.00 bits to 30 % less at 4.00 bits.",
    );
    expect(findings[0].certainty).toMatch(
      /^3 of 3 differences shown \(corrected p at most < 0\.001\)\. Unit: a window of text \(12, one draw\)\. The smallest gain is \u2212/,
    );
  });

  it("counts the rules that beat their random plans, that are worse, and that show no difference", async () => {
    const rule = (plan: string, change: (kl: number, i: number) => number): Fields => {
      return { plan, policy: "first:1@4", control: "random", windows: WINDOWS.map(change) };
    };
    const { findings } = await found(
      { plan: "random", policy: "base:2+random-linears:50%@4", windows: WINDOWS },
      rule("better", (kl) => 0.5 * kl),
      rule("best", (kl) => 0.25 * kl),
      rule("worse", (kl) => 1.5 * kl),
      rule("same", (kl, i) => kl + (i % 2 === 0 ? 0.1 : -0.1)),
    );
    expect(findings.length).toBe(1);
    expect(findings[0].figure).toBe("2 of 4 rules");
    expect(findings[0].claim).toBe(
      "2 of 4 rules beat random plans of about as many bytes; 1 is worse, and 1 shows no difference. “best” gains most.",
    );
    expect(findings[0].certainty).toContain("3 of 4 differences shown");
    // The mean of the windows is 6.5, of which "best" keeps a quarter.
    expect(findings[0].certainty).toContain("\u22124.8750 nats a token");
    expect(findings[0].certainty).toContain("“best” against “random”");
  });

  it("has nothing to say of plans that nothing is compared with", async () => {
    expect(await found({ plan: "a" })).toEqual({ findings: [], further: [], menusLack: false });
  });
});
