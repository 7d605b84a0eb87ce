/** Measured damages as statistics keep them: with the grid they hold for. */
import { UsageError } from "../../base/errors.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { GridSettings } from "../recipe/settings.ts";

/** Damage of a linear by its bits, by module name. */
export type Damages = ReadonlyMap<string, Readonly<Record<Bits, number>>>;

/** Tokens that KL is measured on where no number is given. */
export const DAMAGE_SAMPLE_TOKENS = 2048;

export const DAMAGE_BITS = [2, 3, 4, 8] as const;

/** The damages of every linear, and what they were measured with. */
export interface DamageTable {
  /** The grid, its group size and the number of tokens that KL was measured on, as one line of JSON. */
  readonly measuredAs: string;
  readonly damages: Damages;
}

/** What damages depend on beside model and tokens. Each linear is measured by itself, where there is no error to feed back. */
export function measuredAs(
  { method: _, errorFeedback: __, ...grid }: GridSettings,
  groupSize: number,
  sampleTokens: number,
): string {
  return JSON.stringify({ ...grid, gateWeighted: grid.gateWeighted ?? false, groupSize, sampleTokens });
}

/**
 * The damages that are known, where they were measured as wanted; otherwise those that `measure` finds.
 * @throws UsageError where there is neither.
 */
export async function damagesMeasuredAs(
  wanted: string,
  known: DamageTable | undefined,
  measure: (() => Promise<Damages>) | undefined,
): Promise<DamageTable> {
  if (known?.measuredAs === wanted) return known;
  if (measure !== undefined) return { measuredAs: wanted, damages: await measure() };
  const found = known === undefined ? "no measured damages" : `damages measured as ${known.measuredAs}`;
  throw new UsageError("policy knapsack", found, `those of ${wanted}, or calibration tokens to measure them on`);
}

/** Values [linears, 4] in the order of `names`. @throws UsageError for a linear without damages. */
export function damageValues({ damages }: DamageTable, names: readonly string[]): Float64Array {
  const values = names.flatMap((name) => {
    const known = damages.get(name);
    if (known === undefined) throw new UsageError("damages", `nothing for ${name}`, "damages of every linear");
    return DAMAGE_BITS.map((bits) => known[bits]);
  });
  return Float64Array.from(values);
}

export function damagesOf(names: readonly string[], values: Float64Array): Damages {
  return new Map(
    names.map((name, i) => {
      const [two, three, four, eight] = values.subarray(4 * i, 4 * i + 4);
      return [name, { 2: two, 3: three, 4: four, 8: eight }];
    }),
  );
}
