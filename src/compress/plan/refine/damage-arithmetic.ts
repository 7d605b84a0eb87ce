/** Sums and multiples of damages. */
import { UsageError } from "../../../base/errors.ts";
import type { Bits, LinearShape } from "../../../tensor/linear-shape.ts";
import type { Damages } from "../../statistics/damage-table.ts";

/** Damages of one linear by width. @throws UsageError if there are none. */
export function damagesOfLinear(damages: Damages, name: string): Readonly<Record<Bits, number>> {
  const known = damages.get(name);
  if (known === undefined) throw new UsageError("damages", `nothing for ${name}`, "damages of every linear");
  return known;
}

/** A linear's damages times a factor. */
export function scaledDamages(damages: Damages, name: string, factor: number): Readonly<Record<Bits, number>> {
  const { 2: two, 3: three, 4: four, 8: eight } = damagesOfLinear(damages, name);
  return { 2: factor * two, 3: factor * three, 4: factor * four, 8: factor * eight };
}

/** The sum over some linears at one width. */
export function totalDamage(linears: readonly Pick<LinearShape, "name">[], damages: Damages, bits: Bits): number {
  return linears.reduce((sum, { name }) => sum + damagesOfLinear(damages, name)[bits], 0);
}
