/** Measured damages as statistics keep them, with the grid that they were measured for. */
import { UsageError } from "../../base/errors.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { GridSettings } from "../recipe/settings.ts";

/** Damage of each linear at each bit width, by module name. In nats of KL per token. */
export type Damages = ReadonlyMap<string, Readonly<Record<Bits, number>>>;

/** Default number of tokens on which KL is measured. */
export const DAMAGE_SAMPLE_TOKENS = 2048;

export const DAMAGE_BITS = [2, 3, 4, 8] as const;

/** The damages of all linears, and how they were measured. */
export interface DamageTable {
  /** The grid, its group size and the number of tokens on which KL was measured, as one line of JSON. */
  readonly measuredAs: string;
  readonly damages: Damages;
}

/** How damages are measured besides the grid. */
export interface DamageMeasure {
  readonly groupSize: number;
  /** The most tokens for KL. */
  readonly sampleTokens: number;
  /** Whether damages are refined to those under error feedback. Default false. */
  readonly refine?: boolean;
}

/** Everything that damages depend on besides model and tokens. Error feedback only counts if damages are refined. */
export function measuredAs(
  { method: _, errorFeedback = 0, ...grid }: GridSettings,
  { groupSize, sampleTokens, refine = false }: DamageMeasure,
): string {
  const refined = refine ? { refine, errorFeedback } : {};
  return JSON.stringify({ ...grid, gateWeighted: grid.gateWeighted ?? false, groupSize, sampleTokens, ...refined });
}

/**
 * The known damages if they were measured as wanted, otherwise the result of `measure`.
 * @throws UsageError if neither is available.
 */
export async function damagesMeasuredAs(
  wanted: string,
  known: DamageTable | undefined,
  measure: (() => Promise<Damages>) | undefined,
): Promise<DamageTable> {
  if (known?.measuredAs === wanted) return known;
  if (measure !== undefined) return { measuredAs: wanted, damages: await measure() };
  const found = known === undefined ? "no measured damages" : `damages measured as ${known.measuredAs}`;
  throw new UsageError(
    "policy knapsack",
    found,
    `damages measured as ${wanted}, or calibration tokens to measure them on`,
  );
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
