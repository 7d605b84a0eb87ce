/** Writes numbers as the page shows them. */

const UNITS = ["B", "kB", "MB", "GB"] as const;

/** A size in powers of 1000, with three digits: `5.01 MB`. */
export function bytesText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${digits(bytes / 1000 ** power)} ${UNITS[power]}`;
}

/** A number with about three digits, without an exponent: `1234`, `12.3`, `0.0356`. */
export function digits(value: number, places = 3): string {
  if (!Number.isFinite(value)) return "-";
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(8, Math.max(0, places - 1 - size)));
}

/** A share as a percentage: `12.3 %`. */
export function percentText(share: number, places = 1): string {
  return `${(100 * share).toFixed(places)} %`;
}

/** A time that people wait for: `850 ms`, `12.3 s`, `2 min 5 s`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** A count of things in words: `1 token`, `32 tokens`. */
export function countText(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
