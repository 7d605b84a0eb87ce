/** The loss of GPTQ and that of rounding of a whole model, gathered by layer, role and projection. */
import { groupBy } from "../../../base/group-by.ts";
import type { ModuleReport } from "../../../compress/result/module-report.ts";
import type { Model } from "../../../model/model.ts";
import type { LossLine } from "../../../report/results/cell-line.ts";
import { isQuantizable } from "../../../tensor/linear-shape.ts";

/** Losses of the quantised linears; experts are weighted by their tokens. */
export function lossesOf(model: Model, modules: readonly ModuleReport[]): readonly LossLine[] {
  const reports = new Map(modules.map((report) => [report.name, report]));
  const entries = model.files.linears.flatMap((linear) => {
    const report = isQuantizable(linear) ? reports.get(linear.name) : undefined;
    return report === undefined ? [] : [{ linear, report }];
  });
  const groups = groupBy(entries, ({ linear: { layer, role, projection } }) => `${layer}/${role}/${projection}`);
  return [...groups.values()].map((group) => {
    const [{ layer, role, projection }] = group.map(({ linear }) => linear);
    const tokens = group.reduce((sum, { report }) => sum + report.tokens, 0);
    const share = tokens === 0 ? 0 : 1 / tokens;
    const meanOf = (field: "loss" | "rtnLoss") =>
      group.reduce((sum, { report }) => sum + (report[field] ?? 0) * report.tokens, 0) * share;
    return { layer, role, projection, loss: meanOf("loss"), rtnLoss: meanOf("rtnLoss") };
  });
}
