/** Sizes in bytes as people write them. */
import { UsageError } from "../base/errors.ts";

const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

/** A number and its unit, `""` where there is none. */
export interface WrittenSize {
  readonly value: number;
  /** Bytes, rounded down; undefined for a number without a unit. */
  readonly bytes: number | undefined;
}

/** Reads `5.2MB`: units are `B`, `kB`, `MB` and `GB`, powers of 1000. Undefined for other texts. */
export function parseSize(text: string): WrittenSize | undefined {
  const found = /^(\d+(?:\.\d+)?) ?(B|kB|MB|GB)?$/.exec(text.trim());
  if (found === null) return undefined;
  const value = Number(found[1]);
  const unit = found[2];
  return { value, bytes: unit === undefined ? undefined : Math.floor(Number((value * UNITS[unit]).toPrecision(15))) };
}

/** A limit of memory, `where` in the error: bytes, or such a text as `2GB`. @throws UsageError for what is neither. */
export function memoryBytes(memory: number | string, where: string = "memory"): number {
  const bytes = typeof memory === "string" ? parseSize(memory)?.bytes : memory;
  if (typeof bytes === "number" && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError(where, JSON.stringify(memory) ?? typeof memory, "bytes with a unit, such as 2GB");
}
