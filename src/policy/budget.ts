/** What a plan may cost: average bits, or bytes of the weight file. */

import { UsageError } from "../base/errors.ts";
import { parseSize } from "../files/byte-size.ts";

/** What a plan may spend: average bits a weight, or bytes of the whole weight file. */
export type Budget =
  | { readonly kind: "bits"; readonly averageBits: number }
  | { readonly kind: "bytes"; readonly trueBytes: number };

/** `3.25` is average bits; with a unit (`B`, `kB`, `MB`, `GB`, powers of 1000) it is bytes, rounded down. */
export function parseBudget(text: string): Budget {
  const size = parseSize(text);
  if (size?.bytes !== undefined && size.bytes >= 1) return { kind: "bytes", trueBytes: size.bytes };
  if (size !== undefined && size.bytes === undefined && size.value >= 2 && size.value <= 16)
    return { kind: "bits", averageBits: size.value };
  const shown = text.length > 40 ? `${text.slice(0, 37)}...` : text;
  throw new UsageError("budget", `"${shown}"`, "average bits from 2 to 16, or bytes with a unit, such as 3.0 or 5.2MB");
}

/** What a plan costs, in both units. */
export interface PlanSize {
  readonly averageBits: number;
  readonly trueBytes: number;
}

/** A plan's size beside a budget, in the budget's unit. */
export interface Spending {
  readonly exceeds: boolean;
  /** Such as `2.5 average bits` or `4193512 bytes`. */
  readonly spent: string;
  /** Such as `3`, in the same unit. */
  readonly most: string;
}

/** Average bits are sums of whole bits divided by weights, so their limit has room for rounding. */
const ROUNDING = 1e-9;

/** Compares the size of a plan with a budget. */
export function spendingOf({ averageBits, trueBytes }: PlanSize, budget: Budget): Spending {
  if (budget.kind === "bits")
    return {
      exceeds: averageBits > budget.averageBits + ROUNDING,
      spent: `${averageBits} average bits`,
      most: `${budget.averageBits}`,
    };
  return { exceeds: trueBytes > budget.trueBytes, spent: `${trueBytes} bytes`, most: `${budget.trueBytes}` };
}
