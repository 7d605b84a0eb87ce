import { describe, expect, it } from "vitest";
import { gatherModels } from "../../../src/report/results/plan-means.ts";
import { readCells } from "../../../src/report/results/read-cells.ts";
import { line } from "../report-lines.ts";

describe("gatherModels", () => {
  const cells = (metrics: string, file: string, windows: readonly number[]) =>
    readCells(line({ plan: "p", hashes: { metrics }, windows }), `folder/${file}`);

  it("takes results of one model on the same texts together, whatever file they are in", () => {
    const [model, ...others] = gatherModels([...cells("x", "a.jsonl", [1, 1]), ...cells("x", "b.jsonl.gz", [3, 3])]);
    expect(others).toEqual([]);
    expect(model).toMatchObject({ name: "m", plans: [{ kl: { mean: 2 } }] });
  });

  it("keeps results on other texts apart, and names them after their files", () => {
    const models = gatherModels([...cells("x", "a.jsonl", [1, 1]), ...cells("y", "b.jsonl.gz", [3, 3])]);
    expect(models).toMatchObject([
      { name: "m (a)", plans: [{ kl: { mean: 1 } }] },
      { name: "m (b)", plans: [{ kl: { mean: 3 } }] },
    ]);
  });
});
