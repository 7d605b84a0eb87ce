/** What the float model's cell tells of its structure: how much each block changes its input, and how large the outliers of its weights are. */
import { groupBy } from "../../../base/group-by.ts";
import type { Statistics } from "../../../compress/statistics/statistics.ts";
import type { Model } from "../../../model/model.ts";
import type { FloatStructure } from "../../../report/results/cell-line.ts";

/** Blocks by 1 minus the cosine of their input and output; of the linears of one layer, role and projection the largest outlier score. */
export function structureOf(model: Model, { blocks, linears }: Pick<Statistics, "blocks" | "linears">): FloatStructure {
  const scores = new Map(linears.map(({ name, outlier }) => [name, outlier]));
  const scored = model.files.linears.filter(({ name }) => scores.has(name));
  const groups = groupBy(scored, ({ layer, role, projection }) => `${layer}/${role}/${projection}`);
  return {
    blocks: blocks.map(({ layer, cosine }) => ({ layer, importance: 1 - cosine })),
    outliers: [...groups.values()].map((group) => {
      const [{ layer, role, projection }] = group;
      return { layer, role, projection, score: Math.max(...group.map(({ name }) => scores.get(name) ?? 0)) };
    }),
  };
}
