/** Numbers and texts as the page shows them. */

export const NOTHING = "\u2013";
const MINUS = "\u2212";

export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => names[character]);
}

/** A number with `count` decimals; a dash if there is none. */
export function digits(value: number | undefined, count: number): string {
  if (value === undefined || !Number.isFinite(value)) return NOTHING;
  return value.toFixed(count).replace("-", MINUS);
}

export function signed(value: number, count: number): string {
  return `${value > 0 ? "+" : ""}${digits(value, count)}`;
}

export function span([lo, hi]: readonly [number, number], count: number): string {
  return Number.isFinite(hi - lo) ? `${signed(lo, count)} to ${signed(hi, count)}` : NOTHING;
}

/** The ends of an interval of shares, in whole percent. */
export function percents([lo, hi]: readonly [number, number]): string {
  return `${digits(100 * lo, 0)} to ${digits(100 * hi, 0)}`;
}

/** A share that is left out, in words. */
export function lessBy(gain: number): string {
  return `${Math.round(Math.abs(100 * gain))} % ${gain < 0 ? "more" : "less"}`;
}

export function megabytes(bytes: number): string {
  return bytes < 1e9 ? (bytes / 1e6).toPrecision(4) : (bytes / 1e6).toFixed(0);
}

export function percent(share: number | undefined, count = 1): string {
  return share === undefined ? NOTHING : `${digits(100 * share, count)} %`;
}

/** A p value. Small ones are given as a bound, because resamples tell no more. */
export function probability(p: number): string {
  return p < 0.001 ? "< 0.001" : digits(p, 3);
}

/** The number of decimals, four to eight, that show three digits of a KL. Its error and differences get as many. Rounding noise shows as 0. */
export function klDecimals(kl: number): number {
  return kl > 1e-8 ? Math.min(8, Math.max(4, 2 - Math.floor(Math.log10(kl)))) : 4;
}

export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
