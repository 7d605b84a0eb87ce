/** Roots of rising functions. */

/** The number between `lo` and `hi` at which `below` turns false: the range is halved until its ends are neighbouring numbers. */
export function bisect(below: (x: number) => boolean, lo: number, hi: number): number {
  for (;;) {
    const middle = lo + (hi - lo) / 2;
    if (middle === lo || middle === hi) return middle;
    if (below(middle)) lo = middle;
    else hi = middle;
  }
}
