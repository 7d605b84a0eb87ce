/** What a line of results says of its cell beside what was measured: names and labels, as the configuration has them. */
import { type CellFacts, type CellLine, FLOAT_PLAN } from "../../report/results/cell-line.ts";
import type { SweepCell } from "./cell-list.ts";

type Labels = Omit<CellFacts, "hashes" | "timing"> & Pick<CellLine, "strategy" | "family" | "competesAt">;

export function labelsOf({ key, model, plan, grid, calibration, seed }: SweepCell): Labels {
  const isFloat = plan.name === FLOAT_PLAN;
  return {
    key,
    ...{ model: model.name, plan: plan.name, policy: plan.policy, control: plan.control ?? null },
    ...{ grid: grid.name, calibration: isFloat ? null : calibration.name, seed },
    activations: plan.activations ?? null,
    ...{ strategy: plan.strategy, family: plan.family, competesAt: plan.competesAt },
  };
}
