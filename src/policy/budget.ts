/** What a plan may cost: average bits, or bytes of the weight file. */
import { UsageError } from "../base/errors.ts";

/** What a plan may spend: average bits a weight, or bytes of the whole weight file. */
export type Budget =
  | { readonly kind: "bits"; readonly averageBits: number }
  | { readonly kind: "bytes"; readonly trueBytes: number };

const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

/** `3.25` is average bits; with a unit (`B`, `kB`, `MB`, `GB`, powers of 1000) it is bytes, rounded down. */
export function parseBudget(text: string): Budget {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?) ?(B|kB|MB|GB)?$/.exec(text.trim()) ?? [];
  const value = Number(number);
  if (unit !== "" && value * UNITS[unit] >= 1)
    return { kind: "bytes", trueBytes: Math.floor(Number((value * UNITS[unit]).toPrecision(15))) };
  if (unit === "" && value >= 2 && value <= 16) return { kind: "bits", averageBits: value };
  const shown = text.length > 40 ? `${text.slice(0, 37)}...` : text;
  throw new UsageError("budget", `"${shown}"`, "average bits from 2 to 16, or bytes with a unit, such as 3.0 or 5.2MB");
}
