/** Checks of what statistics are given: at least one number, finite numbers, counts and levels in range. */
import { UsageError } from "../../base/errors.ts";

export function requireValues(where: string, values: ArrayLike<number>): void {
  if (values.length === 0) throw new UsageError(where, "none", "at least one value");
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i])) throw new UsageError(`${where} ${i}`, String(values[i]), "a finite number");
}

export function requireSameLength(where: string, found: ArrayLike<unknown>, expected: ArrayLike<unknown>): void {
  if (found.length !== expected.length)
    throw new UsageError(where, `${found.length} values`, `${expected.length}, as many as on the other side`);
}

/** A whole number from `least` to `most`. */
export function requireCount(
  where: string,
  count: number,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): void {
  if (!(Number.isSafeInteger(count) && count >= least && count <= most))
    throw new UsageError(where, String(count), `a whole number from ${least} to ${most}`);
}

export function requireProbability(where: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new UsageError(where, String(p), "a number from 0 to 1");
}

export function requireLevel(level: number): void {
  if (!(level > 0 && level < 1)) throw new UsageError("level", String(level), "a number between 0 and 1, such as 0.95");
}
