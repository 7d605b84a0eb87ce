/** The plans that the demo compares: each by GPTQ and by rounding, on the same grid and the same calibration tokens. */
import { chooseGrid, DEFAULTS } from "../../compress/recipe/choose-grid.ts";
import { type ModuleSetting, type QuantizeSettings, quantizableLinears } from "../../compress/recipe/settings.ts";
import type { ModelFiles } from "../../model/model.ts";

export interface DemoPlan {
  /** Name of the folder, and label in the table. */
  readonly name: string;
  readonly label: string;
  readonly settings: QuantizeSettings;
}

type DemoBits = 2 | 3 | 4;

const PLANS: readonly {
  readonly name: string;
  readonly label: string;
  readonly attention: DemoBits;
  readonly rest: DemoBits;
}[] = [
  { name: "4bit", label: "4 bits", attention: 4, rest: 4 },
  { name: "3bit", label: "3 bits", attention: 3, rest: 3 },
  { name: "attention4-experts2", label: "attention 4, experts 2", attention: 4, rest: 2 },
  { name: "2bit", label: "2 bits", attention: 2, rest: 2 },
];

/** Every plan twice, GPTQ first. */
export function demoPlans(files: ModelFiles): readonly DemoPlan[] {
  return PLANS.flatMap(({ name, label, attention, rest }) =>
    (["gptq", "rtn"] as const).map((method) => {
      const setting = (role: string): ModuleSetting => ({
        bits: role === "attention" ? attention : rest,
        groupSize: DEFAULTS.groupSize,
      });
      const modules = new Map(quantizableLinears(files).map(({ name, role }) => [name, setting(role)]));
      return {
        name: `${method}-${name}`,
        label: `${label}, ${method}`,
        settings: { ...chooseGrid(modules, { method }), modules },
      };
    }),
  );
}
