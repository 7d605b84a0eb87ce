/** Measures damages as policy knapsack wants them: with everything else float, or refined to those under error feedback. */
import type { Model } from "../../../model/model.ts";
import { type Damages, type DamageTable, measuredAs } from "../../statistics/damage-table.ts";
import type { Windows } from "../../windows/window-batch.ts";
import { type DamageOptions, measureDamage } from "../measure-damage.ts";
import { refineDamage } from "./refine-damage.ts";

export interface DamageWish extends DamageOptions {
  readonly sampleTokens: number;
  /** Default false. */
  readonly refine?: boolean;
  /** Damages of an earlier measurement. If they are those that would be refined, they are not measured again. */
  readonly known?: DamageTable;
}

/** The damage of each linear at each width, in nats of KL per token. */
export async function measureDamageAs(model: Model, windows: Windows, wish: DamageWish): Promise<Damages> {
  const { refine = false, known, ...options } = wish;
  const isKnown = known?.measuredAs === measuredAs(options.grid, options);
  const damages = isKnown ? known.damages : await measureDamage(model, windows, options);
  return refine ? refineDamage(model, windows, { ...options, damages }) : damages;
}
