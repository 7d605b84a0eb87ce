import { describe, expect, it } from "vitest";
import { planRecords } from "../../../src/report/data/plan-records.ts";
import { comparePlans } from "../../../src/report/results/differences.ts";
import { gatherModels } from "../../../src/report/results/plan-means.ts";
import { readCells } from "../../../src/report/results/read-cells.ts";
import { line } from "../report-lines.ts";

describe("planRecords", () => {
  it("has a plan beside its control, over draws and random plans, and nothing for a plan without one", async () => {
    const lines = [0, 1, 2].flatMap((draw) => [
      line({ plan: "rule", control: "random", calibration: `draw ${draw}`, windows: [1 + 0.01 * draw, 1] }),
      line({ plan: "alone", calibration: `draw ${draw}`, windows: [1, 1] }),
      ...[0, 1, 2].map((seed) =>
        line({ plan: "random", seed, calibration: `draw ${draw}`, windows: [2 + 0.01 * draw, 2 + 0.01 * seed] }),
      ),
    ]);
    const models = gatherModels(readCells(lines.join("\n"), "lines"));
    const { differences } = await comparePlans(models, new AbortController().signal);
    const [record, ...others] = planRecords(models, differences);
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      claim: "against random plans of as many bytes",
      plan: "rule",
      againstPlan: "random",
      by: "KL",
      unit: "3 draws of calibration tokens and 3 random plans, both random",
    });
    // Means over draws of 1 + 0.005 d against 2 + 0.005 d + 0.005 s.
    expect(record["oursKl"]).toBeCloseTo(1.005, 12);
    expect(record["theirsKl"]).toBeCloseTo(2.01, 12);
    expect(record["difference"]).toBeCloseTo(-1.005, 12);
    expect(record["differenceLow"]).toBeLessThan(-1.005);
    expect(record["differenceHigh"]).toBeLessThan(-0.99);
    expect(record["holm"]).toBe(record["p"]);
  });
});
