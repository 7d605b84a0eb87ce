import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import type { PlanContext } from "../../../src/compress/plan/plan-context.ts";
import { planFor } from "../../../src/compress/plan/plan-model.ts";
import { shapesOfConfig } from "../../../src/compress/recipe/model-shapes.ts";
import type { Statistics } from "../../../src/compress/statistics/statistics.ts";
import { readModelShapes } from "../../../src/model/model.ts";
import { parseBudget } from "../../../src/policy/budget.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";

/** Blocks in an order of cosines that is not the order of layers. */
function statisticsOf(layers: readonly number[]): Statistics {
  const blocks = layers.map((layer, i) => ({ layer, cosine: ((i * 5) % layers.length) / 10, cosineModule: 0 }));
  const none = { modelHash: "", tokenHashes: [], tokens: 1, windows: 1, pairs: [], linears: [], inputs: [] };
  const experts = layers.flatMap((layer) =>
    Array.from({ length: 16 }, (_, expert) => ({ layer, expert, tokens: 1, gateSum: ((expert * 7) % 16) / 16 })),
  );
  return { ...none, starved: [], experts, blocks };
}

async function contextOf(folder: string): Promise<PlanContext> {
  const { family, config } = await readModelShapes(await nodeFolder(folder));
  const moe = config.moeLayers.flatMap((isMoe, layer) => (isMoe ? [layer] : []));
  return { shapes: shapesOfConfig(folder, family, config), statistics: statisticsOf(moe), groupSize: 64 };
}

const planAt = (context: PlanContext, budget: string) =>
  planFor(parsePolicy("auto"), { ...context, budget: parseBudget(budget) });

/** Parts of a rule: its classes, the numbers of raised blocks and experts, their bits. */
function partsOf(policy: string) {
  const [, classes, blocks = "0", experts = "0"] =
    /^([\w:,]+?)(?:\+importance:(\d+)@\d)?(?:\+gate-frequency:(\d+)@\d)?$/.exec(policy) as RegExpExecArray;
  return { classes, blocks: Number(blocks), experts: Number(experts), bits: policy.at(-1) };
}

describe("policy auto", () => {
  it.each([
    ["models/fable-mixtral", 6, 8],
    ["models/fable-deepseek", 5, 16],
    ["test/fixtures/shapes/mixtral-8x7b", 32, 8],
  ])(
    "%s: raises as many blocks as the budget allows, then experts, and its rule alone makes the same plan",
    async (folder, blocks, each) => {
      const context = await contextOf(folder);
      let last = 0;
      for (const bits of [2, 2.1, 2.3, 2.5, 2.8, 3, 3.1, 3.5, 4, 4.5, 8]) {
        const plan = await planAt(context, String(bits));
        expect(plan.averageBits).toBeLessThanOrEqual(bits + 1e-9);
        expect(plan.averageBits).toBeGreaterThanOrEqual(last);
        last = plan.averageBits;
        const { policy, resolved, trueBytes } = plan;
        expect(await planFor(parsePolicy(policy), context)).toMatchObject({ resolved, trueBytes });
        const parts = partsOf(policy);
        if (new Set(Object.values(resolved)).size === 1 || parts.blocks === blocks || parts.experts === each - 1)
          continue;
        const raised = parts.bits === "2" ? "3" : parts.bits;
        const next = { ...parts, experts: parts.experts + 1 };
        const more = `${next.classes}${next.blocks === 0 ? "" : `+importance:${next.blocks}@${raised}`}+gate-frequency:${next.experts}@${raised}`;
        if (parts.blocks + parts.experts > 0)
          expect((await planFor(parsePolicy(more), context)).averageBits).toBeGreaterThan(bits);
        // The same as bytes of the file: to the byte it fits, and a byte less takes another plan.
        expect((await planAt(context, `${trueBytes}B`)).policy).toBe(policy);
        expect((await planAt(context, `${trueBytes - 1}B`)).trueBytes).toBeLessThan(trueBytes);
      }
    },
  );

  it("raises attention above the raised blocks when a fifth of the blocks is raised, and shared experts after attention", async () => {
    const mixtral = await contextOf("models/fable-mixtral");
    expect((await planAt(mixtral, "2.4")).policy).toBe("attention:3,base:2+importance:2@3");
    expect((await planAt(mixtral, "2.48")).policy).toBe("attention:4,base:2+importance:2@3");
    const deepseek = await contextOf("models/fable-deepseek");
    expect((await planAt(deepseek, "2.2")).policy).toBe("attention:3,dense:3,shared:2,base:2");
    expect((await planAt(deepseek, "2.37")).policy).toBe("attention:3,dense:3,shared:3,base:2+importance:1@3");
    expect((await planAt(deepseek, "2.58")).policy).toBe("attention:4,dense:4,shared:4,base:2+importance:1@3");
    expect((await planAt(deepseek, "4.16")).policy).toBe("attention:8,dense:8,shared:4,base:3+importance:2@4");
  });

  it("names classes that the model has, and no others", async () => {
    expect((await planAt(await contextOf("models/fable-mixtral"), "2.7")).policy).toMatch(
      /^attention:\d,base:2\+importance/,
    );
    expect((await planAt(await contextOf("models/fable-deepseek"), "2.7")).policy).toMatch(
      /^attention:\d,dense:\d,shared:\d,base:2\+importance/,
    );
  });

  it("wants a budget that 2 bits fit, and statistics, which it gathers where it can", async () => {
    const context = await contextOf("models/fable-mixtral");
    await expect(planFor(parsePolicy("auto"), context)).rejects.toThrow("--budget 3.0");
    await expect(planAt(context, "1000B")).rejects.toThrow(/found 1000 bytes, expected at least \d{7}/);
    const { statistics, ...bare } = context;
    await expect(planAt(bare, "2.7")).rejects.toThrow("quern calibrate MODEL");
    let gathered = 0;
    const gather = async () => {
      gathered++;
      return statistics as Statistics;
    };
    expect(await planAt({ ...bare, gather }, "2.7")).toEqual(await planAt(context, "2.7"));
    expect(gathered).toBe(1);
  });
});
